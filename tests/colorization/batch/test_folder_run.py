"""A box of photos is finished whatever happens: bad files, and kills at any moment."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorization.batch.manifest_lines import MANIFEST
from colorization.photo_files.staged_files import PREFIX

SMALL = """
import functools, colorization.batch.runner, colorization.options as options
settings = {"working_side": 64, "method": "training-free"}
options.ColorizeOptions = functools.partial(options.ColorizeOptions, **settings)
from colorization.cli.app import main
main()
"""


def make_box(
    folder: Path, gray: np.ndarray, rng: np.random.Generator, count: int, num_bad: int
) -> set[str]:
    """Small scans in three folders, some of them unusable: the names of those."""
    bad = set()
    for number in range(count):
        path = folder / f"{1930 + number % 3}" / f"{number:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        top, left = rng.integers(0, 80, 2)
        Image.fromarray(gray[top : top + 48, left : left + 64]).save(path)
        if number % (count // num_bad) == 0:
            path.write_bytes(path.read_bytes()[: 40 * (number % 4)])
            bad.add(str(path.relative_to(folder)))
    return bad


def lines(out: Path) -> list[dict[str, object]]:
    path = out / MANIFEST
    return (
        [json.loads(text) for text in path.read_text().splitlines() if text.endswith("}")]
        if path.exists()
        else []
    )


def results(out: Path) -> dict[str, tuple[int, int]]:
    found = {path: path.stat() for path in out.rglob("*.png") if not path.name.startswith(PREFIX)}
    return {
        str(path.relative_to(out)): (stat.st_mtime_ns, stat.st_ino) for path, stat in found.items()
    }


@pytest.mark.parametrize(
    ("count", "num_bad"), [(60, 5), pytest.param(500, 25, marks=pytest.mark.long)]
)
def test_a_box_is_finished_though_it_is_killed_twice(
    tmp_path: Path,
    gray_pictures: dict[str, np.ndarray],
    rng: np.random.Generator,
    reference_path: Path,
    count: int,
    num_bad: int,
) -> None:
    box, out = tmp_path / "box", tmp_path / "out"
    bad = make_box(box, gray_pictures["coffee"], rng, count, num_bad)
    words = ["colorize", box, "--output", out, "--reference", reference_path]
    command = [sys.executable, "-c", SMALL, *map(str, words)]
    done: list[dict[str, tuple[int, int]]] = []
    times: list[Counter[str]] = []
    for wanted in (count // 6, count // 2):
        run = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        while len(lines(out)) < wanted and run.poll() is None:
            time.sleep(0.01)
        run.send_signal(signal.SIGKILL)
        assert run.wait() == -signal.SIGKILL  # it was at work
        done.append(results(out))
        times.append(Counter(str(line["output"]) for line in lines(out)))
    last = subprocess.run(command, capture_output=True, text=True)
    assert last.returncode == 1

    everything = {str(path.relative_to(box)) for path in box.rglob("*.png")}
    found = results(out)
    assert len(bad) == num_bad and set(found) == everything - bad  # all results
    reasons = {str(line["output"]): line["error"] for line in lines(out)}
    assert set(reasons) == everything
    assert {name for name, reason in reasons.items() if reason} == bad  # all reasons
    assert {line.split(": ")[0] for line in last.stderr.splitlines()} == {
        f"failed {box / name}" for name in bad
    }
    for before in done:  # nothing twice
        assert len(before) > 3 and before.items() <= found.items()
    last_times = Counter(str(line["output"]) for line in lines(out))
    assert all(
        last_times[name] == then[name]
        for before, then in zip(done, times, strict=True)
        for name in before
    )
    assert last_times.total() <= count + 2  # a kill may fall between a line and its result
    assert not [path for path in out.rglob("*") if path.name.startswith(PREFIX)]
    assert last.stdout.startswith(f"{out}: ") and f"{num_bad} failed" in last.stdout
