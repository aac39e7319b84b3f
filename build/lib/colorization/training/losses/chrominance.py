"""The chrominance loss: smooth L1 on ab."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

SCALE = 20.0  # Lab units that count as one
BETA = 0.1  # of the scale, below which the loss is quadratic


def chrominance_loss(
    predicted_ab: Float[Tensor, "batch 2 height width"],
    target_ab: Float[Tensor, "batch 2 height width"],
) -> Float[Tensor, " batch"]:
    """Smooth L1: quadratic below 2 Lab units, linear above; averaged over pixels, summed over a, b.

    The papers bend it at 1 unit and sum over the pixels, so that their learning rates belong to one
    size of picture; the mean does not.

    Args:
        predicted_ab: raw Lab units.
        target_ab: the truth.

    Source: He et al. 2018, equation 4; Zhang et al. 2017, equation 2.
    """
    loss = F.smooth_l1_loss(predicted_ab / SCALE, target_ab / SCALE, reduction="none", beta=BETA)
    return loss.sum(1).mean((1, 2))
