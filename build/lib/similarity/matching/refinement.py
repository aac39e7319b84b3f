"""Follow a coarse mapping down to finer grids, searching only near what the coarser grid found.

At stride 8 a position covers a face; the fine levels find the eye in it. Where target and reference
show the same scene the refined match is exact and carries detail, elsewhere its similarity says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from similarity.matching.correlation import PointMap
from similarity.resize import resized

_NEIGHBOURS = ((0, 0), (0, 1), (1, 0), (1, 1))


@dataclass(frozen=True)
class Refined:
    """A mapping on a fine grid with the cosine of each match, 0..1."""

    mapping: PointMap
    similarity: Float[Tensor, "height width"]


def refine(
    mapping: PointMap,
    target: Sequence[Float[Tensor, "_channels _height _width"]],
    references: Sequence[Sequence[Float[Tensor, "_channels _height _width"]]],
) -> Refined:
    """Refine a hard mapping level by level.

    Each fine position tries what its four nearest coarse positions found, moved along with it, then
    one step around the best of them (the propagation and search of PatchMatch, Barnes et al. 2009,
    once a level).

    Args:
        mapping: phi_TR at stride 8.
        target: unit maps, each of half the stride of the one before, the first of stride 4.
        references: the same of each reference.

    Returns:
        The mapping at the stride of the last map, and its similarity averaged over the levels.
    """
    levels: list[Tensor] = []
    for number, ours in enumerate(target):
        mapping, found = _refine_level(mapping, ours, _Table([maps[number] for maps in references]))
        levels.append(found)
    similarity = torch.cat([resized(level[None], levels[-1].shape) for level in levels]).mean(0)
    return Refined(mapping, similarity.clamp(0.0, 1.0))


class _Table:
    """Features of all references as rows, one picture after the other."""

    def __init__(self, planes: list[Tensor]) -> None:
        self.rows = torch.cat([_rows(p) for p in planes])
        device = self.rows.device
        self.heights, self.widths = (
            torch.tensor([p.shape[i] for p in planes], device=device) for i in (1, 2)
        )
        self.ends = (self.heights * self.widths).cumsum(0)
        self.starts = self.ends - self.heights * self.widths


class _Search:
    """The best reference position so far of each fine target position."""

    def __init__(self, queries: Float[Tensor, "positions channels"], table: _Table) -> None:
        self.queries, self.table = queries, table
        self.similarity = queries.new_full((len(queries),), -2.0)
        # row of the table
        self.place = torch.zeros(len(queries), dtype=torch.long, device=queries.device)

    def offer(self, place: Tensor) -> None:
        """Take each position's candidate where it is more similar."""
        # index_select copies whole rows, which is faster than indexing
        found = torch.linalg.vecdot(self.queries, self.table.rows.index_select(0, place))
        self.place = torch.where(found > self.similarity, place, self.place)
        self.similarity = torch.maximum(found, self.similarity)

    def best(self) -> tuple[Tensor, Tensor, Tensor]:
        """Picture, row and column that are most similar."""
        picture = torch.bucketize(self.place, self.table.ends, right=True)
        inside, width = self.place - self.table.starts[picture], self.table.widths[picture]
        row = torch.div(inside, width, rounding_mode="floor")
        return picture, row, inside - row * width


def _refine_level(mapping: PointMap, ours: Tensor, table: _Table) -> tuple[PointMap, Tensor]:
    _, height, width = ours.shape
    search = _Search(_rows(ours), table)
    _offer_what_neighbours_found(search, mapping, height, width)
    picture, row, column = search.best()
    start, stride = table.starts[picture], table.widths[picture]
    rows = [
        start + (row + step).clamp_(min=0).minimum(table.heights[picture] - 1) * stride
        for step in (-1, 0, 1)
    ]
    columns = [(column + step).clamp_(min=0).minimum(stride - 1) for step in (-1, 0, 1)]
    for r, in_row in enumerate(rows):
        for c, in_column in enumerate(columns):
            if (r, c) != (1, 1):
                search.offer(in_row + in_column)
    picture, row, column = search.best()
    xy = torch.stack(
        (
            (column + 0.5) * 2 / table.widths[picture] - 1,
            (row + 0.5) * 2 / table.heights[picture] - 1,
        ),
        1,
    )
    return PointMap(picture.view(height, width), xy.view(height, width, 2)), search.similarity.view(
        height, width
    )


def _offer_what_neighbours_found(
    search: _Search, mapping: PointMap, height: int, width: int
) -> None:
    """A step of one fine cell in the target is one fine cell in the reference."""
    coarse_height, coarse_width = mapping.picture.shape
    device, table, picture = mapping.xy.device, search.table, mapping.picture
    y = (torch.arange(height, device=device) + 0.5) * coarse_height / height - 0.5
    x = (torch.arange(width, device=device) + 0.5) * coarse_width / width - 0.5
    heights, widths, starts = table.heights[picture], table.widths[picture], table.starts[picture]
    found_y, found_x = (mapping.xy[..., 1] + 1) / 2 * heights, (mapping.xy[..., 0] + 1) / 2 * widths
    for down, right in _NEIGHBOURS:
        cell_y = (y.floor().long() + down).clamp(0, coarse_height - 1)
        cell_x = (x.floor().long() + right).clamp(0, coarse_width - 1)
        found = (
            plane.index_select(0, cell_y).index_select(1, cell_x)
            for plane in (found_y, found_x, heights, widths, starts)
        )
        row, column, bottom, stride, start = found
        row = (
            (row + ((y - cell_y) * height / coarse_height)[:, None])
            .floor()
            .long()
            .clamp_(min=0)
            .minimum(bottom - 1)
        )
        column = (
            (column + ((x - cell_x) * width / coarse_width)[None])
            .floor()
            .long()
            .clamp_(min=0)
            .minimum(stride - 1)
        )
        search.offer((start + row * stride + column).flatten())


def _rows(planes: Tensor) -> Tensor:
    """Positions as rows of channels; the backbone's maps already lie so in memory."""
    return planes.permute(1, 2, 0).reshape(-1, len(planes))
