"""Ctrl-C: it stops a command, which cleans up; before and after one it ends the process at once.

So does a second one while it cleans up: a killed process leaves nothing that is half written.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

STOPPED = "stopped; what was finished is kept"
STOPPING = "stopping, once what is under way is done; Ctrl-C again ends it at once"
TOLD_SECONDS = 0.5  # after which a command that still cleans up says so
STATUS = 130  # of a process that Ctrl-C has ended, as shells have it


def leave_at_interrupt() -> None:
    """Let Ctrl-C end the process in one line instead of a traceback: nothing is under way yet.

    Where whoever started the process lets it not be interrupted, as ``nohup`` and "&" may, so it
    stays.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)


_teller: threading.Timer | None = None  # says that a command is stopping
_raises = False  # within a command of a process that leaves at Ctrl-C outside one


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C raise KeyboardInterrupt within the block, and end the process at once after it.

    After one that was raised, another ends the process at once, and after the block says nothing
    more. Nothing changes where leave_at_interrupt was not called, as in tests.
    """
    global _raises, _teller
    afterwards = signal.getsignal(signal.SIGINT)
    if afterwards is not _leave:
        yield
        return
    signal.signal(signal.SIGINT, _raise)
    _raises = True
    try:
        yield
    except KeyboardInterrupt:
        afterwards = _leave_silently
        raise
    finally:
        signal.signal(signal.SIGINT, afterwards)
        _raises = False
        if _teller is not None:
            _teller.cancel()


@contextmanager
def left_at_interrupt() -> Iterator[None]:
    """Let Ctrl-C end the process at once within a block of a command that has nothing to clean up.

    Raised while torch is imported, KeyboardInterrupt would abort the process, or be lost.
    """
    if not _raises:
        yield
        return
    signal.signal(signal.SIGINT, _leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, _raise)


def _raise(*_: object) -> None:
    """Stop the command, once."""
    global _teller
    signal.signal(signal.SIGINT, _leave)
    _teller = threading.Timer(TOLD_SECONDS, _say, [STOPPING])
    _teller.daemon = True
    _teller.start()
    raise KeyboardInterrupt


def _leave(*_: object) -> None:
    _say(STOPPED)
    _leave_silently()


def _say(line: str) -> None:
    with suppress(OSError):
        os.write(2, f"{line}\n".encode())


def _leave_silently(*_: object) -> None:
    """End, without what else happens at an end: that would be interrupted wherever it is."""
    with suppress(Exception):  # closed, or just being written
        sys.stdout.flush()
    os._exit(STATUS)
