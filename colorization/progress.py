"""A progress bar with photos a second and time left; nothing where the output is not a terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        """Photos a second."""
        return Text(f"{task.speed:.1f} photos/s" if task.speed else "")


@contextmanager
def photo_progress(what: str, quiet: bool = False) -> Iterator[Callable[[int, int], None]]:
    """Yield a function of (photos done, photos to do) that draws a bar on stderr."""
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
