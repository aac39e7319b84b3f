"""Pictures of cells that each show a kind of thing, so that every match is known."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from colorization.inference.picture_features import PictureFeatures
from colorization.network.colorization_network import ENCODER_MAPS
from similarity.matching.unit_maps import UnitMaps

SIDE = 128  # what their working side is called


def painted(
    kinds: Tensor,
    looks: Tensor,
    colors: Tensor,
    levels: Sequence[Tensor] | None = None,
    fine: Tensor | None = None,
    level: Tensor | None = None,
) -> PictureFeatures:
    """Paint a picture.

    Args:
        kinds: number of the kind that each cell of the grid of stride 8 shows.
        looks: a vector for each kind.
        colors: ab of each kind.
        levels: looks at each of the four levels; None takes ``looks``.
        fine: looks from near; None takes ``looks``.
        level: L of each cell; None is 50 everywhere.
    """
    rows, columns = kinds.shape

    def planes(vectors: Tensor, factor: int = 1) -> Tensor:
        cells = F.normalize(vectors, dim=1)[kinds].permute(2, 0, 1)[None]
        return F.interpolate(cells, scale_factor=float(factor))

    near = looks if fine is None else fine
    lightness = (torch.full(kinds.shape, 50.0) if level is None else level)[None, None]
    maps = UnitMaps(
        tuple(planes(vectors) for vectors in levels or [looks] * 4),
        (planes(near, 2), planes(near, 4)),
        F.interpolate(lightness, scale_factor=2.0),
    )
    generator = torch.Generator().manual_seed(0)
    seen = {
        name: torch.randn(1, count, *_grid(name, rows, columns), generator=generator)
        for name, count in ENCODER_MAPS.items()
    }
    return PictureFeatures(
        F.interpolate(lightness, scale_factor=8.0),
        F.interpolate(colors[kinds].permute(2, 0, 1)[None], scale_factor=8.0)[0],
        maps,
        seen,
        SIDE,
        "painted",
    )


def apart(count: int) -> Tensor:
    """Looks of kinds that are as unlike each other as so many can be.

    The cosine of any two is ``-1 / (count - 1)``: they point to the corners of a simplex.
    """
    return torch.eye(count) - 1 / count


def _grid(name: str, rows: int, columns: int) -> tuple[int, int]:
    stride = int(name.removeprefix("stride"))
    return rows * 8 // stride, columns * 8 // stride
