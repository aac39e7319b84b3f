"""Run an entry point in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import colorization

START = "import gc, os, sys; sys.argv[0] = {name!r}; from colorization.cli.app import {function}; "


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


def _argument(value: object) -> str | bytes:
    return value if isinstance(value, bytes) else str(value)
