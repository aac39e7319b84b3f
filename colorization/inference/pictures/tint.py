"""The tint of a gray picture: sepia toning, yellowed paper, a scanner's cast.

What tints a gray photograph depends on how dark a place is, not on what it shows, so a curve over L
describes it.
"""

import torch
from jaxtyping import Float
from torch import Tensor

LEVELS = 32  # places of the curve, from L = 0 to L = 100
_SUPPORT = 4.0  # pixels that a level needs to be believed half


def tint_curve(lab: Float[Tensor, "1 3 height width"]) -> Float[Tensor, "levels 2"]:
    """Mean ab at each level of L.

    Args:
        lab: a picture at the working size, raw Lab units.

    Returns:
        ab at LEVELS values of L, evenly from 0 to 100; levels that the picture hardly has borrow
        from their neighbours.
    """
    position = lab[0, 0].flatten().clamp(0.0, 100.0) * ((LEVELS - 1) / 100)
    ab = lab[0, 1:].flatten(1).T
    low = position.floor().long().clamp(max=LEVELS - 2)
    share = position - low
    total, count = ab.new_zeros(LEVELS, 2), ab.new_zeros(LEVELS)
    for level, weight in ((low, 1 - share), (low + 1, share)):
        total.index_add_(0, level, ab * weight[:, None])
        count.index_add_(0, level, weight)
    distance = (torch.arange(LEVELS)[:, None] - torch.arange(LEVELS)[None]).abs().float()
    nearness = torch.exp(-distance) * count / (count + _SUPPORT)
    means = total / count.clamp(min=1e-6)[:, None]
    own = (count / (count + _SUPPORT))[:, None]
    borrowed = nearness @ means / nearness.sum(1, keepdim=True).clamp(min=1e-20)
    return own * means + (1 - own) * borrowed


def tint_at(
    luminance: Float[Tensor, "1 height width"], curve: Float[Tensor, "levels 2"]
) -> Float[Tensor, "2 height width"]:
    """The curve at each pixel, linear between its levels.

    Args:
        luminance: L, 0..100.
        curve: from tint_curve.
    """
    position = luminance[0].clamp(0.0, 100.0) * ((LEVELS - 1) / 100)
    low = position.floor().long().clamp(max=LEVELS - 2)
    share = (position - low)[..., None]
    return (curve[low] * (1 - share) + curve[low + 1] * share).permute(2, 0, 1)
