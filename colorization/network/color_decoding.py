"""From what the network predicts to colors."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from colorization.network.color_bins import annealed_mean, without_rebalancing
from similarity.resize import resized

# of the annealed mean: 1 is the mean, which is wrong least by squares and pale; towards 0 it is the
# likeliest color, which is patchy, and gray where nothing is likely
CAREFUL_TEMPERATURE, VIVID_TEMPERATURE = 0.85, 0.5
PALETTE_TEMPERATURE = 0.38  # Zhang et al. 2016


def likely_colors(
    ab: Float[Tensor, "batch 2 height width"],
    logits: Float[Tensor, "batch bins _height _width"],
    bin_weights: Float[Tensor, " bins"],
    vividness: float,
) -> Float[Tensor, "batch 2 height width"]:
    """The colors that a distribution makes likely, with the detail of the regression.

    The mean of what is unsure is brown, olive or mauve, which nothing has. Sharpened, it is gray
    where gray is likeliest, and not paler where one color is.

    Args:
        ab: the regression, raw Lab units, on a grid a whole number of times as fine as the bins'.
        logits: of the color bins.
        bin_weights: of the classification loss that the network was trained with; they are taken
            back.
        vividness: from 0, the answer that is wrong least, to 1, one without casts.
    """
    temperature = CAREFUL_TEMPERATURE + vividness * (VIVID_TEMPERATURE - CAREFUL_TEMPERATURE)
    return _detailed(annealed_mean(without_rebalancing(logits, bin_weights), temperature), ab)


def palette_colors(
    ab: Float[Tensor, "batch 2 height width"],
    logits: Float[Tensor, "batch bins _height _width"],
) -> Float[Tensor, "batch 2 height width"]:
    """The answer that keeps to a palette, whose odds are in the logits already.

    Args:
        ab: the regression, raw Lab units, on a grid a whole number of times as fine as the bins'.
        logits: of the color bins.
    """
    return _detailed(annealed_mean(logits, PALETTE_TEMPERATURE), ab)


def _detailed(coarse: Tensor, ab: Tensor) -> Tensor:
    """Coarse colors with what only the regression knows: whatever is finer than their grid."""
    mean = F.avg_pool2d(ab, ab.shape[-1] // coarse.shape[-1])
    return ab + resized(coarse - mean, ab.shape[-2:])
