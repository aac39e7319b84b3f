"""The training-free colorizer: colors of the references, carried along the correspondence and held back where unsure.

Two answers are joined. The soft one lets all positions of all references compete and averages:
    right in tone, coarse.
The fine one follows the single best match down to stride 2: exact where both pictures show the same
    thing, noise
elsewhere. It is followed only where the coarse match says that both show the same thing, neighbours
match neighbours, and the fine match is similar too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from colorization.inference.guided_upsampling import guided_coefficients
from colorization.inference.picture_features import Described, correlate_described
from colorization.options import ColorizeOptions
from similarity.matching.correlation import (
    LEVELS,
    STRIDE,
    Correlation,
    coherence,
    handicapped,
    map_target_to_reference,
)
from similarity.matching.refinement import FINE_LAYERS, refine
from similarity.matching.warp import soft_weights, warp_hard, warp_soft
from similarity.resize import resized

MATCH_LAYERS = tuple(dict.fromkeys((*LEVELS, *FINE_LAYERS)))
FINE_STRIDE = 2
# share of neighbours that match neighbours from which fine matches are followed a little, and fully
COHERENT = 0.5, 0.8


@dataclass(frozen=True)
class Transfer:
    """What the references say about the target's colors.

    Attributes:
        warped_ab: colors carried over, raw Lab units, at half the working size.
        confidence: 0..1, how far they can be trusted.
        influence: share of each reference in the whole result; sums to 1.
    """

    warped_ab: Float[Tensor, "2 height width"]
    confidence: Float[Tensor, "1 height width"]
    influence: list[float]


def transfer(
    target: Described,
    references: Sequence[Described],
    scores: Sequence[float] | None,
    options: ColorizeOptions,
    correlation: Correlation | None = None,
) -> Transfer:
    """Fuse several references into warped ab and a confidence.

    Args:
        target: with features of MATCH_LAYERS.
        references: the same, and colors to lend.
        scores: of recommended references; None weighs all alike.
        options: temperatures, caution, edges.
        correlation: of target and references, without handicaps, if it is known already.
    """
    if correlation is None:
        correlation = correlate_described(target, references)
    best = correlation.best
    if scores is not None:
        correlation = handicapped(correlation, handicaps_of(scores, options))
    weights = soft_weights(correlation, options.warp_temperature)
    soft_ab, soft_confidence = _soft(target, references, correlation, weights, best, options)
    fine_ab, detail = detail_match(
        target, references, correlation, best, options.detail_range, options.same_range
    )
    warped_ab = detail * fine_ab + (1 - detail) * soft_ab
    confidence = detail + (1 - detail) * soft_confidence
    return Transfer(warped_ab, confidence, influence_of(weights, correlation))


def handicaps_of(scores: Sequence[float], options: ColorizeOptions) -> list[float]:
    """What is added to all cosines of each recommended reference: nothing to the best, less than nothing to others."""
    return [options.rank_weight * (score - max(scores)) for score in scores]


def influence_of(
    weights: Float[Tensor, "target references"], correlation: Correlation
) -> list[float]:
    """Share of each reference in a soft warp; sums to 1."""
    return [float(share.sum()) for share in torch.split(weights.mean(0), correlation.counts)]


def detail_match(
    target: Described,
    references: Sequence[Described],
    correlation: Correlation,
    best: Float[Tensor, "1 rows columns"],
    detail_range: tuple[float, float],
    same_range: tuple[float, float],
) -> tuple[Float[Tensor, "2 height width"], Float[Tensor, "1 height width"]]:
    """Follow the best matches down to stride 2, where neighbours match neighbours.

    Args:
        target: with features of FINE_LAYERS.
        references: the same, and colors to lend.
        correlation: of target and references at stride 8.
        best: largest cosine of each target position, without handicaps.
        detail_range: see ColorizeOptions.
        same_range: likewise.

    Returns:
        The colors found at half the working size, raw Lab units, and how far they can be followed,
        0..1.
    """
    there = map_target_to_reference(correlation)
    orderly = F.avg_pool2d(
        coherence(there, correlation.reference_sizes)[None], 5, 1, 2, count_include_pad=False
    )
    size = target.features[FINE_LAYERS[-1]].shape[-2:]
    coarse = resized(torch.cat((best, orderly)), size)
    same = _step(coarse[:1], same_range) * smooth_step(coarse[1:], COHERENT)
    # as with most recommended photos; looking for details would take longest here
    if not bool(same.any()):
        return best.new_zeros(2, *size), best.new_zeros(1, *size)
    refined = refine(there, target.features, [one.features for one in references])
    fine_ab = warp_hard(
        [F.avg_pool2d(one.ab[None], FINE_STRIDE)[0] for one in references], refined.mapping
    )
    return fine_ab, _step(refined.similarity[None], detail_range) * same


def _soft(
    target: Described,
    references: Sequence[Described],
    correlation: Correlation,
    weights: Tensor,
    best: Tensor,
    options: ColorizeOptions,
) -> tuple[Tensor, Tensor]:
    """Average of the competing colors at half the working size, and how far they agree."""
    coarse = [F.avg_pool2d(one.ab[None], STRIDE)[0] for one in references]
    moments = warp_soft(
        [torch.cat((ab, ab.square().sum(0, keepdim=True))) for ab in coarse], correlation, weights
    )
    energy = moments[:2].square().sum(0, keepdim=True)
    spread = (moments[2:] - energy).clamp(min=0.0)
    doubt = options.caution * (spread + options.mismatch * (1.0 - best))
    confidence = (energy + 1.0) / (energy + 1.0 + doubt)
    guide = F.avg_pool2d(target.luminance, FINE_STRIDE)[0]
    values = resized(torch.cat((moments[:2], confidence)), guide.shape[-2:])
    slope, offset = guided_coefficients(
        guide, values, values[2:] + 0.01, options.edge_radius // FINE_STRIDE, options.edge_epsilon
    )
    smooth = slope * guide + offset
    return smooth[:2], smooth[2:].clamp(0.0, 1.0)


def _step(similarity: Tensor, limits: tuple[float, float]) -> Tensor:
    """0..1: how far similarities have come from the lower to the upper limit; smooth, so that no seams show."""
    average = F.avg_pool2d(similarity[None], 5, 1, 2, count_include_pad=False)[0]
    return smooth_step(average, limits)


def smooth_step(values: Tensor, limits: tuple[float, float]) -> Tensor:
    """0 up to the lower limit, 1 from the upper, and a smooth rise between."""
    low, high = limits
    step = ((values - low) / (high - low)).clamp(0.0, 1.0)
    return step * step * (3 - 2 * step)
