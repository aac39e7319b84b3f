"""Morphology of masks: as scipy has it."""

import numpy as np
import pytest
from scipy import ndimage

from retrieval.photos.prints.cell_masks import filled, flooded, most_connected, opened


@pytest.mark.parametrize("share", [0.2, 0.5, 0.6, 0.8, 1.0])
def test_it_is_that_of_scipy(rng: np.random.Generator, share: float) -> None:
    for _ in range(20):
        mask = rng.random((28, 28)) < share
        assert np.array_equal(opened(mask), ndimage.binary_opening(mask))
        assert np.array_equal(filled(mask), ndimage.binary_fill_holes(mask))


def test_the_part_is_taken_that_has_most_cells_in_a_place(rng: np.random.Generator) -> None:
    place = np.zeros((28, 28), bool)
    place[9:19, 9:19] = True
    for _ in range(20):
        mask = rng.random((28, 28)) < 0.55
        labels, count = ndimage.label(mask)
        votes = np.bincount(labels[place], minlength=count + 1)[1:]
        found = most_connected(mask, place)
        assert (found & place).sum() == votes.max()
        assert np.array_equal(found, labels == labels[found][0])


def test_nothing_is_found_where_nothing_is() -> None:
    mask = np.zeros((6, 8), bool)
    assert not most_connected(mask, ~mask).any() and not flooded(~mask, mask).any()
    assert not most_connected(~mask, mask).any() and not opened(mask).any()
