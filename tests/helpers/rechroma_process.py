"""Run an entry point, or code that interrupts itself, in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import colorization

START = "import gc, os, sys; sys.argv[0] = {name!r}; from colorization.cli.app import {function}; "
# also where whoever runs the tests ignores interruptions
INTERRUPTING = """
import atexit, os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
def interrupt(): os.kill(os.getpid(), signal.SIGINT)
class AtImport:
    def __init__(self, name): self.name = name
    def find_spec(self, name, *_):
        if name == self.name: interrupt()
"""


def command(
    name: str, function: str, arguments: Sequence[object], after: str = ""
) -> subprocess.CompletedProcess[bytes]:
    """Run an entry point in a process of its own, as its script would."""
    code = START.format(name=name, function=function) + (
        f"import atexit; atexit.register(lambda: {after}); " if after else ""
    )
    environment = {
        k: v for k, v in os.environ.items() if k not in ("FORCE_COLOR", "COLUMNS", "GOMP_SPINCOUNT")
    }
    environment |= {
        "PYTHONPATH": str(Path(colorization.__file__).parents[1]),
        "TERMINAL_WIDTH": "120",
    }
    environment["PYTHONIOENCODING"] = "utf-8:strict"  # as on a usual desktop
    return subprocess.run(
        [sys.executable, "-c", f"{code}{function}()", *map(os.fspath, map(_argument, arguments))],
        capture_output=True,
        env=environment,
        timeout=120,
    )


def start_code(code: str, *arguments: str) -> subprocess.Popen[str]:
    """A process that runs code, which may use what INTERRUPTING has."""
    environment = {**os.environ, "PYTHONPATH": str(Path(colorization.__file__).parents[1])}
    return subprocess.Popen(
        [sys.executable, "-c", INTERRUPTING + code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def run_code(code: str, *arguments: str) -> tuple[int, str, str]:
    """What came of it: status, standard output, standard error."""
    with start_code(code, *arguments) as process:
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err


def _argument(value: object) -> str | bytes:
    return value if isinstance(value, bytes) else str(value)
