"""Curves over L, fitted to colors that follow one."""

import numpy as np
import pytest

from retrieval.photos.prints.tone_curve import (
    CELL,
    CELLS,
    SIDE,
    cells_of,
    errors_outwards,
    fit_curve,
    num_tones,
)

WHOLE = np.ones((CELLS, CELLS), bool)


def toned(luminance: np.ndarray) -> np.ndarray:
    """Brown that is strongest in the middle tones."""
    strength = np.sin(np.pi * luminance / 100)
    return np.stack((luminance, 8 * strength, 20 * strength)).astype(np.float32)


@pytest.fixture
def luminance(rng: np.random.Generator) -> np.ndarray:
    coarse = rng.uniform(5, 95, (SIDE // 4, SIDE // 4))
    return np.kron(coarse, np.ones((4, 4)))


def test_votes_sum_to_one_and_means_are_those_of_numpy(luminance: np.ndarray) -> None:
    cells = cells_of(toned(luminance))
    np.testing.assert_allclose(cells.levels.sum(1), 1, atol=1e-5)
    first = luminance[:8, 8:16].mean() / 100
    assert cells.luminance[1] == pytest.approx(first, abs=1e-4)


def test_cells_of_a_part_are_those_of_the_whole(luminance: np.ndarray) -> None:
    lab = toned(luminance)
    whole, part = cells_of(lab), cells_of(lab[:, 2 * CELL : 5 * CELL, CELL : 3 * CELL])
    for name in ("levels", "luminance", "ab"):
        values = getattr(whole, name).reshape(CELLS, CELLS, -1)[2:5, 1:3]
        np.testing.assert_allclose(getattr(part, name).reshape(3, 2, -1), values, atol=1e-4)


def test_a_tone_is_explained_and_a_thing_in_color_is_not(luminance: np.ndarray) -> None:
    lab = toned(luminance)
    assert fit_curve(cells_of(lab), WHOLE).left < 0.3
    lab[1, 64:128, 64:128] += 30
    assert fit_curve(cells_of(lab), WHOLE).left > 3


def test_a_slow_cast_is_explained_where_it_is_fitted(luminance: np.ndarray) -> None:
    lab = toned(luminance)
    lab[2] += np.linspace(-6, 6, SIDE, dtype=np.float32)
    alone, both = (fit_curve(cells_of(lab), WHOLE, cast) for cast in (False, True))
    assert alone.left > 1.5 > 0.5 > both.left and both.strength > 2


def test_tones_are_counted() -> None:
    flat = np.full((SIDE, SIDE), 40.0)
    assert num_tones(cells_of(toned(flat)), WHOLE) == pytest.approx(1, abs=1e-6)
    flat[: SIDE // 2] = 80
    assert num_tones(cells_of(toned(flat)), WHOLE) == pytest.approx(2, abs=1e-3)


def test_the_curve_is_followed_outwards(luminance: np.ndarray) -> None:
    lab = toned(luminance)
    lab[1, :, : SIDE // 4] += 40
    middle = np.zeros_like(WHOLE)
    middle[9:19, 9:19] = True
    errors, chroma = errors_outwards(cells_of(lab), middle)
    assert errors[:, 8:].max() < 3 < 20 < errors[:, :6].min() and chroma > 5
