"""A picture as matching sees it: standardised maps of unit length on shared grids."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from similarity.backbone.backbone import Layers
from similarity.resize import resized

STRIDE = 8
NUM_JOINED = 3  # of the four levels; the finest sees textures, which match anywhere


@dataclass(frozen=True)
class UnitMaps:
    """Maps of one picture, of unit length at each position.

    Attributes:
        levels: four maps on the grid of stride 8, coarse to fine.
        detail: maps of strides 4 and 2, for exact matches; empty where nobody asks for them.
    """

    levels: tuple[Float[Tensor, "_channels height width"], ...]
    detail: tuple[Float[Tensor, "_channels _height _width"], ...] = ()

    @cached_property
    def joined(self) -> Float[Tensor, "channels height width"]:
        """The coarser three levels as one map of unit length: their cosines count alike."""
        return torch.cat(self.levels[:NUM_JOINED]).mul(NUM_JOINED**-0.5)

    def without_detail(self) -> "UnitMaps":
        """The same without its fine maps, to free their memory."""
        return UnitMaps(self.levels)

    def to(self, device: torch.device) -> "UnitMaps":
        """The same on a device."""
        levels, detail = ([m.to(device) for m in maps] for maps in (self.levels, self.detail))
        return UnitMaps(tuple(levels), tuple(detail))


def unit_maps(
    standardised: Mapping[str, Float[Tensor, "1 _channels _height _width"]],
    layers: Layers,
    size: tuple[int, int],
    with_detail: bool = True,
) -> UnitMaps:
    """Prepare one picture for matching.

    Args:
        standardised: maps by name, each channel centred and scaled, see Backbone.standardised.
        layers: which of them serve what.
        size: rows and columns of the grid of stride 8.
        with_detail: also the fine maps.
    """
    levels = unit_levels(standardised, layers, size)
    fine = layers.detail if with_detail else ()
    return UnitMaps(
        tuple(level[0] for level in levels),
        tuple(F.normalize(standardised[layer][0], dim=0) for layer in fine),
    )


def unit_levels(
    standardised: Mapping[str, Float[Tensor, "batch _channels _height _width"]],
    layers: Layers,
    size: tuple[int, int],
) -> list[Float[Tensor, "batch _channels _rows _columns"]]:
    """The four levels of a batch of pictures of one size, coarse to fine, of unit length.

    Args:
        standardised: maps by name, each channel centred and scaled.
        layers: which of them serve what.
        size: rows and columns of the grid of stride 8.
    """
    return [
        F.normalize(on_grid(standardised[layer].float(), size), dim=1) for layer in layers.levels
    ]


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
