"""Find a print that lies on something: on a table, or within a border.

Where the color of the middle of a picture follows from its luminance, the same curve is followed
outwards. A print ends in straight lines: what the curve explains then fills a rectangle, turned by
any angle, and nothing around it.
"""

import numpy as np
from jaxtyping import Float32

from retrieval.photos.prints.cell_masks import Mask, filled, most_connected, opened
from retrieval.photos.prints.tone_curve import (
    CELL,
    CELLS,
    Cells,
    cells_of,
    errors_outwards,
    explains_itself,
)

_SEED = slice(9, 19)  # cells of the middle, in both directions
_NEAR = (
    2.0,
    0.08,
)  # chroma beside the curve up to which a cell belongs to the print: fixed, a share
_SEED_SHARE = 0.9  # of the middle that must follow its own curve
_ROUNDS = 4
_MIDDLE = np.zeros((CELLS, CELLS), bool)
_MIDDLE[_SEED, _SEED] = True
MIDDLE = slice(_SEED.start * CELL, _SEED.stop * CELL)  # the same in pixels
_ANGLES = np.radians(np.arange(-45.0, 45.0, 3.0))
_TURNS = np.stack((np.cos(_ANGLES), np.sin(_ANGLES)), 1)
_LEAST_CELLS, _LEAST_AREA, _LEAST_AROUND = 60, 0.15, 0.05  # shares of the picture
_FILLED, _SPILLED, _ALIKE = 0.87, 0.06, 0.3  # of the rectangle; of what was found; around
_SIDES = 3  # of the rectangle that must lie inside the picture: land below a sky has one
_Y, _X = np.mgrid[0:CELLS, 0:CELLS]


def is_middle_toned(lab: Float32[np.ndarray, "3 80 80"]) -> bool:
    """Whether the color of the middle follows from its luminance, as it does in every print.

    Most color photos are told by that at once.

    Args:
        lab: of MIDDLE, raw Lab units.
    """
    return explains_itself(cells_of(lab), _MIDDLE, _NEAR, _SEED_SHARE)


def inner_part(cells: Cells) -> Mask | None:
    """The cells of what looks like a print inside the picture, without its edge.

    Args:
        cells: of a picture.

    Returns:
        None if nothing does.
    """
    found = _grown(cells)
    if found is None:
        return None
    part, is_near = found
    outline = _Rectangle(part)
    here, around = outline.grown(0.0), ~outline.grown(1.0)
    if here.mean() < _LEAST_AREA or around.mean() < _LEAST_AROUND:
        return None
    is_filled = part[here].mean() > _FILLED and part[~here].sum() < _SPILLED * part.sum()
    is_alone = is_near[around].mean() < _ALIKE and outline.sides_inside() >= _SIDES
    core = outline.grown(-1.0)
    return core if is_filled and is_alone and core.sum() >= _LEAST_CELLS else None


def _grown(cells: Cells) -> tuple[Mask, Mask] | None:
    """Cells that follow the curve of the middle: those joined with it, and all; None if too few."""
    part, is_near = _MIDDLE, _MIDDLE
    for _ in range(_ROUNDS):
        errors, chroma = errors_outwards(cells, part)
        is_near = errors < _NEAR[0] + _NEAR[1] * chroma
        grown = opened(most_connected(is_near, _MIDDLE))
        if grown.sum() < _LEAST_CELLS:
            return None
        if np.array_equal(grown, part):
            break
        part = grown
    return filled(part), is_near


class _Rectangle:
    """The smallest rectangle around some cells, turned by any angle."""

    def __init__(self, part: Mask) -> None:
        points = np.stack((_X[part], _Y[part]))
        along = np.sort(_TURNS @ points, 1)
        across = np.sort(_TURNS[:, ::-1] * (-1, 1) @ points, 1)
        few = len(points[0]) // 100  # stray cells
        low = np.stack((along[:, few], across[:, few]), 1)
        high = np.stack((along[:, -1 - few], across[:, -1 - few]), 1)
        best = int(np.prod(high - low + 1, axis=1).argmin())
        self._low, self._high = low[best] - 0.5, high[best] + 0.5
        cosine, sine = _TURNS[best]
        self._u, self._v = cosine * _X + sine * _Y, cosine * _Y - sine * _X
        self._turn = np.array(((cosine, -sine), (sine, cosine)))

    def grown(self, by: float) -> Mask:
        """Cells inside it, made larger by so many cells on each side."""
        low, high = self._low - by, self._high + by
        inside_u = (self._u >= low[0]) & (self._u <= high[0])
        return np.asarray(inside_u & (self._v >= low[1]) & (self._v <= high[1]))

    def sides_inside(self) -> int:
        """How many of its sides have something of the picture beyond them."""
        middle = (self._low + self._high) / 2
        half = (self._high - self._low) / 2 + 1.0
        count = 0
        for step in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            x, y = self._turn @ (middle + half * step)
            count += bool(-0.5 <= x <= CELLS - 0.5 and -0.5 <= y <= CELLS - 0.5)
        return count
