"""What a process that runs a command settles first: names, empty arguments, threads, its end."""

import atexit
import gc
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from colorization.cli.machine.cores import usable_cores
from colorization.cli.machine.interrupts import left_at_interrupt
from retrieval.stage_clock import stage


def start_process() -> None:
    """Settle everything, before any command is read.

    Raises:
        SystemExit: an argument is empty, or the folder one is in is gone.
    """
    _print_any_name()
    _refuse_empty_arguments()
    _refuse_no_folder()
    share_cores()
    _end_at_once()


def share_cores() -> None:
    """Let there be a thread for each core of this process, unless the user says otherwise.

    What OpenMP cannot read does not count. Before torch brings it, which reads it once.
    """
    asked = os.environ.get("OMP_NUM_THREADS")
    counts = [one.strip() for one in asked.split(",")] if asked else []
    if not counts or not all(one.isdecimal() and int(one) > 0 for one in counts):
        if asked:
            line = f"note: OMP_NUM_THREADS={asked} is no number of threads, and does not count"
            print(line, file=sys.stderr)
        os.environ["OMP_NUM_THREADS"] = str(usable_cores())


@contextmanager
def heavy_imports() -> Iterator[None]:
    """Import torch without searching for garbage meanwhile, which makes it an eighth slower.

    What is there then stays to the end, and is not searched either. Ctrl-C ends the process.
    """
    gc.disable()
    try:
        with left_at_interrupt(), stage("imports"):
            yield
    finally:
        gc.freeze()
        gc.enable()


def _print_any_name() -> None:
    """Let file names be printed that are not UTF-8, instead of failing after the work is done."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _refuse_empty_arguments() -> None:
    """End where a variable of the shell is not set: it would stand for the folder one is in."""
    if "" in sys.argv[1:]:
        print("error: an argument is empty; was a variable not set?", file=sys.stderr)
        sys.exit(2)


def _refuse_no_folder() -> None:
    """End where the folder one is in was deleted: what torch needs would end the process at once.

    Also where another folder has its name now, a terminal stays in the old one.
    """
    try:
        Path.cwd()
    except FileNotFoundError:
        print("error: the folder that you are in is gone; change to another one", file=sys.stderr)
        sys.exit(2)


def _end_at_once() -> None:
    """Leave memory to the system at the end: collecting all that torch has loaded takes long."""
    atexit.register(gc.freeze)
