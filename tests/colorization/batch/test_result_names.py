"""Photos that differ in their suffix alone keep the names of their results."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from PIL import Image

from colorization.batch.jobs import Extras, Job
from colorization.batch.manifest import RunManifest
from colorization.batch.manifest_lines import stamp_of
from colorization.batch.result_names import told_apart, with_suffix_kept

Cli = Callable[..., Result]
FACTS: dict[str, object] = {"references": [], "seconds": 1.5, "error": None, "notes": []}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An empty folder, beside one of photos."""
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def jobs_of(out: Path, *names: str, folder: str = "in") -> list[Job]:
    """Inputs that are there, with the names that their results have alone."""
    paths = [out.parent / folder / name for name in names]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        if not path.exists():
            path.write_bytes(path.name.encode())
    return [Job(path, out / path.with_suffix(".png").name) for path in paths]


def names_of(jobs: list[Job], out: Path, extras: Extras = Extras()) -> dict[str, str]:
    found = told_apart(jobs, extras, out)
    assert [job.input_path for job in found] == [job.input_path for job in jobs]
    return {job.input_path.name: job.output_path.name for job in found}


def finish(jobs: list[Job], out: Path) -> None:
    """As a run does all of them."""
    for job in told_apart(jobs, Extras(), out):
        job.output_path.write_bytes(b"result of " + job.input_path.name.encode())
        results = {job.output_path: job.output_path.stat()}
        RunManifest(out, "s").add(job, stamp_of(job.input_path), FACTS, results)


BOTH = {"a.bmp": "a.png", "a.pgm": "a.pgm.png"}


def test_the_suffix_is_kept_before_that_of_the_result() -> None:
    assert with_suffix_kept(Job(Path("in/a.gif"), Path("out/a.png"))) == Path("out/a.gif.png")


def test_without_a_manifest_those_keep_their_suffix_that_need_it(out: Path) -> None:
    assert names_of(jobs_of(out, "a.bmp", "a.pgm"), out) == BOTH
    assert names_of(jobs_of(out, "a.pgm"), out) == {"a.pgm": "a.png"}


@pytest.mark.parametrize("left", BOTH)
def test_what_is_left_of_two_keeps_its_name(out: Path, left: str) -> None:
    finish(jobs_of(out, *BOTH), out)
    (out.parent / "in" / ({*BOTH} - {left}).pop()).unlink()
    assert names_of(jobs_of(out, left), out) == {left: BOTH[left]}
    # also with other options, and where it has moved since
    assert names_of(jobs_of(out, left), out, Extras(explain=True)) == {left: BOTH[left]}
    (out.parent / "in").rename(out.parent / "scans")
    assert names_of(jobs_of(out, left, folder="scans"), out) == {left: BOTH[left]}


def test_what_is_added_leaves_names_alone(out: Path) -> None:
    finish(jobs_of(out, "a.pgm"), out)
    added = {"a.bmp": "a.bmp.png", "a.pgm": "a.png", "a.png": "a.png.png"}
    assert names_of(jobs_of(out, *added), out) == added


def test_a_new_photo_leaves_the_result_of_one_that_has_gone(out: Path) -> None:
    (gone,) = jobs_of(out, "a.bmp")
    finish([gone], out)
    gone.input_path.unlink()
    assert names_of(jobs_of(out, "a.pgm"), out) == {"a.pgm": "a.pgm.png"}
    (out / "a.png").unlink()
    assert names_of(jobs_of(out, "a.pgm"), out) == {"a.pgm": "a.png"}


def test_a_photo_of_another_folder_is_not_told_apart(out: Path) -> None:
    """The run refuses it."""
    finish(jobs_of(out, "a.bmp"), out)
    assert names_of(jobs_of(out, "a.pgm", folder="second box"), out) == {"a.pgm": "a.png"}
    both = [*jobs_of(out, "b.gif"), *jobs_of(out, "b.gif", folder="second box")]
    assert {job.output_path.name for job in told_apart(both, Extras(), out)} == {"b.png"}


def test_names_that_would_collide_now_are_given_anew(out: Path) -> None:
    jobs = [
        Job(job.input_path, out / job.input_path.name) for job in jobs_of(out, "a.jpg", "a.png")
    ]
    finish(jobs, out)
    assert names_of(jobs, out) == {"a.jpg": "a.jpg", "a.png": "a.png"}
    wanted = {"a.jpg": "a.jpg", "a.png": "a.png.png"}
    assert names_of(jobs, out, Extras(explain=True)) == wanted


@pytest.mark.parametrize("gone", ["a.bmp", "a.pgm"])
def test_a_second_run_after_one_of_two_was_deleted(
    cli: Cli, tmp_path: Path, gray_pictures: dict[str, np.ndarray], quick: None, gone: str
) -> None:
    scans, out = tmp_path / "scans", tmp_path / "out"
    scans.mkdir()
    for name, key in (("a.bmp", "chelsea"), ("a.pgm", "coffee")):
        Image.fromarray(gray_pictures[key][:64, :96]).save(scans / name)
    run = ["colorize", scans, "--output", out]
    assert cli(*run).stdout == f"{out}: 2 colorized, 0 failed\n"
    before = {path: path.read_bytes() for path in out.iterdir()}
    (scans / gone).unlink()
    for _ in range(2):
        done = cli(*run)
        kept = f"{out}: 0 colorized, 0 failed, 1 existed already and were kept\n"
        assert (done.exit_code, done.stdout, done.stderr) == (0, kept, "")
        assert {path: path.read_bytes() for path in out.iterdir()} == before
