"""The share of colors that are right within a tolerance, over all tolerances: AuC."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from colorization.evaluation.measures import Ab
from colorization.network.color_bins import nearest_bins, rebalancing_weights

MAX_TAU = 150.0  # raw Lab units
# no bin counts as rarer than this share of all pixels; else one pixel of an unseen color would
# decide
RAREST = 1e-6


class Rebalanced(NamedTuple):
    """Rebalanced AuC of one picture in a form that adds up.

    Of a set it is the sum of ``score`` over the sum of ``weight``.

    Attributes:
        score: mean over the pixels of weight times AuC of the pixel.
        weight: mean over the pixels of the weight.
    """

    score: float
    weight: float


def auc(truth_ab: Ab, result_ab: Ab) -> float:
    """Area under the curve of the share of pixels whose ab is right within a distance, normalized.

    The distance is L2 in raw Lab units and runs from 0 to 150. The area is taken exactly: a pixel
    at distance d is right for all distances from d on, so that it adds max(0, 1 - d / 150), and the
    area is the mean of that.

    Args:
        truth_ab: true colors, raw Lab units.
        result_ab: colors of the result, raw Lab units.

    Returns:
        0..1; 1 is the truth. Gray photographs have about 0.9.

    Source: Zhang et al. 2016, section 3.1 "raw accuracy".
    """
    return float(_areas(truth_ab, result_ab).mean())


def bin_weights(prior: Float[Tensor, " bins"]) -> Float[Tensor, " bins"]:
    """Weights of the 313 color bins by inverse frequency.

    They are those of equation 4 with mixing 0, on the smoothed prior.

    Args:
        prior: share of each bin in a corpus, in the order of ab_bins; bins below RAREST count as
            RAREST.

    Returns:
        Weights whose mean under the smoothed prior is 1.

    Source: Zhang et al. 2016, section 3.1 and equation 4.
    """
    return rebalancing_weights(
        (prior.double() / prior.double().sum()).clamp(min=RAREST), mixing=0.0
    ).float()


def pixel_weights(
    truth_ab: Ab, weights: Float[Tensor, " bins"]
) -> Float[np.ndarray, "height width"]:
    """Weight of each pixel: that of the bin nearest to its true color.

    Args:
        truth_ab: true colors, raw Lab units.
        weights: of the 313 color bins, as bin_weights gives them.
    """
    colors = torch.from_numpy(np.ascontiguousarray(truth_ab, np.float32))
    return weights[nearest_bins(colors.permute(2, 0, 1))].numpy()


def rebalanced_auc(
    truth_ab: Ab, result_ab: Ab, weights: Float[np.ndarray, "height width"]
) -> Rebalanced:
    """AuC in which each pixel counts by a weight, so that rare colors count as much as common ones.

    Each pixel's area under the curve is multiplied by the weight of its true color's bin. Of a set,
    the weighted areas of all pictures are added and divided by the added weights; each picture
    enters with its mean over pixels, so that large and small pictures count alike.

    Args:
        truth_ab: true colors, raw Lab units.
        result_ab: colors of the result, raw Lab units.
        weights: of the pixels, as pixel_weights gives them.

    Returns:
        Score and weight; ``score / weight`` is 0..1, and 1 is the truth.

    Source: Zhang et al. 2016, section 3.1.
    """
    return Rebalanced(
        float((weights * _areas(truth_ab, result_ab)).mean(dtype=np.float64)),
        float(weights.mean(dtype=np.float64)),
    )


def _areas(truth_ab: np.ndarray, result_ab: np.ndarray) -> np.ndarray:
    distance = np.linalg.norm(truth_ab.astype(np.float64) - result_ab.astype(np.float64), axis=-1)
    return np.asarray(np.clip(1 - distance / MAX_TAU, 0, 1))
