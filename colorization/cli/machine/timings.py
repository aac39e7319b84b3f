"""``--timings``: where the time of a command went, as a few plain lines on standard error."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from retrieval.stage_clock import StageClock, running_clock

Timings = Annotated[bool, typer.Option("--timings", help="Tell at the end where the time went.")]
OF_BUILDS = ("describing", "writing")  # what a build may do while processes beside it work


@contextmanager
def told_timings(wanted: bool) -> Iterator[None]:
    """Print at the end of the block where its time went, also if it failed.

    Args:
        wanted: False does nothing.
    """
    if not wanted:
        yield
        return
    started = time.process_time()  # since the process began, which did hardly anything but compute
    with running_clock() as clock:
        try:
            yield
        finally:
            for line in timing_lines(clock, started):
                typer.echo(line, err=True)


def timing_lines(clock: StageClock, started: float = 0.0) -> list[str]:
    """Say where the time went.

    Args:
        clock: of the command.
        started: seconds that the process took before the clock was started.

    Returns:
        A line for the whole, one for each stage in the order in which they began, and for a build
        one that says which stage is the limit.
    """
    whole = started + clock.total
    rest = clock.total - sum(clock.seconds.values())
    stages = {"starting": started, **clock.seconds, "other": rest}
    lines = [f"time: {whole:.2f} s"]
    for name, seconds in stages.items():
        lines.append(f"  {name:20} {seconds:8.2f} s  {seconds / max(whole, 1e-9):4.0%}")
    for name, seconds in clock.beside.items():
        workers = f"{clock.workers} worker{'s' if clock.workers > 1 else ''}"
        lines.append(f"  {name:20} {seconds / clock.workers:8.2f} s  in each of {workers}")
    return lines + _limit(clock)


def _limit(clock: StageClock) -> list[str]:
    """What takes longest of what a build does side by side; nothing for other commands."""
    found = {name: clock.seconds[name] for name in OF_BUILDS if name in clock.seconds}
    if "decoding" not in clock.beside or not clock.workers or not found:
        return []
    found[" and ".join(clock.beside)] = sum(clock.beside.values()) / clock.workers
    limit = max(found, key=lambda name: found[name])
    most = max(found[limit], 1e-9)
    others = [f"{name} takes {t / most:.0%} of that" for name, t in found.items() if name != limit]
    return [f"limit: {limit}, {most:.2f} s; {', '.join(others)}"]
