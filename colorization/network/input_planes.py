"""The network's input planes: luminance, what the references say, and the user's hints.

References are matched at stride 8 and their planes enlarged to the network's grid. No reference is
zero planes, and the network is trained with such.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from colorization.network.colorization_network import BACKBONE_LAYERS
from similarity.matching.correlation import (
    LEVELS,
    STRIDE,
    Correlation,
    correlate_pictures,
    handicapped,
    map_reference_to_target,
    map_target_to_reference,
)
from similarity.matching.similarity_maps import SIMILARITY_LAYERS, similarity_maps
from similarity.matching.warp import soft_weights, warp_hard, warp_soft
from similarity.resize import resized

REFERENCE_LAYERS = tuple(dict.fromkeys((*LEVELS, *SIMILARITY_LAYERS)))
TARGET_LAYERS = tuple(dict.fromkeys((*REFERENCE_LAYERS, *BACKBONE_LAYERS)))
TEMPERATURE = 0.02  # of the soft warp; the network is trained on it
L_CENTRE, L_SCALE, AB_SCALE = 50.0, 50.0, 50.0


@dataclass(frozen=True)
class ReferencePlanes:
    """What the references say about a target, at stride 8.

    Attributes:
        warped_ab: R'_ab, colors carried over by a soft warp; raw Lab units.
        similarity: the ten similarity maps.
        round_trip_ab: T'_ab, the target's own colors sent to the references and back; None without
            them.
        correlation: of all positions, without handicaps.
        weights: of the soft warp.
    """

    warped_ab: Float[Tensor, "2 height width"]
    similarity: Float[Tensor, "10 height width"]
    round_trip_ab: Float[Tensor, "2 height width"] | None
    correlation: Correlation
    weights: Float[Tensor, "target references"]


def reference_planes(
    target: Mapping[str, Tensor],
    references: Sequence[Mapping[str, Tensor]],
    reference_ab: Sequence[Float[Tensor, "2 _height _width"]],
    handicaps: Sequence[float] | None = None,
    target_ab: Float[Tensor, "2 height width"] | None = None,
) -> ReferencePlanes:
    """Match a target with its references and carry their colors over.

    Args:
        target: features of REFERENCE_LAYERS.
        references: the same of each reference.
        reference_ab: chroma of each reference at its working size.
        handicaps: added to all cosines of each reference.
        target_ab: the target's own colors at its working size, in training.

    Source: He et al. 2018, sections 3.1 and 3.3.
    """
    plain = correlation = correlate_pictures(target, references)
    if handicaps is not None:
        correlation = handicapped(plain, handicaps)
    weights = soft_weights(correlation, TEMPERATURE)
    there = map_target_to_reference(correlation)
    back = map_reference_to_target(correlation)
    coarse = [_at_stride_8(ab) for ab in reference_ab]
    round_trip = None
    if target_ab is not None:
        own = [_at_stride_8(target_ab)]
        round_trip = warp_soft(
            [warp_hard(own, mapping, "nearest") for mapping in back], correlation, weights
        )
    similarity = similarity_maps(target, references, there, back)
    return ReferencePlanes(
        warp_soft(coarse, correlation, weights), similarity, round_trip, plain, weights
    )


def input_planes(
    luminance: Float[Tensor, "batch 1 height width"],
    warped_ab: Float[Tensor, "batch 2 _height _width"] | None,
    similarity: Float[Tensor, "batch 10 _height _width"] | None,
    hints: Float[Tensor, "batch 3 _rows _columns"] | None,
    stride: int,
) -> Float[Tensor, "batch 16 _rows _columns"]:
    """Join and normalise the planes on the network's grid.

    Args:
        luminance: L at the working size, 0..100.
        warped_ab: of the references at any stride, raw Lab units; None without references.
        similarity: their ten maps.
        hints: hinted ab in raw Lab units and mask, on the network's grid; None without hints.
        stride: working pixels a cell of the network's grid.
    """
    level = F.avg_pool2d(luminance, stride) if stride > 1 else luminance
    size = level.shape[-2:]
    empty = level.new_zeros(len(level), 13, *size)
    given = (
        empty[:, :12]
        if warped_ab is None or similarity is None
        else resized(torch.cat((warped_ab / AB_SCALE, similarity), 1), size)
    )
    points = (
        empty[:, :3] if hints is None else torch.cat((hints[:, :2] / AB_SCALE, hints[:, 2:]), 1)
    )
    return torch.cat(((level - L_CENTRE) / L_SCALE, given, points), 1)


def _at_stride_8(ab: Tensor) -> Tensor:
    return F.avg_pool2d(ab[None], STRIDE)[0]
