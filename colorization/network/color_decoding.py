"""From what the network predicts to colors: one answer that is careful, one that is bold, and what lies between."""

import torch
from jaxtyping import Float
from torch import Tensor

from colorization.network.color_bins import annealed_mean
from colorization.options import ColorizeOptions
from similarity.resize import resized


def decode(
    ab: Float[Tensor, "batch 2 height width"],
    logits: Float[Tensor, "batch bins _height _width"],
    bin_weights: Float[Tensor, " bins"],
    boldness: Float[Tensor, " batch"] | float,
    options: ColorizeOptions,
) -> Float[Tensor, "batch 2 height width"]:
    """Mix the regression, the expected color and the annealed mean.

    Smooth L1 regresses the median; beside it the mean of the distribution, which is the expected
    color once the rebalancing of its training is taken back, makes an answer that is wrong less
    often than either.

    Args:
        ab: the regression, raw Lab units.
        logits: of the color bins.
        bin_weights: of the classification loss that the network was trained with.
        boldness: share of the annealed mean, 0..1.
        options: temperature, expected_share.
    """
    size = ab.shape[-2:]
    share = torch.as_tensor(boldness).to(ab).view(-1, 1, 1, 1)
    if options.expected_share and bool((share < 1).any()):
        unweighted = logits - bin_weights.log()[:, None, None].to(logits)
        ab = torch.lerp(ab, resized(annealed_mean(unweighted, 1.0), size), options.expected_share)
    if not bool((share > 0).any()):
        return ab
    return torch.lerp(ab, resized(annealed_mean(logits, options.temperature), size), share)
