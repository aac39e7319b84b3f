"""From what the network predicts to colors."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from colorization.network.color_bins import annealed_mean, without_rebalancing
from similarity.resize import resized

# of the annealed mean: 1 is the mean, which is wrong least and pale; towards 0 it is the likeliest
# color, which is patchy
CAREFUL_TEMPERATURE, VIVID_TEMPERATURE = 1.0, 0.4
PALETTE_TEMPERATURE = 0.38  # Zhang et al. 2016
LIKELY_SHARE = 0.5  # of likely colors beside the regression
PALETTE_SHARE = 0.8  # of colors that obey a palette beside the regression


def likely_colors(
    ab: Float[Tensor, "batch 2 height width"],
    logits: Float[Tensor, "batch bins _height _width"],
    bin_weights: Float[Tensor, " bins"],
    sharpness: Float[Tensor, "batch 1 _height _width"] | float,
) -> Float[Tensor, "batch 2 height width"]:
    """Colors between the regression, a median, and those that the distribution makes likely.

    The mean of colors of which none is sure is brown, olive or mauve, as nothing is. Sharpened, it
    is gray where gray is likeliest, and is less pale where one color is.

    Args:
        ab: the regression, raw Lab units, on a grid a whole number of times as fine as the bins';
            what is finer only it knows.
        logits: of the color bins.
        bin_weights: of the classification loss that the network was trained with; they are taken
            back.
        sharpness: from 0, the mean, which is wrong least, to 1; of each cell, or of all.
    """
    temperature = CAREFUL_TEMPERATURE + sharpness * (VIVID_TEMPERATURE - CAREFUL_TEMPERATURE)
    likely = annealed_mean(without_rebalancing(logits, bin_weights) / temperature, 1.0)
    return _towards(likely, ab, LIKELY_SHARE)


def palette_colors(
    ab: Float[Tensor, "batch 2 height width"],
    logits: Float[Tensor, "batch bins _height _width"],
) -> Float[Tensor, "batch 2 height width"]:
    """The answer that keeps to a palette, whose odds are in the logits already.

    Args:
        ab: the regression, raw Lab units, on a grid a whole number of times as fine as the bins'.
        logits: of the color bins.
    """
    return _towards(annealed_mean(logits, PALETTE_TEMPERATURE), ab, PALETTE_SHARE)


def _towards(coarse: Tensor, ab: Tensor, share: float) -> Tensor:
    """Move colors towards coarse ones, and keep what is finer than their grid."""
    mean = F.avg_pool2d(ab, ab.shape[-1] // coarse.shape[-1])
    return ab + share * resized(coarse - mean, ab.shape[-2:])
