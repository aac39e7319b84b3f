"""Where time went: the lines, and both commands that tell it."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from colorization.cli.machine.timings import timing_lines, told_timings
from retrieval.stage_clock import StageClock, current_clock

Cli = Callable[..., Result]


def test_lines_add_up_and_name_the_limit() -> None:
    clock = StageClock(lambda: 0.0)
    clock.now = lambda: 9.0
    clock.seconds = {"waiting": 2.0, "describing": 4.0, "writing": 1.0}
    clock.beside, clock.workers = {"decoding": 10.0}, 2
    assert timing_lines(clock, 1.0) == [
        "time: 10.00 s",
        "  starting                 1.00 s   10%",
        "  waiting                  2.00 s   20%",
        "  describing               4.00 s   40%",
        "  writing                  1.00 s   10%",
        "  other                    2.00 s   20%",
        "  decoding                 5.00 s  in each of 2 workers",
        "limit: decoding, 5.00 s; describing takes 80% of that, writing takes 20% of that",
    ]
    clock.seconds.pop("describing")
    clock.beside["describing"] = 4.0  # by the same processes
    assert timing_lines(clock)[-1] == (
        "limit: decoding and describing, 7.00 s; writing takes 14% of that"
    )
    clock.seconds["describing"] = 1.0  # of a reference, which the photos of a folder wait for
    clock.beside = {"reading": 1.0, "coloring": 10.0}
    assert "limit" not in timing_lines(clock)[-1]
    clock.beside, clock.workers = {}, 0  # one after the other
    assert "limit" not in timing_lines(clock)[-1]


def test_nothing_is_counted_unless_wanted() -> None:
    with told_timings(False):
        assert current_clock() is None


def stages(result: Result) -> dict[str, float]:
    return {k: float(s) for k, s in re.findall(r"^  (\w+) +([\d.]+) s", result.stderr, re.M)}


def test_colorize_tells_its_stages(
    cli: Cli, gray_path: Path, reference_path: Path, tmp_path: Path
) -> None:
    words = ["colorize", gray_path, "--reference", reference_path, "--output", tmp_path / "x.png"]
    done = cli(*words, "--timings")
    assert done.exit_code == 0
    found = stages(done)
    names = ["starting", "imports", "weights", "reading", "describing", "coloring", "matching"]
    assert sorted(found) == sorted([*names, "writing", "other"])
    assert found["describing"] > 0 and found["coloring"] > 0 and "limit" not in done.stderr
    assert "time:" not in cli(*words, "--overwrite").stderr


@pytest.mark.parametrize("workers", [0, 1])
def test_build_index_names_the_limit_of_what_is_done_side_by_side(
    cli: Cli, photo_dir: Path, tmp_path: Path, workers: int
) -> None:
    words = ["build-index", photo_dir, "--index", tmp_path / "index", "--workers", workers]
    done = cli(*words, "--timings")
    assert done.exit_code == 0
    assert {"imports", "weights", "decoding", "describing", "writing", "joining"} <= set(
        stages(done)
    )
    told = re.search(
        r"^limit: decoding and describing, [\d.]+ s; writing takes .* of that$", done.stderr, re.M
    )
    assert (told is not None) == ("in each of 1 worker" in done.stderr) == (workers == 1)


def test_a_command_that_fails_tells_too(cli: Cli, tmp_path: Path) -> None:
    done = cli("colorize", tmp_path / "none.png", "--output", tmp_path / "x.png", "--timings")
    assert done.exit_code == 2 and "time:" in done.stderr
