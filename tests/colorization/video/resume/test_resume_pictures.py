"""Folders of pictures: a run that was stopped is taken up to the same result."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from stopped_films import SHORT, StoppedError

from colorization.video import frame_sinks as sinks
from colorization.video.report import FilmReport
from colorization.video.unfinished_work import work_folder


def test_a_folder_is_taken_up(
    frame_dir: Path, run: Callable[..., FilmReport], tmp_path: Path
) -> None:
    run(frame_dir, tmp_path / "whole")
    with pytest.raises(StoppedError):
        run(frame_dir, tmp_path / "out", ("coloring", 5))
    assert not (tmp_path / "out").exists()
    for name in (".DS_Store", "Thumbs.db", "._0.png"):  # what file managers leave
        (frame_dir / name).write_bytes(b"x")
    (frame_dir / "folder.png").mkdir()
    assert run(frame_dir, tmp_path / "out").colored == 3
    for path in (tmp_path / "whole").iterdir():
        np.testing.assert_array_equal(Image.open(path), Image.open(tmp_path / "out" / path.name))


@pytest.mark.parametrize("name", ["out.mp4", "out"])
@pytest.mark.parametrize("what", ["measuring colors", "measuring luminance"])
def test_a_run_that_was_stopped_while_measuring_is_taken_up(
    frame_dir: Path, run: Callable[..., FilmReport], tmp_path: Path, what: str, name: str
) -> None:
    """Hours of coloring do not have to be done again for a report."""
    output, report = tmp_path / name, tmp_path / "report.json"
    with pytest.raises(StoppedError):
        run(frame_dir, output, (what, 3), report=report)
    assert not output.exists() and not report.exists()
    assert run(frame_dir, output, report=report).colored == 0
    figures = json.loads(report.read_text())
    assert (figures["frames"], figures["frames_colored"]) == (7, 0) and figures["cdc"] > 0
    assert output.exists() and sorted(p.name for p in tmp_path.iterdir()) == [
        "in",
        name,
        "report.json",
    ]


def test_the_report_is_whole_where_the_last_run_was_stopped_between_pictures(
    frame_dir: Path, run: Callable[..., FilmReport], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some pictures have their names already."""
    run(frame_dir, tmp_path / "whole", report=tmp_path / "whole.json")
    with monkeypatch.context() as patch:
        patch.setattr(sinks, "_move", _stopping_after(3))
        with pytest.raises(StoppedError):
            run(frame_dir, tmp_path / "out")
    assert len(list((tmp_path / "out").iterdir())) == 3
    run(frame_dir, tmp_path / "out", report=tmp_path / "out.json")
    whole, taken_up = (
        json.loads((tmp_path / name).read_text())["cdc"] for name in ("whole.json", "out.json")
    )
    assert whole == taken_up > 0


def _stopping_after(count: int) -> Callable[[Path, Path], None]:
    left = iter(range(count))

    def move(source: Path, target: Path) -> None:
        if next(left, None) is None:
            raise StoppedError
        source.replace(target)

    return move


def test_a_folder_with_other_pictures_is_another_input(
    frame_dir: Path, run: Callable[..., FilmReport], tmp_path: Path
) -> None:
    with pytest.raises(StoppedError):
        run(frame_dir, tmp_path / "out", ("coloring", 5))
    (frame_dir / "6.png").rename(frame_dir / "7.png")
    with pytest.raises(
        ValueError, match="was begun before the film changed; begin anew with --overwrite"
    ):
        run(frame_dir, tmp_path / "out")


def test_a_run_stopped_while_pictures_take_their_names_is_finished(
    frame_dir: Path, run: Callable[..., FilmReport], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it has moved is no reason to refuse; what somebody else has put there is."""
    rename = Path.replace

    def stopping(self: Path, target: Path) -> Path:
        if (self.parent.name, self.name) == ("pictures", "4.png"):
            raise StoppedError
        return rename(self, target)

    run(frame_dir, tmp_path / "whole")
    with monkeypatch.context() as patch, pytest.raises(StoppedError):
        patch.setattr(Path, "replace", stopping)
        run(frame_dir, tmp_path / "out")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "0.png",
        "1.png",
        "2.png",
        "3.png",
    ]
    (tmp_path / "out" / "5.png").write_bytes(b"mine")
    with pytest.raises(ValueError, match=r"5\.png: exists already"):
        run(frame_dir, tmp_path / "out")
    (tmp_path / "out" / "5.png").unlink()
    with pytest.raises(ValueError, match="was begun with another --smoothing; "):
        run(frame_dir, tmp_path / "out", film_options=replace(SHORT, smoothing=0.0))
    assert run(frame_dir, tmp_path / "out").colored == 0
    for path in (tmp_path / "whole").iterdir():
        np.testing.assert_array_equal(Image.open(path), Image.open(tmp_path / "out" / path.name))
    assert not work_folder(tmp_path / "out").exists()


def test_pictures_that_were_there_before_a_stopped_run_are_not_taken_for_its_own(
    frame_dir: Path, run: Callable[..., FilmReport], tmp_path: Path
) -> None:
    with pytest.raises(StoppedError):
        run(frame_dir, tmp_path / "out", ("coloring", 5))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "6.png").write_bytes(b"mine")
    with pytest.raises(ValueError, match=r"6\.png: exists already"):
        run(frame_dir, tmp_path / "out")
