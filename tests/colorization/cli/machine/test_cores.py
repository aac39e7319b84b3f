"""Cores and memory of a container, told by files like those of its control groups."""

import os
from pathlib import Path

import pytest

from colorization.cli.machine.cores import usable_cores, usable_memory


@pytest.fixture(autouse=True)
def _eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


@pytest.mark.parametrize(
    ("quota", "cores"),
    [("50000 100000", 1), ("150000 100000", 2), ("max 100000", 8), ("9900000 100000", 8), ("", 8)],
)
def test_a_share_of_the_cores(tmp_path: Path, quota: str, cores: int) -> None:
    (tmp_path / "cpu.max").write_text(quota)
    assert usable_cores(tmp_path) == cores


@pytest.mark.parametrize(("quota", "cores"), [("50000", 1), ("-1", 8), ("300000", 3)])
def test_a_share_as_older_systems_tell_it(tmp_path: Path, quota: str, cores: int) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(quota)
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000")
    assert usable_cores(tmp_path) == cores


def test_without_limits_all_that_the_process_may_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert usable_cores(tmp_path) == 8
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3})
    assert usable_cores(tmp_path) == 1
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_cores(tmp_path) == 1


def test_memory_is_that_of_the_container(tmp_path: Path) -> None:
    whole = usable_memory(tmp_path)
    assert whole is None or whole > 1 << 28
    (tmp_path / "memory.max").write_text("104857600\n")
    assert usable_memory(tmp_path) == 100 << 20
    (tmp_path / "memory.max").write_text("max\n")
    assert usable_memory(tmp_path) == whole
