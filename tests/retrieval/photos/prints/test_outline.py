"""A print that lies on something."""

import numpy as np
import pytest

from retrieval.photos.prints.outline import MIDDLE, inner_part, is_middle_toned
from retrieval.photos.prints.tone_curve import CELL, CELLS, SIDE, cells_of


def table(rng: np.random.Generator) -> np.ndarray:
    """Lab of green wood, with a gray print on it from 48 to 184."""
    coarse = np.kron(rng.uniform(20, 90, (SIDE // 4, SIDE // 4)), np.ones((4, 4)))
    lab = np.stack((coarse, np.full_like(coarse, -30), np.full_like(coarse, 30)))
    lab[1:, 48:184, 40:192] = 0
    return lab.astype(np.float32)


def test_the_print_is_found_without_its_edge(rng: np.random.Generator) -> None:
    found = inner_part(cells_of(table(rng)))
    assert found is not None
    inside = np.zeros((CELLS, CELLS), bool)
    inside[6:23, 5:24] = True
    assert not (found & ~inside).any() and found.sum() > 0.6 * inside.sum()


@pytest.mark.parametrize("kind", ["whole", "ragged", "motley"])
def test_what_is_no_print_is_none(rng: np.random.Generator, kind: str) -> None:
    lab = table(rng)
    if kind == "whole":
        lab[1:] = 0
    elif kind == "motley":  # not one cell is like the middle
        hue = np.kron(rng.uniform(0, 2 * np.pi, (CELLS, CELLS)), np.ones((CELL, CELL)))
        lab[1:] = 60 * np.stack((np.cos(hue), np.sin(hue)))
    else:
        lab[1:, 48:184:16, 40:192] = 60
    assert inner_part(cells_of(lab)) is None


def test_the_middle_of_a_print_tells_color_photos_apart(rng: np.random.Generator) -> None:
    lab = table(rng)
    middle = lab[:, MIDDLE, MIDDLE]
    assert middle.shape == (3, 80, 80)
    assert np.array_equal(middle, lab[:, 72:152, 72:152])
    assert is_middle_toned(middle)  # gray
    brown = middle + np.stack((0 * middle[0], 8 + middle[0] / 10, 20 - middle[0] / 10))
    assert is_middle_toned(brown.astype(np.float32))
    middle[1, :, ::16] = 60  # red stripes
    assert not is_middle_toned(middle)
