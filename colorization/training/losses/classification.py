"""The classification loss: cross entropy against softly encoded colors, rare colors weighed up."""

import torch
from jaxtyping import Float
from torch import Tensor

from colorization.network.color_bins import soft_encode

GRAY_CHROMA = 5.0  # a picture whose every |ab| is below teaches no color


def classification_loss(
    logits: Float[Tensor, "batch bins height width"],
    target_ab: Float[Tensor, "batch 2 height width"],
    weights: Float[Tensor, " bins"],
) -> Float[Tensor, " batch"]:
    """Weighted multinomial cross entropy, averaged over pixels; 0 for gray pictures.

    Args:
        logits: unnormalised log probabilities of the bins.
        target_ab: true colors on the same grid, raw Lab units.
        weights: of the bins, from rebalancing_weights; a pixel's weight is that of its nearest bin.

    Source: Zhang et al. 2016, equation 2; the rule for gray pictures is in the released code.
    """
    number, share = soft_encode(target_ab)
    entropy = -(share * logits.float().log_softmax(1).gather(1, number)).sum(1)
    loss = (entropy * weights[number[:, 0]]).mean((1, 2))
    colored = target_ab.abs().amax((1, 2, 3)) >= GRAY_CHROMA
    return torch.where(colored, loss, torch.zeros_like(loss))
