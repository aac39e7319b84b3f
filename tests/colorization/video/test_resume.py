"""What a run that was stopped leaves, and that the next one goes on from there to the same result."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline
from colorization.video import frame_sinks as sinks
from colorization.video.colorize_film import colorize_film
from colorization.video.container.segment_writer import SegmentWriter
from colorization.video.job import FilmJob
from colorization.video.options import FilmOptions
from colorization.video.report import FilmReport
from colorization.video.scene_plan import read_plan
from colorization.video.unfinished_work import PLAN, work_folder
from retrieval.search.photo_index import PhotoIndex

MakeFilm = Callable[..., Path]
Pan = Callable[..., list[np.ndarray]]
SHORT = FilmOptions(quality=0, segment_frames=2, min_scene=2)


class StoppedError(Exception):
    pass


@pytest.fixture
def run(colorizer: ColorizationPipeline, tiny: ColorizeOptions) -> Callable[..., FilmReport]:
    """Color a film; ``stop_at=(what, done)`` stops it when progress says so."""

    def color(
        source: Path,
        output: Path,
        stop_at: tuple[str, int] = ("", 0),
        film_options: FilmOptions = SHORT,
        report: Path | None = None,
        **job: object,
    ) -> FilmReport:
        def progress(what: str, done: int, total: int) -> None:
            if (what, done) == stop_at:
                raise StoppedError

        asked = FilmJob(source, output, **job)  # type: ignore[arg-type]
        return colorize_film(asked, colorizer, tiny, film_options, progress, report)

    return color


@pytest.fixture
def two_scenes(make_film: MakeFilm, pan: Pan, tmp_path: Path) -> Path:
    """Five frames and three of another scene."""
    return make_film(
        tmp_path / "in.mp4", [*pan("coffee", 5), *pan("rocket", 3)], sound=0.3, codec="libx264"
    )


def test_a_stopped_run_is_taken_up_to_the_same_film(
    two_scenes: Path,
    run: Callable[..., FilmReport],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Segments hold 2, 2, 1 and 2, 1 frames; those that were finished are not colored again."""
    whole, output = tmp_path / "whole.mp4", tmp_path / "out.mp4"
    assert run(two_scenes, whole).colored == 8
    for stop, finished, killed in (
        (1, 0, False),
        (4, 2, True),
        (5, 4, False),
        (6, 5, True),
        (8, 7, False),
    ):
        with monkeypatch.context() as patch:
            if killed:  # nobody tidies up then
                patch.setattr(SegmentWriter, "abort", lambda self: None)
            with pytest.raises(StoppedError):
                run(two_scenes, output, ("coloring", stop))
        assert not output.exists()
        report = run(two_scenes, output)
        assert (report.frames, report.colored) == (8, 8 - finished)
        assert output.read_bytes() == whole.read_bytes()
        assert sorted(p.name for p in tmp_path.iterdir()) == ["in.mp4", "out.mp4", "whole.mp4"]
        output.unlink()


def test_a_run_that_was_stopped_while_looking_begins_anew(
    two_scenes: Path, run: Callable[..., FilmReport], tmp_path: Path
) -> None:
    with pytest.raises(StoppedError):
        run(two_scenes, tmp_path / "out.mp4", ("looking", 7))
    assert [p.name for p in tmp_path.iterdir()] == ["in.mp4"]
    assert run(two_scenes, tmp_path / "out.mp4").colored == 8


@pytest.fixture
def frame_dir(pan: Pan, tmp_path: Path) -> Path:
    """Seven pictures."""
    (tmp_path / "in").mkdir()
    for i, gray in enumerate(pan("coffee", 7)):
        Image.fromarray(gray).save(tmp_path / "in" / f"{i}.png")
    return tmp_path / "in"


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


def test_a_reference_that_is_gone_since_is_replaced(
    two_scenes: Path,
    library_dir: Path,
    build: Callable[..., object],
    colorizer: ColorizationPipeline,
    tiny: ColorizeOptions,
    tmp_path: Path,
) -> None:
    """The scene that is not finished begins anew; the one that is stays."""
    photos = shutil.copytree(library_dir, tmp_path / "photos")
    build(photos, tmp_path / "index")
    options = replace(tiny, top_k=1, method="training-free")  # weak matches too
    pipeline = ColorizationPipeline(
        colorizer.backbone, PhotoIndex.open(tmp_path / "index"), colorizer.network
    )

    def color(stop: int = 0) -> FilmReport:
        def progress(what: str, done: int, total: int) -> None:
            if (what, done) == ("coloring", stop):
                raise StoppedError

        return colorize_film(
            FilmJob(two_scenes, tmp_path / "out.mp4"), pipeline, options, SHORT, progress
        )

    with pytest.raises(StoppedError):
        color(8)  # of the second scene two frames are done
    plan = read_plan(work_folder(tmp_path / "out.mp4") / PLAN)
    assert plan is not None
    for scene in plan.scenes:
        Path(scene.references[0][0]).unlink()
    build(photos, tmp_path / "index")
    pipeline.refresh()
    report = color()
    assert report.colored == 3
    assert report.scenes[0] == plan.scenes[0]
    assert Path(report.scenes[1].references[0][0]).is_file()


