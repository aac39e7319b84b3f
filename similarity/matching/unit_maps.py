"""Pictures as matching sees them: standardised maps of unit length on shared grids."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from similarity.backbone.backbone import Layers
from similarity.resize import resized

NUM_JOINED = 3  # of the four levels; the finest sees textures, which match anywhere


@dataclass(frozen=True, eq=False)
class UnitMaps:
    """Maps of a batch of pictures of one size, of unit length at each position.

    Attributes:
        levels: four maps on the grid of stride 8, coarse to fine.
        detail: what is seen from near: maps of strides 4 and 2, the second only where exact
            matches are asked for; empty where nobody looks closer.
        luminance: L at stride 4; None where nobody looks closer.
        coarsest: what the first level was interpolated from, on its own grid; None if unknown.
    """

    levels: tuple[Float[Tensor, "batch _channels height width"], ...]
    detail: tuple[Float[Tensor, "batch _channels _height _width"], ...] = ()
    luminance: Float[Tensor, "batch 1 _height _width"] | None = None
    coarsest: Float[Tensor, "batch _channels _height _width"] | None = None

    @cached_property
    def joined(self) -> Float[Tensor, "batch channels height width"]:
        """The coarser three levels as one map of unit length: their cosines count alike."""
        return torch.cat(self.levels[:NUM_JOINED], 1).mul(NUM_JOINED**-0.5)

    @cached_property
    def first_length(self) -> Float[Tensor, "batch 1 height width"]:
        """By what the first level was divided to be of unit length, where it was interpolated.

        Raises:
            ValueError: it is not known from what.
        """
        if self.coarsest is None:
            raise ValueError("the map that the first level was interpolated from is not known")
        return _length(resized(self.coarsest, self.levels[0].shape[-2:]))

    def to(self, device: torch.device) -> "UnitMaps":
        """These maps on a device."""
        levels, detail = ([m.to(device) for m in maps] for maps in (self.levels, self.detail))
        luminance, coarsest = (
            None if planes is None else planes.to(device)
            for planes in (self.luminance, self.coarsest)
        )
        return UnitMaps(tuple(levels), tuple(detail), luminance, coarsest)

    def take(self, rows: Int[Tensor, " some"]) -> "UnitMaps":
        """Some pictures of the batch, without their fine maps."""
        return UnitMaps(tuple(level.index_select(0, rows) for level in self.levels))


def unit_maps(
    standardised: Mapping[str, Float[Tensor, "batch _channels _height _width"]],
    layers: Layers,
    size: tuple[int, int],
    luminance: Float[Tensor, "batch 1 _height _width"] | None = None,
) -> UnitMaps:
    """Prepare pictures of one size for matching.

    Args:
        standardised: maps by name, each channel centred and scaled, see Backbone.standardised;
            those of layers.detail need not be there.
        layers: which of them serve what.
        size: rows and columns of the grid of stride 8.
        luminance: L, 0..100, on any finer grid; None where nobody looks closer.
    """
    levels = [_unit(on_grid(standardised[layer], size)) for layer in layers.levels]
    detail = [_unit(standardised[name]) for name in layers.detail if name in standardised]
    fine = None if luminance is None else on_grid(luminance, (2 * size[0], 2 * size[1]))
    return UnitMaps(tuple(levels), tuple(detail), fine, standardised[layers.levels[0]])


def _unit(planes: Tensor) -> Tensor:
    return planes / _length(planes)


def _length(planes: Tensor) -> Float[Tensor, "batch 1 height width"]:
    """At each position; vector_norm takes up to twenty times as long."""
    length: Tensor = planes.square().sum(1, keepdim=True).clamp(min=1e-24).sqrt()
    return length


def on_grid(
    planes: Float[Tensor, "batch channels _height _width"], size: tuple[int, int]
) -> Float[Tensor, "batch channels height width"]:
    """A map on another grid: finer ones are averaged, coarser ones interpolated.

    Args:
        planes: of a stride that is a power of two.
        size: rows and columns.
    """
    factor = planes.shape[-2] // size[0]
    return F.avg_pool2d(planes, factor) if factor > 1 else resized(planes, size)
