"""Strips: all rows, on as many cores as there are, and what happens at an error."""

import threading

import pytest
import torch

from colorization.inference.pictures.picture_arrays import STRIP_PIXELS
from colorization.inference.pictures.strips import work_on_strips

WIDTH = STRIP_PIXELS // 10  # ten rows a strip


@pytest.mark.parametrize("cores", [1, 3])
@pytest.mark.parametrize("height", [1, 10, 35, 200])
def test_every_row_is_worked_on_once(cores: int, height: int) -> None:
    rows, before, inside = list[int](), torch.get_num_threads(), set[int]()
    lock = threading.Lock()

    def work(some: slice) -> None:
        with lock:
            rows.extend(range(some.start, some.stop))
            inside.add(torch.get_num_threads())

    torch.set_num_threads(cores)
    try:
        work_on_strips(work, height, WIDTH)
        assert sorted(rows) == list(range(height))
        assert torch.get_num_threads() == cores
        assert inside == {1 if height > 10 else cores}  # what one strip needs may use all cores
    finally:
        torch.set_num_threads(before)


def test_strips_wider_than_a_strip_have_one_row() -> None:
    rows = list[slice]()
    work_on_strips(rows.append, 3, 2 * STRIP_PIXELS)
    assert sorted(one.start for one in rows) == [0, 1, 2]
    assert all(one.stop == one.start + 1 for one in rows)


def test_an_error_is_raised_and_the_cores_are_given_back() -> None:
    before = torch.get_num_threads()

    def work(rows: slice) -> None:
        raise MemoryError("no memory")

    torch.set_num_threads(2)
    try:
        with pytest.raises(MemoryError, match="no memory"):
            work_on_strips(work, 100, WIDTH)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
