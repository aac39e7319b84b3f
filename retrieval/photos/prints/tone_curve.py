"""How far the color of a picture follows from its luminance: cells, a curve over L, a slow cast.

What a toner, yellowed paper or a lamp gives a gray photograph depends on how dark a place is, and
changes slowly across it. A picture is averaged in cells; each cell keeps the histogram of its L, so
that a curve over L is fitted to its mean color without the error that averaging would make: the
mean of brown shadows and white paper is not the brown of the middle tones.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Float32

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
_PLACE = (np.arange(SIDE)[:, None] // CELL * CELLS + np.arange(SIDE) // CELL).ravel() * LEVELS
_DOWN, _ACROSS = (p.ravel() for p in np.mgrid[-1 : 1 : CELLS * 1j, -1 : 1 : CELLS * 1j])
_SLOW = np.stack(
    (_ACROSS, _DOWN, _ACROSS**2 - 1 / 3, _ACROSS * _DOWN, _DOWN**2 - 1 / 3), 1
)  # polynomials over the picture

Mask = Bool[np.ndarray, "28 28"]


@dataclass(frozen=True)
class Cells:
    """A picture as 28x28 cells.

    Attributes:
        levels: share of LEVELS values of L in each cell, with linear votes; rows sum to 1.
        luminance: mean L of each cell, 0..1.
        ab: mean chroma of each cell, raw Lab units.
    """

    levels: Float[np.ndarray, "784 12"]
    luminance: Float[np.ndarray, "784"]
    ab: Float[np.ndarray, "784 2"]


def cells_of(lab: Float32[np.ndarray, "3 224 224"]) -> Cells:
    """Average a picture in cells; raw Lab units."""
    position = np.clip(lab[0].ravel(), 0.0, 100.0) * np.float32((LEVELS - 1) / 100)
    low = np.minimum(position.astype(np.int64), LEVELS - 2)
    share, place, size = position - low, _PLACE + low, CELLS * CELLS * LEVELS
    votes = np.bincount(place, 1 - share, size) + np.bincount(place + 1, share, size)
    rows = lab.reshape(3, CELLS, CELL, SIDE).sum(2)  # in two steps, which is four times as fast
    means = rows.reshape(3, CELLS * CELLS, CELL).sum(2) / CELL**2
    return Cells(votes.reshape(-1, LEVELS) / CELL**2, means[0] / 100, means[1:].T)


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


def errors_outwards(cells: Cells, mask: Mask) -> tuple[Float[np.ndarray, "28 28"], float]:
    """Fit a curve and an evenly changing cast to some cells, and follow both over the picture.

    Args:
        cells: of a picture.
        mask: those that are fitted.

    Returns:
        Chroma that is left in every cell, and the mean chroma of those fitted.
    """
    chosen = mask.ravel()
    known = np.hstack((cells.levels, _SLOW[:, :2] * cells.luminance[:, None]))
    weights = solve_curve(known[chosen], cells.ab[chosen])
    errors = np.hypot(*(cells.ab - known @ weights).T).reshape(CELLS, CELLS)
    return errors, float(np.hypot(*cells.ab[chosen].T).mean())


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
