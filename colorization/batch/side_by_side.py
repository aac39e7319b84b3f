"""Work on several photos at a time, each on its share of the cores.

Reading and writing a photo use one core anyway, and what networks compute for a small picture is
soon divided and long waited for.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch

from retrieval.stage_clock import StageClock, current_clock, running_clock, stage

Item = TypeVar("Item")
Done = TypeVar("Done")
AHEAD = 2  # items for each thread that are done or being done before they are asked for


@dataclass(frozen=True)
class _UnderWay(Generic[Done]):
    """What is being done, the clock of its thread, and how large it is."""

    future: Future[tuple[Done, StageClock]]
    size: int

    def result(self, clock: StageClock | None) -> Done:
        """What was done, as soon as it is; a clock is told what took how long."""
        with stage("waiting"):
            done, own = self.future.result()
        if clock is not None:
            for name, seconds in own.seconds.items():
                clock.add_beside(name, seconds)
        return done


def side_by_side(
    work: Callable[[Item], Done],
    items: Iterable[Item],
    threads: int,
    size: Callable[[Item], int],
    room: int,
) -> Generator[Done, None, None]:
    """Work on items in threads, which share the cores; those that are alone have all of them.

    Whoever stops before the end, as after an error, waits until what is under way is done.

    Args:
        work: what is done to an item.
        items: asked for one after the other, when there is room for the next.
        threads: how many; with one, all is done in the caller's.
        size: of an item, whatever may be added up.
        room: how large all items together may be that are worked on; a larger one is alone.

    Yields:
        What was done, item after item.
    """
    if threads == 1:
        yield from map(work, items)
        return
    clock, cores = current_clock(), torch.get_num_threads()
    if clock is not None:
        clock.workers = threads
    pool = ThreadPoolExecutor(threads)
    under_way: deque[_UnderWay[Done]] = deque()
    try:
        for item in items:
            own = size(item)
            while under_way and not _has_room(under_way, own, threads, room):
                yield under_way.popleft().result(clock)
            together = min(threads, max(1, room // max(1, own)))
            share = max(1, cores // together)
            under_way.append(_UnderWay(pool.submit(_timed, work, item, share), own))
        while under_way:
            yield under_way.popleft().result(clock)
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(cores)


def _has_room(under_way: deque[_UnderWay[Done]], size: int, threads: int, room: int) -> bool:
    held = sum(one.size for one in under_way if not one.future.done())
    return len(under_way) < AHEAD * threads and size <= room - held


def _timed(work: Callable[[Item], Done], item: Item, cores: int) -> tuple[Done, StageClock]:
    torch.set_num_threads(cores)
    with running_clock() as clock:
        return work(item), clock
