"""What scripts/benchmark tells beside its measurements: peers, the processor, the installation."""

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
CPUINFO = "processor : 0\nmodel name : Fast One\nflags : fpu avx2 avx512f\n"


@pytest.fixture
def part(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(SCRIPTS)

    def imported(name: str) -> ModuleType:
        return importlib.import_module(f"benchmarking.{name}")

    return imported


def test_the_processor_and_its_instruction_sets(
    part: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part("processor"), "usable_cores", lambda: 2)
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    monkeypatch.delenv("ATEN_CPU_CAPABILITY", raising=False)
    path = tmp_path / "cpuinfo"
    path.write_text(CPUINFO)
    told = part("processor").processor(path)
    assert told == "Fast One, 2 cores, AVX2 AVX512 no BF16 no AMX"
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    assert part("processor").processor(path) == f"{told}, ONEDNN_MAX_CPU_ISA=AVX2"
    assert "instruction sets unknown" in part("processor").processor(tmp_path / "none")


def test_networks_of_others_are_timed(
    part: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    peers = part("peers")
    monkeypatch.setattr(peers, "HE_SIDE", 32)
    monkeypatch.setattr(peers, "DDCOLOR_SIDE", 32)
    monkeypatch.setattr(peers, "median_seconds", lambda call: call() is not None and 0.5)
    for call in (peers.he2018, peers.vgg19, lambda: peers.convnext("tiny")):
        call()
        assert '"seconds": 0.5' in capsys.readouterr().out


def test_ratios_are_to_the_same_work_of_ours(part: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    table = part("table")
    monkeypatch.setattr(table, "worker", lambda *words: {"seconds": float(len(words))})
    ours = {"colorize 256 px, no reference, s": 0.1, "colorize 256 px, 1 reference, s": 0.25}
    lines = [line.split()[-4:] for line in table.peer_lines(ours)]
    assert [line[1] for line in lines] == ["4.0,", "20.0,", "20.0,", "10.0,"]
    assert lines[0][2:] == ["1", "reference"] and lines[1][2:] == ["no", "reference"]


def test_sizes_of_what_is_installed(part: Any) -> None:
    found = part("installation").sizes()
    assert {"torch", "numpy", "pillow"} <= found.keys()
    assert "pytest" not in found  # of an extra
    assert list(found.values()) == sorted(found.values(), reverse=True) and found["torch"] > 50
    assert part("installation").size_lines()[0].startswith(f"installed, {len(found)} packages, MB")
