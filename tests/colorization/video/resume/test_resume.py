"""What a run that was stopped leaves, and that the next goes on from there to the same result."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock
from stopped_films import SHORT, StoppedError

from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline
from colorization.video.colorize_film import colorize_film
from colorization.video.container.segment_writer import SegmentWriter
from colorization.video.job import FilmJob
from colorization.video.report import FilmReport
from colorization.video.scene_plan import read_plan
from colorization.video.unfinished_work import PLAN, work_folder
from retrieval.search.photo_index import PhotoIndex


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


def test_unfinished_work_of_another_job_is_not_mixed_in(
    two_scenes: Path, run: Callable[..., FilmReport], tmp_path: Path
) -> None:
    output, other = tmp_path / "out.mp4", replace(SHORT, smoothing=0.0)
    with pytest.raises(StoppedError):
        run(two_scenes, output, ("coloring", 5))
    with pytest.raises(ValueError, match=r"with another --smoothing; .* --overwrite") as error:
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
