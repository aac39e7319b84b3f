"""The 313 color bins of Zhang et al. 2016: soft encoding, class rebalancing, annealed mean.

The published list of bins comes without the rule that made it. Ours are the 313 cells of the same
grid (step 10) that lie nearest to the sRGB gamut under D65, which is the same count and covers
every color that a screen can show; the tests find them anew.
"""

from functools import cache, lru_cache

import torch
from jaxtyping import Float, Int
from torch import Tensor

NUM_BINS = 313
STEP = 10.0
REACH = 12  # steps of the grid from gray to either side
SIGMA = 5.0  # of the soft encoding and of the smoothed prior
NEIGHBOURS = 5


# rows of cells, as a: first and last b, in steps
_CELLS = {
    -9: (5, 9),
    -8: (2, 9),
    -7: (0, 9),
    -6: (-2, 10),
    -5: (-3, 10),
    -4: (-4, 10),
    -3: (-4, 10),
    -2: (-5, 10),
    -1: (-6, 10),
    0: (-7, 10),
    1: (-8, 9),
    2: (-8, 9),
    3: (-9, 9),
    4: (-10, 8),
    5: (-10, 8),
    6: (-11, 8),
    7: (-11, 8),
    8: (-12, 8),
    9: (-11, 7),
    10: (-8, -1),
    11: (-6, -6),
}


@lru_cache(maxsize=1)
@torch.inference_mode(False)  # kept for training, too, whoever asks first
def ab_bins() -> Float[Tensor, "bins 2"]:
    """Centres of the bins, raw Lab units, ordered by a, then b."""
    cells = [(a, b) for a, (first, last) in _CELLS.items() for b in range(first, last + 1)]
    return torch.tensor(cells, dtype=torch.float32, device="cpu") * STEP


def _grid() -> Float[Tensor, "cells 2"]:
    """Centres of all cells, in the gamut or not, ordered by a, then b."""
    axis = torch.arange(-REACH, REACH + 1, dtype=torch.float32, device="cpu") * STEP
    return torch.cartesian_prod(axis, axis)


@lru_cache(maxsize=1)
@torch.inference_mode(False)
def _bins_of_cells() -> Int[Tensor, "rows columns"]:
    """Nearest bin of every cell of the grid."""
    return torch.cdist(_grid(), ab_bins()).argmin(1).view(2 * REACH + 1, -1)


def nearest_bins(ab: Float[Tensor, "2 ..."]) -> Int[Tensor, "..."]:
    """Number of the bin of each color, whatever lies beyond the gamut included.

    Args:
        ab: raw Lab units.
    """
    row, column = (ab / STEP).round().clamp(-REACH, REACH).long() + REACH
    return _bins_of_cells().to(ab.device)[row, column]


def soft_encode(ab: Float[Tensor, "batch 2 height width"]) -> tuple[Tensor, Tensor]:
    """Spread each color over its nearest bins with a Gaussian.

    Args:
        ab: raw Lab units.

    Returns:
        Bin numbers and weights, both (batch, NEIGHBOURS, height, width), nearest first; weights sum
        to 1.

    Source: Zhang et al. 2016, section 2.1.
    """
    batch, _, height, width = ab.shape
    colors = ab.movedim(1, -1).reshape(-1, 2)
    distance, number = torch.cdist(colors, ab_bins().to(ab)).topk(NEIGHBOURS, 1, largest=False)
    weight = (-distance.square() / (2 * SIGMA**2) + distance[:, :1].square() / (2 * SIGMA**2)).exp()
    weight = weight / weight.sum(1, keepdim=True)
    shape = (batch, height, width, NEIGHBOURS)
    return number.view(shape).movedim(-1, 1), weight.view(shape).movedim(-1, 1)


def histogram(ab: Float[Tensor, "batch 2 height width"]) -> Float[Tensor, "batch bins"]:
    """Share of each bin in each picture, soft-encoded."""
    number, weight = soft_encode(ab)
    counts = ab.new_zeros(len(ab), NUM_BINS)
    counts.scatter_add_(1, number.flatten(1), weight.flatten(1))
    return counts / counts.sum(1, keepdim=True)


@cache
@torch.inference_mode(False)
def nearness(sigma: float) -> Float[Tensor, "bins bins"]:
    """How near each two bins are: a Gaussian of their distance, 1 for the same.

    Args:
        sigma: of the Gaussian, in Lab units.
    """
    return (-torch.cdist(ab_bins(), ab_bins()).square() / (2 * sigma**2)).exp()


def smoothed(share: Float[Tensor, " bins"], sigma: float) -> Float[Tensor, " bins"]:
    """Spread the share of each bin over its neighbours; the sum becomes 1.

    Args:
        share: of each bin.
        sigma: of the Gaussian, in Lab units.
    """
    kernel = nearness(sigma).to(share)
    return (kernel / kernel.sum(1, keepdim=True)).T @ (share / share.sum())


def rebalancing_weights(
    prior: Float[Tensor, " bins"], mixing: float = 0.5
) -> Float[Tensor, " bins"]:
    """Weights that raise rare colors: ((1 - mixing) p + mixing / Q)^-1, of mean 1 under p.

    Args:
        prior: share p of each bin in the corpus; smoothed here with a Gaussian of SIGMA.
        mixing: 0 weighs by inverse frequency, 1 weighs all alike.

    Source: Zhang et al. 2016, equation 4.
    """
    smooth = smoothed(prior, SIGMA)
    weights = 1.0 / ((1 - mixing) * smooth + mixing / NUM_BINS)
    return weights / (smooth * weights).sum()


def without_rebalancing(
    logits: Float[Tensor, "batch bins height width"], bin_weights: Float[Tensor, " bins"]
) -> Float[Tensor, "batch bins height width"]:
    """Logits as a loss without weights would have made them.

    Args:
        logits: unnormalised log probabilities.
        bin_weights: of the loss that they were trained with, see rebalancing_weights.
    """
    return logits - bin_weights.log()[:, None, None].to(logits)


def annealed_mean(
    logits: Float[Tensor, "batch bins height width"], temperature: float
) -> Float[Tensor, "batch 2 height width"]:
    """Decode a distribution over bins: its mean after sharpening by a temperature.

    Args:
        logits: unnormalised log probabilities.
        temperature: 1 is the mean, towards 0 the mode; must be positive.

    Raises:
        ValueError: the temperature is not positive.

    Source: Zhang et al. 2016, equation 5.
    """
    if not temperature > 0:
        raise ValueError(f"temperature must be positive, not {temperature}")
    return torch.einsum("bqhw,qc->bchw", (logits / temperature).softmax(1), ab_bins().to(logits))
