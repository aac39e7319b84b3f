"""How far the color of a picture follows from its luminance: cells, a curve over L, a slow cast.

What a toner, yellowed paper or a lamp gives a gray photograph depends on how dark a place is, and
changes slowly across it. A picture is averaged in cells; each cell keeps the histogram of its L, so
that a curve over L is fitted to its mean color without the error that averaging would make: the
mean of brown shadows and white paper is not the brown of the middle tones.
"""

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from jaxtyping import Float, Float32, Int

from retrieval.photos.prints.cell_masks import Mask

# mean chroma, in Lab units; pictures below are gray, or prints without their tone, and cannot lend
# colors
MIN_CHROMA = 2.0
SIDE, CELL = 224, 8  # pixels: of the square that is looked at, and of its cells
CELLS = SIDE // CELL
LEVELS = 12  # places of the curve, from L = 0 to L = 100
_TONES = 32  # steps of L that count as different tones
_SMOOTH = 2e-3  # of the curve, so that levels the picture hardly has borrow from their neighbours
_STEPS = np.diff(np.eye(LEVELS), axis=0)
_ROUGHNESS = _STEPS.T @ _STEPS
_EXTREME = 4  # cells whose error may be larger: a scratch, a date written in ink
_DOWN, _ACROSS = (p.ravel() for p in np.mgrid[-1 : 1 : CELLS * 1j, -1 : 1 : CELLS * 1j])
_SLOW = np.stack(
    (_ACROSS, _DOWN, _ACROSS**2 - 1 / 3, _ACROSS * _DOWN, _DOWN**2 - 1 / 3), 1
)  # polynomials over the picture


@dataclass(frozen=True)
class Cells:
    """A picture as 28x28 cells, or some of them, row by row.

    Attributes:
        levels: share of LEVELS values of L in each cell, with linear votes; rows sum to 1.
        luminance: mean L of each cell, 0..1.
        ab: mean chroma of each cell, raw Lab units.
    """

    levels: Float[np.ndarray, "cells 12"]
    luminance: Float[np.ndarray, " cells"]
    ab: Float[np.ndarray, "cells 2"]


