"""Where the time of a command goes: a clock that is told what is being done.

Code says ``with stage("reading"):`` or ``@stage("reading")``, which does nothing unless a command
has started a clock. A stage within another one interrupts it, so that times add up. Each thread has
its own clock, or none.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass
class StageClock:
    """Seconds by stage.

    Attributes:
        now: gives the seconds of any clock that only goes forward.
        seconds: of each stage, without those within it.
        beside: seconds that processes or threads beside this one took for a stage, all together.
        workers: how many those were.
    """

    now: Callable[[], float] = time.perf_counter
    seconds: dict[str, float] = field(default_factory=dict)
    beside: dict[str, float] = field(default_factory=dict)
    workers: int = 0
    _open: list[str] = field(default_factory=list)
    _start: float = 0.0
    _since: float = 0.0

    def __post_init__(self) -> None:
        """Start."""
        self._start = self._since = self.now()

    @property
    def total(self) -> float:
        """Seconds since the clock was started."""
        return self.now() - self._start

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count what is done in the block.

        Args:
            name: of the stage.
        """
        self._turn()
        self._open.append(name)
        self.seconds.setdefault(name, 0.0)
        try:
            yield
        finally:
            self._turn()
            self._open.pop()

    def add_beside(self, name: str, seconds: float) -> None:
        """Count what a process or thread beside this one has done.

        Args:
            name: of the stage.
            seconds: that it took there.
        """
        self.beside[name] = self.beside.get(name, 0.0) + seconds

    def _turn(self) -> None:
        """Give the time since the last turn to the innermost stage."""
        now = self.now()
        if self._open:
            self.seconds[self._open[-1]] += now - self._since
        self._since = now


_clock: ContextVar[StageClock | None] = ContextVar("clock", default=None)


def current_clock() -> StageClock | None:
    """The clock of this thread; None where nobody has started one."""
    return _clock.get()


@contextmanager
def running_clock() -> Iterator[StageClock]:
    """Start a clock for this thread, for the length of the block."""
    clock = StageClock()
    token = _clock.set(clock)
    try:
        yield clock
    finally:
        _clock.reset(token)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Count what is done in the block, if a clock runs.

    Args:
        name: of the stage.
    """
    clock = _clock.get()
    if clock is None:
        yield
    else:
        with clock.stage(name):
            yield
