"""Damaged pictures: each is read or refused with a reason, none crashes, hangs or eats memory."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("count", [1000, pytest.param(10_000, marks=pytest.mark.long)])
def test_damaged_pictures_are_read_or_refused_with_a_reason(tmp_path: Path, count: int) -> None:
    script = Path(__file__).with_name("fuzz_pictures.py")
    command = [sys.executable, "-W", "ignore", str(script), str(tmp_path), str(count), "0"]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=600, check=False, cwd=script.parents[4]
    )
    left = [str(path) for path in tmp_path.iterdir()]
    assert done.returncode == 0, (
        f"died with {done.returncode} on the newest of {left}: {done.stderr[-500:]}"
    )
    report = json.loads(done.stdout)
    assert report["problems"] == []
    # nothing malformed, nothing without a reason
    assert report["decoded"] + report["refused"] == count
    # the damage is neither harmless nor total
    assert min(report["decoded"], report["refused"]) > count / 20
    assert report["longest_seconds"] < 2
    assert report["peak_bytes"] < 1 << 30
