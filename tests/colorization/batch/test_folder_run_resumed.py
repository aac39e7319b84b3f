"""A second run over a box: what is finished stays, what has changed is done again."""

import errno
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from PIL import Image

from colorization.batch.manifest_lines import MANIFEST
from colorization.pipeline import ColorizationPipeline
from colorization.result import Colorized
from retrieval.photos.reader import NO_PICTURE, read_picture

Cli = Callable[..., Result]
During = Callable[[Callable[[], object]], None]
Stamps = dict[str, tuple[int, int]]


def lines(out: Path) -> list[dict[str, object]]:
    return [json.loads(text) for text in (out / MANIFEST).read_text().splitlines()]


def results(out: Path) -> Stamps:
    found = {path: path.stat() for path in out.rglob("*.jpg")}
    return {path.name: (stat.st_mtime_ns, stat.st_ino) for path, stat in found.items()}


@pytest.fixture
def run(
    cli: Cli, gray_dir: Path, reference_path: Path, tmp_path: Path, quick: None
) -> Callable[..., Result]:
    """Colorize the folder of two, in this process."""

    def colorize(*more: object) -> Result:
        return cli(
            "colorize",
            gray_dir,
            "--output",
            tmp_path / "out",
            "--reference",
            reference_path,
            "--method",
            "training-free",
            *more,
        )

    return colorize


def counts(result: Result) -> str:
    return result.stdout.split(": ")[1].strip()


