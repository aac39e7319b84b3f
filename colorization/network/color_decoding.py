"""From what the network predicts to colors."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from colorization.network.color_bins import annealed_mean, without_rebalancing
from similarity.resize import resized

# of the annealed mean: towards 0 the likeliest color, which is patchy; 1 is the mean, which is pale
ANNEALING_TEMPERATURE = 0.38  # Zhang et al. 2016
EXPECTED_SHARE = 0.5  # of the expected color beside the regression
PALETTE_SHARE = 0.8  # of the annealed mean, which obeys a palette, beside the regression


def careful_colors(
    ab: Float[Tensor, "batch 2 height width"],
    logits: Float[Tensor, "batch bins _height _width"],
    bin_weights: Float[Tensor, " bins"],
) -> Float[Tensor, "batch 2 height width"]:
    """The answer that is wrong least: between the median and the mean, with all detail.

    Smooth L1 regresses the median; the mean of the distribution is the expected color once the
    rebalancing of its training is taken back, but on a coarse grid. What is finer only the
    regression knows.

    Args:
        ab: the regression, raw Lab units, on a grid a whole number of times as fine as the bins'.
        logits: of the color bins.
        bin_weights: of the classification loss that the network was trained with.
    """
    expected = annealed_mean(without_rebalancing(logits, bin_weights), 1.0)
    return _towards(expected, ab, EXPECTED_SHARE)


def palette_colors(
    ab: Float[Tensor, "batch 2 height width"],
    logits: Float[Tensor, "batch bins _height _width"],
) -> Float[Tensor, "batch 2 height width"]:
    """The answer that keeps to a palette, whose odds are in the logits already.

    Args:
        ab: the regression, raw Lab units, on a grid a whole number of times as fine as the bins'.
        logits: of the color bins.
    """
    annealed = annealed_mean(logits, ANNEALING_TEMPERATURE)
    return _towards(annealed, ab, PALETTE_SHARE)


def _towards(coarse: Tensor, ab: Tensor, share: float) -> Tensor:
    """Move colors towards coarse ones, and keep what is finer than their grid."""
    mean = F.avg_pool2d(ab, ab.shape[-1] // coarse.shape[-1])
    return ab + share * resized(coarse - mean, ab.shape[-2:])
