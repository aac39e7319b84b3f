"""A film of 100 seconds, killed at random moments: no finished segment is colored again."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from colorization.video.film_reader import Film
from colorization.video.unfinished_work import work_folder

Pan = Callable[..., list[np.ndarray]]
RATE, SECONDS, KILLS = 5, 100, 10
COMMAND = "from colorization.cli.app import main; main()"


@pytest.mark.long
def test_a_film_killed_ten_times(make_film: Callable[..., Path], pan: Pan, tmp_path: Path) -> None:
    lumas = [luma for luma in pan("coffee", 20) for _ in range(RATE * SECONDS // 20)]
    source = make_film(
        tmp_path / "in.mp4",
        lumas,
        time_base=Fraction(1, RATE),
        rate=RATE,
        codec="libx264",
        sound=99,
    )
    output, dice = tmp_path / "out.mp4", random.Random(0)
    arguments = ["video", str(source), "--output", str(output)]
    seen: dict[str, int] = {}

    def finished() -> dict[str, int]:
        return {p.name: p.stat().st_mtime_ns for p in work_folder(output).glob("segment-*.npz")}

    kills = 0
    for _ in range(KILLS):
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", COMMAND, *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(dice.uniform(3, 25))
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
        if output.exists():
            break
        now = finished()
        assert seen.items() <= now.items()  # nothing lost, nothing done twice
        seen = now
    assert kills >= 2
    if not output.exists():
        command = [sys.executable, "-W", "ignore", "-c", COMMAND, *arguments]
        assert subprocess.run(command, check=False, capture_output=True).returncode == 0
    assert sum(1 for _ in Film(output).frames()) == RATE * SECONDS
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.mp4", "out.mp4"]