def test_what_has_changed_is_done_again_and_nothing_else(
    run: Callable[..., Result], gray_dir: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert counts(run()) == "2 colorized, 0 failed"
    first = results(out)
    assert counts(run()) == "0 colorized, 0 failed, 2 existed already and were kept"
    assert results(out) == first
    Image.open(gray_dir / "cat.jpg").rotate(180).save(gray_dir / "cat.jpg")
    assert counts(run()) == "1 colorized, 0 failed, 1 existed already and were kept"
    assert {name for name, stamp in results(out).items() if stamp != first[name]} == {"cat.jpg"}
    assert counts(run("--saturation", 0)) == "2 colorized, 0 failed"
    assert np.ptp(np.asarray(Image.open(out / "cat.jpg")).astype(int), axis=2).max() < 12
    assert len(lines(out)) == 5


def test_another_reference_of_the_same_name_is_another_setting(
    run: Callable[..., Result], reference_path: Path, pictures: dict[str, np.ndarray]
) -> None:
    run()
    Image.fromarray(pictures["astronaut"]).save(reference_path)
    assert counts(run()) == "2 colorized, 0 failed"


def test_explanations_go_with_the_results_that_they_explain(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert counts(run("--explain")) == "2 colorized, 0 failed"
    explained = sorted(path.name for path in out.rglob("*-explained.*"))
    assert len(explained) == 4
    (out / "cat-explained.json").write_text("my notes")
    assert counts(run("--saturation", 0.5)) == "2 colorized, 0 failed"
    assert [path.name for path in out.rglob("*-explained.*")] == ["cat-explained.json"]
    (out / "cat-explained.json").unlink()
    assert counts(run("--explain")) == "2 colorized, 0 failed"
    assert sorted(path.name for path in out.rglob("*-explained.*")) == explained


def test_a_result_retouched_by_hand_outlives_new_options(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    run()
    (tmp_path / "out" / "cat.jpg").write_bytes(b"retouched")
    assert (
        counts(run("--saturation", 0)) == "1 colorized, 0 failed, 1 existed already and were kept"
    )
    assert (tmp_path / "out" / "cat.jpg").read_bytes() == b"retouched"
    told = {
        Path(one["input"]).name: one for one in json.loads(run("--saturation", 0, "--json").stdout)
    }
    assert len(told) == 2 and told["cat.jpg"]["output"] == str(tmp_path / "out" / "cat.jpg")
    assert told["cat.jpg"]["notes"] == ["kept: not written by an earlier run, or changed since"]
    assert counts(run("--saturation", 0, "--overwrite")) == "2 colorized, 0 failed"


@pytest.fixture
def during(monkeypatch: pytest.MonkeyPatch) -> During:
    """Have something happen while the first photo of the next run is being colorized."""
    apply = ColorizationPipeline.apply

    def happen(what: Callable[[], object]) -> None:
        waiting = [what]

        def meanwhile(*args: Any, **kwargs: Any) -> Colorized:
            while waiting:
                waiting.pop()()
            return apply(*args, **kwargs)

        monkeypatch.setattr(ColorizationPipeline, "apply", meanwhile)

    return happen


@pytest.mark.parametrize("name", ["1932/cup.jpg", "cat.jpg"])
def test_a_result_retouched_meanwhile_is_kept(
    run: Callable[..., Result], tmp_path: Path, during: During, name: str
) -> None:
    """The one that is being worked on, and one whose turn comes later."""
    retouched = tmp_path / "out" / name
    run()
    during(lambda: retouched.write_bytes(b"retouched"))
    second = run("--saturation", 0)
    assert counts(second) == "1 colorized, 1 failed"
    assert (
        second.stderr
        == f"failed {tmp_path / 'grays' / name}: {retouched}: was written by another program"
        " meanwhile; it is kept\n"
    )
    assert retouched.read_bytes() == b"retouched"
    assert (
        counts(run("--saturation", 0)) == "0 colorized, 0 failed, 2 existed already and were kept"
    )
    assert counts(run("--saturation", 0, "--overwrite")) == "2 colorized, 0 failed"


def test_an_input_that_changes_while_it_is_colorized_is_done_again(
    run: Callable[..., Result], gray_dir: Path, during: During
) -> None:
    cup = gray_dir / "1932" / "cup.jpg"
    during(lambda: Image.open(cup).rotate(180).save(cup))
    assert counts(run()) == "2 colorized, 0 failed"
    assert counts(run()) == "1 colorized, 0 failed, 1 existed already and were kept"
    assert counts(run()) == "0 colorized, 0 failed, 2 existed already and were kept"


def test_the_report_tells_of_all_that_is_finished(
    run: Callable[..., Result], gray_dir: Path
) -> None:
    first = json.loads(run("--json").stdout)
    assert [Path(one["output"]).name for one in first] == ["cup.jpg", "cat.jpg"]
    assert json.loads(run("--json").stdout) == first
    Image.open(gray_dir / "1932" / "cup.jpg").rotate(180).save(gray_dir / "1932" / "cup.jpg")
    third = json.loads(run("--json").stdout)
    assert third[1] == first[1] and third[0]["output"] == first[0]["output"]


def test_heic_is_tried_again_once_its_extra_may_be_there(
    run: Callable[..., Result], gray_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (gray_dir / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    monkeypatch.setattr("retrieval.photos.heic.can_read_heic", lambda: False)
    assert "pillow-heif" in run().stderr
    monkeypatch.setattr(
        "colorization.batch.photo_worker.read_picture",
        lambda *_: read_picture(gray_dir / "cat.jpg"),
    )
    assert counts(run()) == "1 colorized, 0 failed, 2 existed already and were kept"


def test_reasons_are_told_again_without_another_try(
    run: Callable[..., Result], gray_dir: Path, tmp_path: Path
) -> None:
    (gray_dir / "bad.png").write_text("not a picture\n")
    first, second = run(), run()
    assert first.exit_code == second.exit_code == 1
    assert first.stderr == second.stderr == f"failed {gray_dir / 'bad.png'}: {NO_PICTURE}\n"
    assert counts(second) == "0 colorized, 1 failed, 2 existed already and were kept"
    assert len(lines(tmp_path / "out")) == 3
    (gray_dir / "bad.png").write_bytes((gray_dir / "cat.jpg").read_bytes())
    assert counts(run()) == "1 colorized, 0 failed, 2 existed already and were kept"


def test_failures_that_need_not_last_are_tried_again(
    run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object, **kwargs: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(Image.Image, "save", full)
        result = run()
        assert counts(result) == "0 colorized, 2 failed"
        assert all(line.endswith(": Input/output error") for line in result.stderr.splitlines())
        assert "Errno" not in result.stderr
    assert counts(run()) == "2 colorized, 0 failed"


def test_a_bad_reference_is_told_before_a_folder_is_made(
    cli: Cli, gray_dir: Path, tmp_path: Path
) -> None:
    for bad in (gray_dir / "cat.jpg", tmp_path / "missing.png"):
        result = cli("colorize", gray_dir, "--output", tmp_path / "new", "--reference", bad)
        assert result.exit_code == 2 and str(bad) in result.stderr
    assert not (tmp_path / "new").exists()
