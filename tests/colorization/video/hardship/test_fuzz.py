"""Damaged films of three containers: each is read or refused with a reason."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("count", [60, pytest.param(2000, marks=pytest.mark.long)])
def test_damaged_films_are_read_or_refused_with_a_reason(tmp_path: Path, count: int) -> None:
    script = Path(__file__).with_name("fuzz_films.py")
    command = [sys.executable, "-W", "ignore", str(script), str(tmp_path), str(count), "0"]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=1800, check=False, cwd=script.parents[4]
    )
    left = sorted(path.name for path in tmp_path.iterdir())
    assert done.returncode == 0, f"died with {done.returncode} on {left}: {done.stderr[-500:]}"
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["problems"] == []
    assert report["decoded"] + report["refused"] == count
    assert min(report["decoded"], report["refused"]) > count / 20
    assert report["peak_bytes"] < 2 << 30
    assert left == ["film.avi", "film.mkv", "film.mp4"]
