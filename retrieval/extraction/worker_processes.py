"""Have processes work on parts of a task side by side, each on one core."""

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import parent_process
from typing import Any, TypeVar

import torch

Part = TypeVar("Part")
Done = TypeVar("Done")
AHEAD = 2  # parts for each process that are done or being done before they are asked for
KILLED = (
    "a process that describes photos was killed; systems do that when memory runs out:"
    " try fewer --workers"
)
_work: list[Callable[[Any], Any]] = []  # of a process, what it does


def in_processes(
    work: Callable[[Part], Done], parts: Sequence[Part], processes: int
) -> Iterator[Done]:
    """Work on parts in processes, at most one a part.

    Args:
        work: what is done to a part; it is sent to each process once.
        parts: of a task.
        processes: how many; 0 works in this one.

    Yields:
        What was done, part after part.

    Raises:
        ChildProcessError: a process was killed.
    """
    if not processes or not parts:
        yield from map(work, parts)
        return
    pool = ProcessPoolExecutor(min(processes, len(parts)), initializer=_begin, initargs=(work,))
    try:
        under_way: deque[Future[Done]] = deque()
        for part in parts:
            under_way.append(pool.submit(_do, part))
            if len(under_way) > AHEAD * processes:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    except BrokenProcessPool as error:
        raise ChildProcessError(KILLED) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _begin(work: Callable[[Any], Any]) -> None:
    """What a process does first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends the work, and says so
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    _work.append(work)


def _end_with_parent() -> None:
    """End the process if its parent is killed; it would hold its terminal for ever."""
    # not os.getppid(): a server may have started the process
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _do(part: Any) -> Any:
    return _work[0](part)
