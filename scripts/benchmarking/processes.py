"""Time calls and commands, and run measurements in processes of their own."""

import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "benchmark"


def run(arguments: list[str]) -> tuple[float, str]:
    """Run a command.

    Returns:
        Its seconds and its output.

    Raises:
        SystemExit: the command failed.
    """
    start = time.perf_counter()
    done = subprocess.run(arguments, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"failed: {' '.join(arguments)}")
    return time.perf_counter() - start, done.stdout


def worker(*arguments: object, show: bool = False) -> dict[str, float]:
    """Run one measurement in a process of its own.

    Args:
        arguments: the command of ``scripts/benchmark`` and its arguments.
        show: print what it says before its figures.

    Returns:
        Its figures by name; ``mib`` is the peak of its memory.
    """
    *lines, last = run([sys.executable, str(SCRIPT), *map(str, arguments)])[1].splitlines()
    if show:
        print("\n".join(lines), flush=True)
    figures: dict[str, float] = json.loads(last)
    return figures


def print_figures(**figures: float) -> None:
    """Print the figures of a measurement, and the peak of its memory, for ``worker``."""
    print(json.dumps({**figures, "mib": peak_mib()}))


def peak_mib() -> float:
    """Peak resident memory of this process."""
    status = Path("/proc/self/status")
    if status.exists():  # on Linux ru_maxrss would count the parent's at the fork
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # macOS counts bytes


def median_seconds(call: Callable[[], object], least: int = 3, budget: float = 10.0) -> float:
    """Median time of a call, after one that does not count.

    Args:
        call: what is timed.
        least: how often at least.
        budget: seconds after which it is called no more.
    """
    call()
    times: list[float] = []
    while len(times) < least or (sum(times) < budget and len(times) < 15):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)
