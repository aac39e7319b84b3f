"""Global, then local ranking of candidate references, then by how likely their colors are.

The paper ends with the local ranking. What is alike often has other colors, though: of two dogs,
one is black. Whoever knows which colors are likely in each place of the query, as the colorization
network does, can tell which photos would lend such colors.

Source: He et al. 2018, section 4, rewritten as similarities: higher is better.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int, Int8

from similarity.backbone.precision import inference

LUMINANCE_WEIGHT = 0.25
# of the logarithm of the likelihood of the colors: 0 ranks by likeness alone, 1 nearly by it alone
COLOR_WEIGHT = 0.12
MAX_SURVIVORS = 200
# from the ab that candidates lend to the query's cells to the mean logarithm of likelihoods
ColorBelief = Callable[[Int8[np.ndarray, "candidates 49 2"]], Float[np.ndarray, " candidates"]]


@dataclass(frozen=True)
class Scores:
    """Parts of the local ranking of some candidates.

    Attributes:
        feature: mean over the query's cells of the best cosine with any cell of the candidate.
        luminance: mean correlation of the luminance histograms of those pairs of cells.
        partners: number of that cell, for each of the query's cells.
    """

    feature: Float[np.ndarray, " candidates"]
    luminance: Float[np.ndarray, " candidates"]
    partners: Int[np.ndarray, "candidates cells"]

    @property
    def total(self) -> Float[np.ndarray, " candidates"]:
        """Feature + 0.25 * luminance."""
        return self.feature + LUMINANCE_WEIGHT * self.luminance


def num_survivors(count: int, top_k: int) -> int:
    """How many photos pass from the global to the local ranking: 200, or all of a smaller library.

    The paper keeps half of a small library; which photos those are then decides who is ranked, and
    asking for one more would change the order of the others.

    Args:
        count: photos that may be recommended.
        top_k: how many are asked for.
    """
    return min(count, max(top_k, MAX_SURVIVORS))


def local_ranking(
    query_local: Float[np.ndarray, "cells local"],
    query_histogram: Float[np.ndarray, "cells bins"],
    local: Float[np.ndarray, "candidates cells local"],
    histogram: Float[np.ndarray, "candidates cells bins"],
) -> Scores:
    """Score candidates against a query by their cells.

    Args:
        query_local: unit vectors of the query's cells.
        query_histogram: luminance histograms of the query's cells.
        local: unit vectors of each candidate's cells.
        histogram: luminance histograms of each candidate's cells.
    """
    count, cells, size = local.shape
    candidates = torch.from_numpy(np.ascontiguousarray(local)).float().view(-1, size)
    # torch and not numpy: two thread pools that wait for each other slow a query
    with inference():
        # (cells, candidates * cells)
        dots = (torch.from_numpy(np.ascontiguousarray(query_local)).float() @ candidates.T).numpy()
    # (candidates, query cells, candidate cells)
    dots = dots.reshape(cells, count, cells).transpose(1, 0, 2)
    best = dots.argmax(2)
    feature = np.take_along_axis(dots, best[..., None], 2)[..., 0].mean(1)
    partners = np.take_along_axis(_standardise(histogram), best[..., None], 1)
    luminance = (partners * _standardise(query_histogram)).sum(2).mean(1)
    return Scores(feature, luminance, best)


def _standardise(histogram: np.ndarray) -> np.ndarray:
    """Centre and scale so that the dot product of two histograms is their correlation."""
    centred = histogram.astype(np.float32) - histogram.mean(-1, keepdims=True, dtype=np.float32)
    return np.asarray(centred / np.maximum(np.linalg.norm(centred, axis=-1, keepdims=True), 1e-6))
