"""The chrominance loss: smooth L1 on ab, which is also the Huber loss of Zhang et al. 2017 at delta 1."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def chrominance_loss(
    predicted_ab: Float[Tensor, "batch 2 height width"],
    target_ab: Float[Tensor, "batch 2 height width"],
) -> Float[Tensor, " batch"]:
    """Smooth L1 in raw Lab units: x²/2 below 1, |x| - 1/2 above; averaged over pixels, summed over a and b.

    The papers sum over the pixels, so that their learning rates belong to one size; the mean does
    not.

    Source: He et al. 2018, equation 4; Zhang et al. 2017, equation 2.
    """
    return F.smooth_l1_loss(predicted_ab, target_ab, reduction="none").sum(1).mean((1, 2))
