"""The network's input planes: what the references say, and luminance, on the network's grids.

References are matched at stride 8, and their colors carried over at stride 4. No reference is zero
planes, and the network is trained with such.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from colorization.network.colorization_network import (
    COARSEST,
    GRID_STRIDE,
    HINT_PLANES,
    HINT_STRIDE,
    LUMINANCE_STRIDE,
    REFERENCE_PLANES,
    NetworkInputs,
)
from similarity.matching.correlation import Correlation, correlate
from similarity.matching.quarters import QuarterWarp, quarter_warp, quarters_of
from similarity.matching.similarity_maps import similarity_maps
from similarity.matching.unit_maps import UnitMaps
from similarity.matching.warp import soft_weights

WARP_TEMPERATURE = 0.03  # the network is trained on it
L_CENTRE, L_SCALE, AB_SCALE = 50.0, 50.0, 50.0


@dataclass(frozen=True, eq=False)
class ReferencePlanes:
    """What references say about a batch of targets.

    Attributes:
        warped_ab: R'_ab, colors carried over at stride 4; raw Lab units.
        similarity: the similarity maps, at stride 8.
        correlation: of all positions at stride 8.
        weights: of the soft warp at stride 8.
        quarters: of the warp at stride 4.
    """

    warped_ab: Float[Tensor, "batch 2 _height _width"]
    similarity: Float[Tensor, "batch 8 height width"]
    correlation: Correlation
    weights: Float[Tensor, "batch target references"]
    quarters: QuarterWarp

    @property
    def planes(self) -> Float[Tensor, "batch 17 height width"]:
        """As the network reads them at stride 8: normalised, and a plane of ones."""
        ones = torch.ones_like(self.similarity[:, :1])
        warped = F.pixel_unshuffle(self.warped_ab / AB_SCALE, 2)
        return torch.cat((warped, self.similarity, ones), 1)


def reference_planes(
    target: UnitMaps,
    references: Sequence[UnitMaps],
    reference_ab: Sequence[Float[Tensor, "batch 2 _height _width"]],
    stride: int = GRID_STRIDE,
    log_prior: Callable[[Tensor], Tensor] | None = None,
) -> ReferencePlanes:
    """Match targets with their references and carry colors over.

    Args:
        target: maps of a batch of targets.
        references: for each of several references, its maps for every target of the batch.
        reference_ab: chroma of each reference, raw Lab units.
        stride: cells of the chroma a cell of the grid of stride 8, at least 2; 8 at the working
            size.
        log_prior: for colors (2, positions) of a single target's references, what else than
            likeness speaks for them in each place of the target; see soft_weights.

    Source: He et al. 2018, section 3.1.
    """
    found = correlate(target, references)
    fine = [F.avg_pool2d(ab, stride // 2) for ab in reference_ab]
    colors = torch.cat([quarters_of(ab) for ab in fine], 1)
    weights = soft_weights(found, WARP_TEMPERATURE, log_prior and log_prior(colors[0].mean(1).mT))
    quarters = quarter_warp(weights, target, references)
    similarity = similarity_maps(target, references, found)
    return ReferencePlanes(quarters.carry(colors), similarity, found, weights, quarters)


def round_trip(
    target_ab: Float[Tensor, "batch 2 height width"], said: ReferencePlanes
) -> Float[Tensor, "batch 2 height width"]:
    """T'_ab: the target's own colors sent to the references and back.

    What comes back is right where a match is, so that a network which must restore the colors
    learns which matches to trust.

    Args:
        target_ab: the target's chroma at stride 4, raw Lab units.
        said: what the references say.

    Source: He et al. 2018, section 3.3.
    """
    places = said.correlation.to_target[:, :, None, None].expand(-1, -1, 4, 2)
    return said.quarters.carry(quarters_of(target_ab).gather(1, places))


def network_inputs(
    maps: Mapping[str, Float[Tensor, "batch _channels _height _width"]],
    luminance: Float[Tensor, "batch 1 height width"],
    references: Float[Tensor, "_batch 17 _rows _columns"] | None,
    hints: Float[Tensor, "_batch 3 _rows _columns"] | None,
    global_hints: Float[Tensor, "_batch size"],
) -> NetworkInputs:
    """Join and normalise what the network reads.

    Args:
        maps: the encoder's standardised maps, by name.
        luminance: L at the working size, 0..100; sides are multiples of 32.
        references: see ReferencePlanes.planes; None without references.
        hints: hinted ab in raw Lab units and strength, at stride 4; None without hints.
        global_hints: one vector a picture.

    Raises:
        ValueError: sides are no multiples of 32.
    """
    height, width = luminance.shape[-2:]
    if height % COARSEST or width % COARSEST:
        raise ValueError(f"sides must be multiples of {COARSEST}, got {height} x {width}")
    count, grid = len(luminance), (height // GRID_STRIDE, width // GRID_STRIDE)
    if references is None:
        references = luminance.new_zeros(count, REFERENCE_PLANES, *grid)
    if hints is None:
        cells = height // HINT_STRIDE, width // HINT_STRIDE
        hints = luminance.new_zeros(count, HINT_PLANES, *cells)
    scaled = torch.cat((hints[:, :2] / AB_SCALE, hints[:, 2:]), 1)
    level = (F.avg_pool2d(luminance, LUMINANCE_STRIDE) - L_CENTRE) / L_SCALE
    return NetworkInputs(maps, level, references, scaled, global_hints)