def cells_of(lab: Float32[np.ndarray, "3 height width"]) -> Cells:
    """Average a picture in cells.

    Args:
        lab: raw Lab units; both sides are multiples of CELL.
    """
    rows, columns = (side // CELL for side in lab.shape[1:])
    count = rows * columns
    position = np.clip(lab[0].ravel(), 0.0, 100.0) * np.float32((LEVELS - 1) / 100)
    low = np.minimum(position.astype(np.int64), LEVELS - 2)
    share, place, size = position - low, _first_places(rows, columns) + low, count * LEVELS
    votes = np.bincount(place, 1 - share, size) + np.bincount(place + 1, share, size)
    strips = lab.reshape(3, rows, CELL, -1).sum(2)  # in two steps, which is four times as fast
    means = strips.reshape(3, count, CELL).sum(2) / CELL**2
    return Cells(votes.reshape(-1, LEVELS) / CELL**2, means[0] / 100, means[1:].T)


@cache
def _first_places(rows: int, columns: int) -> Int[np.ndarray, " pixels"]:
    """Where among the votes of all cells those of a pixel's cell begin."""
    down, across = np.arange(rows * CELL) // CELL, np.arange(columns * CELL) // CELL
    return (down[:, None] * columns + across).ravel() * LEVELS


@dataclass(frozen=True)
class Fit:
    """What of the color of some cells follows from their luminance.

    Attributes:
        tone: color by the curve alone, (cells, 2).
        cast: color by the slow cast.
        error: color that is left, (28, 28, 2); 0 in cells that were not fitted.
        mask: which were fitted.
    """

    tone: np.ndarray
    cast: np.ndarray
    error: np.ndarray
    mask: Mask

    @cached_property
    def left(self) -> float:
        """Mean chroma left in blocks of 2x2 cells: noise averages out, colors of things do not."""
        blocks = (CELLS // 2, 2, CELLS // 2, 2)
        whole = self.mask.reshape(blocks).all((1, 3))
        means = self.error.reshape(*blocks, 2).mean((1, 3))[whole]
        return float(np.hypot(*means.T).mean()) if len(means) else float("inf")

    @cached_property
    def most(self) -> float:
        """Chroma that is left in the worst cell but a few."""
        errors = np.sort(np.hypot(*self.error[self.mask].T))
        return float(errors[-min(len(errors), _EXTREME + len(errors) // 400)])

    @cached_property
    def bend(self) -> float:
        """How far the curve leaves a line in the plane of chroma: standard deviation in Lab units.

        Toners move colors along a line, or two of them that meet in gray; a sunset goes from
        black over red to yellow.
        """
        spread = np.linalg.eigvalsh(np.cov((self.tone - self.tone.mean(0)).T))
        return float(max(0.0, spread[0]) ** 0.5)

    @cached_property
    def strength(self) -> float:
        """Root mean square of the cast, Lab units."""
        return float(np.sqrt((self.cast**2).sum(1).mean()))


def fit_curve(cells: Cells, mask: Mask, with_cast: bool = False) -> Fit:
    """Fit a curve over L to the colors of some cells.

    Args:
        cells: of a picture.
        mask: those that count, at least two of them.
        with_cast: whether a cast that changes slowly across the picture is fitted too, as strong
            as a place is bright (a lamp, yellowed paper) or everywhere alike (a veil).
    """
    chosen = mask.ravel()
    known, wanted = cells.levels[chosen], cells.ab[chosen]
    if with_cast:
        slow = _SLOW[chosen]
        known = np.hstack((known, slow * cells.luminance[chosen, None], slow[:, :2]))
    weights = solve_curve(known, wanted)
    tone = known[:, :LEVELS] @ weights[:LEVELS]
    cast = known[:, LEVELS:] @ weights[LEVELS:]
    error = np.zeros((CELLS * CELLS, 2))
    error[chosen] = wanted - tone - cast
    return Fit(tone, cast, error.reshape(CELLS, CELLS, 2), mask)


def num_tones(cells: Cells, mask: Mask) -> float:
    """How many of _TONES steps of L some cells have: the exponential of their entropy.

    Args:
        cells: of a picture.
        mask: those that count.
    """
    step = np.minimum((cells.luminance[mask.ravel()] * _TONES).astype(np.int64), _TONES - 1)
    share = np.bincount(step) / len(step)
    return float(np.exp(-(share * np.log(share + 1e-12)).sum()))


def explains_itself(cells: Cells, mask: Mask, near: tuple[float, float], least: float) -> bool:
    """Whether the color of some cells follows from their luminance and an evenly changing cast.

    Args:
        cells: those alone.
        mask: where they lie in the picture.
        near: chroma that may be left in a cell: fixed, and a share of their mean chroma.
        least: share of the cells in which no more may be left.
    """
    errors, chroma = _errors_of(cells, mask.ravel(), slice(None))
    return bool((errors < near[0] + near[1] * chroma).mean() >= least)


def errors_outwards(cells: Cells, mask: Mask) -> tuple[Float[np.ndarray, "28 28"], float]:
    """Fit a curve and an evenly changing cast to some cells, and follow both over the picture.

    Args:
        cells: of a picture.
        mask: those that are fitted.

    Returns:
        Chroma that is left in every cell, and the mean chroma of those fitted.
    """
    errors, chroma = _errors_of(cells, slice(None), mask.ravel())
    return errors.reshape(CELLS, CELLS), chroma


def _errors_of(
    cells: Cells, places: slice | np.ndarray, fitted: slice | np.ndarray
) -> tuple[Float[np.ndarray, " cells"], float]:
    """Chroma left in cells at places of the picture, and the mean chroma of those fitted."""
    known = np.hstack((cells.levels, _SLOW[places, :2] * cells.luminance[:, None]))
    weights = solve_curve(known[fitted], cells.ab[fitted])
    errors = np.hypot(*(cells.ab - known @ weights).T)
    return errors, float(np.hypot(*cells.ab[fitted].T).mean())


def solve_curve(known: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Weights, smooth over L, that best give what is wanted from levels and what else is known.

    Args:
        known: (cells, unknowns), of which the first LEVELS are those of the curve.
        wanted: (cells, 2), chroma.

    Returns:
        (unknowns, 2).
    """
    penalty = np.diag(np.full(known.shape[1], 1e-4))
    penalty[:LEVELS, :LEVELS] = 1e-6 * np.eye(LEVELS) + _SMOOTH * _ROUGHNESS
    return np.asarray(np.linalg.solve(known.T @ known + len(known) * penalty, known.T @ wanted))
