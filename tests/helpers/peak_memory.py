"""The most memory that a process has had."""

import resource
from pathlib import Path


def peak_bytes() -> int:
    """Of this process alone; getrusage also counts what its parent had when it started this one."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
