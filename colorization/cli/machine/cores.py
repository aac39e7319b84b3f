"""How many cores and how much memory this process may use: containers are given less than there is.

Torch and ``os.cpu_count`` count the cores of the machine. In a container with half a core of a
large machine as many threads would take turns on that half.
"""

import math
import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")  # where a container finds its own limits


def usable_cores(cgroup: Path = CGROUP) -> int:
    """Cores that this process may use, at least 1; of a share of one, that one.

    Args:
        cgroup: folder of the limits.
    """
    affine = getattr(os, "sched_getaffinity", None)  # Linux has it
    here = len(affine(0)) if affine else os.cpu_count() or 1
    quota = _quota(cgroup)
    return max(1, here if quota is None else min(here, math.ceil(quota)))


def usable_memory(cgroup: Path = CGROUP) -> int | None:
    """Bytes of memory that this process may use, also by ``ulimit -v``; None where nothing tells.

    Args:
        cgroup: folder of the limits.
    """
    try:
        here: int | None = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        here = None
    limits = [_address_space()]
    limits += [_number(cgroup / name) for name in ("memory.max", "memory/memory.limit_in_bytes")]
    return min((limit for limit in (here, *limits) if limit), default=None)


def _address_space() -> int | None:
    """The most memory that this process may map; None without a limit."""
    try:
        import resource
    except ImportError:  # as on Windows
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if soft == resource.RLIM_INFINITY else soft


def _quota(cgroup: Path) -> float | None:
    """Cores' worth of time that a container is given; None without a limit."""
    try:
        quota, period = (cgroup / "cpu.max").read_text().split()  # "50000 100000", or "max 100000"
    except (OSError, ValueError):
        old = [_number(cgroup / "cpu" / f"cpu.cfs_{name}_us") for name in ("quota", "period")]
        return old[0] / old[1] if old[0] and old[1] else None
    return int(quota) / int(period) if quota.isdigit() and int(period) else None


def _number(path: Path) -> int | None:
    """The positive number that a file holds; None if it is another word, or not there."""
    try:
        return max(0, int(path.read_text())) or None
    except (OSError, ValueError):
        return None
