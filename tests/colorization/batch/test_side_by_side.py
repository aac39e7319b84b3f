"""Items in threads: their order, how many at a time, and what happens at an error."""

import threading
import time
from collections.abc import Iterator

import pytest
import torch

from colorization.batch.side_by_side import AHEAD, side_by_side
from retrieval.stage_clock import running_clock, stage

PATIENCE = 10.0  # seconds, for what happens at once


class Counted:
    """Work that counts how much of it is done at a time."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self.sizes: list[int] = []
        self._lock = threading.Lock()

    def __call__(self, size: int) -> int:
        with self._lock:
            self.now += 1
            self.sizes.append(size)
            self.most = max(self.most, self.now)
        time.sleep(0.02)
        with self._lock:
            self.now -= 1
        return size


def test_what_was_done_comes_in_order() -> None:
    work, sizes = Counted(), [5, 1, 4, 2, 3]
    assert list(side_by_side(work, sizes, 3, lambda size: size, 100)) == sizes
    assert work.most == 3


def test_all_that_is_under_way_fits_the_room() -> None:
    together = threading.Barrier(2)

    def work(size: int) -> int:
        if size == 4:  # two of them fit, and must meet
            together.wait(PATIENCE)
        return size

    assert list(side_by_side(work, [4, 4], 4, lambda size: size, 8)) == [4, 4]
    counted = Counted()
    assert list(side_by_side(counted, [5, 5, 9, 5], 4, lambda size: size, 8)) == [5, 5, 9, 5]
    assert counted.most == 1


def test_items_are_asked_for_when_there_is_room_for_them() -> None:
    asked: list[int] = []

    def items() -> Iterator[int]:
        for number in range(20):
            asked.append(number)
            yield number

    done = side_by_side(lambda number: number, items(), 2, lambda _: 1, 100)
    assert next(done) == 0
    assert len(asked) <= 2 * AHEAD + 1
    done.close()
    assert len(asked) <= 2 * AHEAD + 1


def test_an_error_waits_for_what_is_under_way_and_begins_nothing_new() -> None:
    finished: list[int] = []

    def work(number: int) -> int:
        if number == 0:
            raise OSError("full")
        time.sleep(0.05)
        finished.append(number)
        return number

    with pytest.raises(OSError, match="full"):
        list(side_by_side(work, range(100), 2, lambda _: 1, 100))
    assert len(finished) <= 2 * AHEAD


def test_threads_share_the_cores_which_are_given_back() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        found = list(side_by_side(lambda _: torch.get_num_threads(), range(4), 2, lambda _: 1, 9))
        assert found == [2] * 4 and torch.get_num_threads() == 4
        assert list(side_by_side(lambda _: torch.get_num_threads(), [0], 1, lambda _: 1, 9)) == [4]
        found = list(side_by_side(lambda _: torch.get_num_threads(), [0], 9, lambda _: 1, 9))
        assert found == [1]
        # what is alone for its size has all of them
        sizes = [1, 9, 5, 4]
        found = list(side_by_side(lambda _: torch.get_num_threads(), sizes, 4, lambda n: n, 8))
        assert found == [1, 4, 4, 2]
    finally:
        torch.set_num_threads(before)


def test_the_clock_is_told_what_threads_did() -> None:
    def work(_: int) -> None:
        with stage("reading"):
            time.sleep(0.01)

    with running_clock() as clock:
        assert list(side_by_side(work, range(4), 2, lambda _: 1, 9)) == [None] * 4
    assert clock.workers == 2 and set(clock.seconds) == {"waiting"}
    assert clock.beside["reading"] >= 0.04
