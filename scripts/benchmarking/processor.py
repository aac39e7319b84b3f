"""The processor: its name, its cores and the instruction sets that matter to networks."""

import os
import platform
from collections.abc import Iterable
from pathlib import Path

from colorization.cli.machine.cores import usable_cores

# as /proc/cpuinfo calls them
SETS = {"AVX2": "avx2", "AVX512": "avx512f", "BF16": "avx512_bf16", "AMX": "amx_bf16"}
# what lets any processor compute as one with AVX2 only: oneDNN, torch's own operators, and numpy,
# which passes over names that it does not know: older and newer ones call the sets otherwise
AVX2_ONLY = {
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512CD AVX512_SKX X86_V4 AVX512_ICL",
}


def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Describe the processor in a line.

    Args:
        cpuinfo: Linux tells it there; elsewhere only the name is known.
    """
    try:
        rows = [line.partition(":") for line in cpuinfo.read_text().splitlines()]
    except OSError:
        rows = []
    lines = {key.strip(): value.strip() for key, _, value in rows}
    name = lines.get("model name") or platform.processor() or platform.machine()
    sets = _sets(lines.get("flags", "").split()) if "flags" in lines else "instruction sets unknown"
    limits = [f"{key}={os.environ[key]}" for key in AVX2_ONLY if key in os.environ]
    cores = usable_cores()
    return ", ".join([name, f"{cores} core{'s' if cores > 1 else ''}", sets, *limits])


def _sets(flags: Iterable[str]) -> str:
    return " ".join(name if flag in flags else f"no {name}" for name, flag in SETS.items())
