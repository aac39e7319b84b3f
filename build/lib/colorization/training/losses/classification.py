"""The classification loss: cross entropy against softly encoded colors, rare colors weighed up."""

from functools import cache
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from colorization.network.color_bins import soft_encode

GRAY_CHROMA = 5.0  # a picture whose every |ab| is below teaches no color
REACH = 128  # Lab units; colors are encoded to whole units


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
    number, share = encoded(target_ab)
    colored = target_ab.abs().amax((1, 2, 3), keepdim=True)[:, 0] >= GRAY_CHROMA
    pixel_weights = weights.to(logits.device)[number[:, 0]] * colored
    entropy: Tensor = _CrossEntropy.apply(logits, number, share, pixel_weights)  # type: ignore[no-untyped-call]
    return entropy.mean((1, 2))


def encoded(
    ab: Float[Tensor, "batch 2 height width"],
) -> tuple[
    Int[Tensor, "batch neighbours height width"], Float[Tensor, "batch neighbours height width"]
]:
    """What soft_encode gives for colors rounded to whole units, from a table.

    Args:
        ab: raw Lab units.

    Returns:
        Bin numbers and weights, nearest first.
    """
    number, share = (table.to(ab.device) for table in _tables())
    cells = (ab.round().clamp(1 - REACH, REACH - 1) + REACH).long()
    place = cells[:, 0] * 2 * REACH + cells[:, 1]
    return number[place].permute(0, 3, 1, 2), share[place].permute(0, 3, 1, 2)


@cache
@torch.inference_mode(False)
def _tables() -> tuple[Int[Tensor, "colors neighbours"], Float[Tensor, "colors neighbours"]]:
    axis = torch.arange(-REACH, REACH).float()
    number, share = soft_encode(torch.stack(torch.meshgrid(axis, axis, indexing="ij"))[None])
    return number[0].flatten(1).T.contiguous(), share[0].flatten(1).T.contiguous()


class _CrossEntropy(torch.autograd.Function):
    """Cross entropy with a target of few bins: a third of the memory traffic of log_softmax."""

    @staticmethod
    def forward(
        ctx: Any, logits: Tensor, number: Tensor, share: Tensor, weights: Tensor
    ) -> Float[Tensor, "batch height width"]:
        shifted = logits.float() - logits.amax(1, keepdim=True).float()
        of_target = (share * shifted.gather(1, number)).sum(1)
        odds = shifted.exp_()
        total = odds.sum(1, keepdim=True)
        ctx.save_for_backward(odds.div_(total), number, share, weights)
        ctx.dtype = logits.dtype
        return (total[:, 0].log() - of_target) * weights

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        odds, number, share, weights = ctx.saved_tensors
        found = odds.scatter_add(1, number, -share).mul_((weights * gradient)[:, None])
        return found.to(ctx.dtype), None, None, None