def test_a_folder_with_other_pictures_is_another_input(
    frame_dir: Path, run: Callable[..., FilmReport], tmp_path: Path
) -> None:
    with pytest.raises(StoppedError):
        run(frame_dir, tmp_path / "out", ("coloring", 5))
    (frame_dir / "6.png").rename(frame_dir / "7.png")
    with pytest.raises(ValueError, match="had other input"):
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
    with pytest.raises(ValueError, match="had other film"):
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


def test_unfinished_work_of_another_job_is_not_mixed_in(
    two_scenes: Path, run: Callable[..., FilmReport], tmp_path: Path
) -> None:
    output, other = tmp_path / "out.mp4", replace(SHORT, smoothing=0.0)
    with pytest.raises(StoppedError):
        run(two_scenes, output, ("coloring", 5))
    with pytest.raises(ValueError, match=r"had other film; .* --overwrite") as error:
        run(two_scenes, output, film_options=other)
    assert str(work_folder(output)) in str(error.value)
    assert run(two_scenes, output, film_options=other, overwrite=True).colored == 8
    assert not work_folder(output).exists()


def test_a_stop_while_work_of_another_job_is_dropped_leaves_nothing_of_it(
    two_scenes: Path,
    run: Callable[..., FilmReport],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    output, other = tmp_path / "out.mp4", replace(SHORT, smoothing=0.0)
    with pytest.raises(StoppedError):
        run(two_scenes, output, ("coloring", 5))
    unlink = Path.unlink

    def stopping(self: Path, missing_ok: bool = False) -> None:
        unlink(self, missing_ok)
        if self.parent == work_folder(output):
            raise StoppedError

    for _ in range(2):  # whatever was removed first
        with monkeypatch.context() as patch, pytest.raises(StoppedError):
            patch.setattr(Path, "unlink", stopping)
            run(two_scenes, output, film_options=other, overwrite=True)
    assert run(two_scenes, output, film_options=other, overwrite=True).colored == 8


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_text("")])
def test_segments_that_nothing_tells_of_are_not_taken_up(
    two_scenes: Path,
    run: Callable[..., FilmReport],
    tmp_path: Path,
    damage: Callable[[Path], object],
) -> None:
    output = tmp_path / "out.mp4"
    with pytest.raises(StoppedError):
        run(two_scenes, output, ("coloring", 5))
    damage(work_folder(output) / "job.json")
    assert run(two_scenes, output).colored == 8


def test_a_plan_that_is_not_whole_is_made_again(
    two_scenes: Path, run: Callable[..., FilmReport], tmp_path: Path
) -> None:
    output = tmp_path / "out.mp4"
    with pytest.raises(StoppedError):
        run(two_scenes, output, ("coloring", 5))
    (work_folder(output) / "plan.json").write_text("")
    assert 0 < run(two_scenes, output).colored < 8


def test_a_segment_that_lost_frames_is_told(
    two_scenes: Path, run: Callable[..., FilmReport], tmp_path: Path
) -> None:
    output = tmp_path / "out.mp4"
    with pytest.raises(StoppedError):
        run(two_scenes, output, ("coloring", 7))
    first, second = sorted(work_folder(output).glob("segment-*.nut"))[:2]
    kept = second.read_bytes()
    for content in (first.read_bytes()[: len(first.read_bytes()) * 2 // 3], kept + kept):
        first.write_bytes(content)
        with pytest.raises(ValueError, match=r"is damaged: remove that folder") as error:
            run(two_scenes, output)
        assert str(work_folder(output)) in str(error.value)
        assert not output.exists()


def test_two_runs_do_not_write_one_film(
    two_scenes: Path, run: Callable[..., FilmReport], tmp_path: Path
) -> None:
    output = tmp_path / "out.mp4"
    work_folder(output).mkdir()
    with (
        FileLock(work_folder(output) / "lock"),
        pytest.raises(ValueError, match="another run is writing it"),
    ):
        run(two_scenes, output)
    assert work_folder(output).exists()
