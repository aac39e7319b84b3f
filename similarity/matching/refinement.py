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


@dataclass(frozen=True, eq=False)
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

    Each fine position tries what its coarse cell found, moved along with it, then one step around
    it (the search of PatchMatch, Barnes et al. 2009, once a level). What the cells beside it found
    brings no more.

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
    search.offer(_moved_along(mapping, table, height, width))
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


def _moved_along(mapping: PointMap, table: _Table, height: int, width: int) -> Tensor:
    """What the coarse cell of each fine position found, moved along with it: rows of the table.

    A step of one fine cell in the target is one fine cell in the reference.
    """
    cell_y, down = _coarse_cells(height, mapping.picture.shape[0], mapping.xy.device)
    cell_x, right = _coarse_cells(width, mapping.picture.shape[1], mapping.xy.device)
    picture = mapping.picture[cell_y][:, cell_x]
    x, y = mapping.xy[cell_y][:, cell_x].unbind(2)
    heights, widths = table.heights[picture], table.widths[picture]
    row = ((y + 1) / 2 * heights + down[:, None]).floor().long()
    column = ((x + 1) / 2 * widths + right).floor().long()
    row, column = row.clamp_(min=0).minimum(heights - 1), column.clamp_(min=0).minimum(widths - 1)
    return (table.starts[picture] + row * widths + column).flatten()


def _coarse_cells(fine: int, coarse: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """The coarse cell of each of a row of fine ones, and how far from its centre that one lies."""
    centre = torch.arange(fine, device=device) + 0.5
    cell = (centre * (coarse / fine)).long()
    return cell, centre - (cell + 0.5) * (fine / coarse)


def _rows(planes: Tensor) -> Tensor:
    """Positions as rows of channels; the backbone's maps already lie so in memory."""
    return planes.permute(1, 2, 0).reshape(-1, len(planes))
