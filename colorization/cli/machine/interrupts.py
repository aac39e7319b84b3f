"""Ctrl-C: it stops a command, which cleans up; before and after one it ends the process at once."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

STOPPED = "stopped; what was finished is kept"
STATUS = 130  # of a process that Ctrl-C has ended, as shells have it


def leave_at_interrupt() -> None:
    """Let Ctrl-C end the process in one line instead of a traceback: nothing is under way yet.

    Where whoever started the process lets it not be interrupted, as ``nohup`` and "&" may, so it
    stays.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)


_is_raised = False  # within a command of a process that leaves at Ctrl-C outside one


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C raise KeyboardInterrupt within the block, and end the process at once after it.

    After one that was raised, it says nothing more. Nothing changes where leave_at_interrupt was
    not called, as in tests.
    """
    global _is_raised
    afterwards = signal.getsignal(signal.SIGINT)
    if afterwards is not _leave:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _is_raised = True
    try:
        yield
    except KeyboardInterrupt:
        afterwards = _leave_silently
        raise
    finally:
        signal.signal(signal.SIGINT, afterwards)
        _is_raised = False


@contextmanager
def left_at_interrupt() -> Iterator[None]:
    """Let Ctrl-C end the process at once within a block of a command that has nothing to clean up.

    Raised while torch is imported, KeyboardInterrupt would abort the process, or be lost.
    """
    if not _is_raised:
        yield
        return
    signal.signal(signal.SIGINT, _leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _leave(*_: object) -> None:
    with suppress(OSError):
        os.write(2, f"{STOPPED}\n".encode())
    _leave_silently()


def _leave_silently(*_: object) -> None:
    """End, without what else happens at an end: that would be interrupted wherever it is."""
    with suppress(Exception):  # closed, or just being written
        sys.stdout.flush()
    os._exit(STATUS)
