"""Progress bars with photos a second and time left; nothing where the output is not a terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text


class _Rate(ProgressColumn):
    def __init__(self, unit: str) -> None:
        super().__init__()
        self.unit = unit

    def render(self, task: Task) -> Text:
        """So many a second."""
        return Text(f"{task.speed:.1f} {self.unit}/s" if task.speed else "")


class _Screen:
    """Standard error that may go away: when its terminal is closed, the work goes on."""

    def __init__(self) -> None:
        self._stream = sys.stderr

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


@contextmanager
def photo_progress(
    what: str, quiet: bool = False, unit: str = "photos"
) -> Iterator[Callable[[int, int], None]]:
    """Draw a bar on stderr while the block runs.

    Args:
        what: is done, in a word before the bar.
        quiet: draw nothing.
        unit: of what is counted.

    Yields:
        A function to call with (done, to do).
    """
    with _display(unit, quiet) as display:
        task = display.add_task(what, total=None)
        yield lambda done, total: display.update(task, completed=done, total=total)


@contextmanager
def progress_bars(unit: str = "photos") -> Iterator[Callable[[str, int, int], None]]:
    """Draw bars on stderr while the block runs, one below the other, for one step after another.

    Args:
        unit: of what is counted.

    Yields:
        A function to call with (what is done, done, to do); a bar appears when its step begins.
    """
    tasks = dict[str, TaskID]()

    def tell(what: str, done: int, total: int) -> None:
        if what not in tasks:
            tasks[what] = display.add_task(what, total=None)
        display.update(tasks[what], completed=done, total=total)

    with _display(unit) as display:
        yield tell


def _display(unit: str, quiet: bool = False) -> Progress:
    console = Console(file=_Screen())  # type: ignore[arg-type]
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(unit),
        TimeRemainingColumn(),
        console=console,
        disable=quiet or not console.is_terminal,
    )
