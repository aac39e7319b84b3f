import errno
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorization.batch.jobs import Job
from colorization.batch.outcome import Outcome
from colorization.batch.request import Request, RunSettings
from colorization.batch.runner import run_jobs
from colorization.options import ColorizeOptions
from colorization.photo_files.contact_sheet import CELL
from colorization.pipeline import ColorizationPipeline
from retrieval.photos.reader import PictureError
from retrieval.safe_files import FullDiskError

Listing = Callable[[Path], dict[str, bytes]]


@pytest.fixture
def jobs(tmp_path: Path, gray_path: Path) -> list[Job]:
    """A good job between bad ones: missing, empty, a good one, a folder."""
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "folder.png").mkdir()
    inputs = [tmp_path / "missing.png", tmp_path / "empty.png", gray_path, tmp_path / "folder.png"]
    return [Job(path, tmp_path / "out" / path.name) for path in inputs]


def collect(
    jobs: list[Job],
    pipeline: ColorizationPipeline,
    request: Request,
    options: ColorizeOptions,
    num_cells: int = 0,
) -> dict[str, Outcome]:
    outcomes: list[Outcome] = []
    settings = RunSettings(pipeline, request, options, num_cells=num_cells)
    run_jobs(jobs, settings, outcomes.append)
    assert [o.job for o in outcomes] == jobs  # one each, in order
    return {o.job.input_path.name: o for o in outcomes}


def test_a_full_disk_ends_the_run(
    jobs: list[Job],
    pipeline: ColorizationPipeline,
    reference_path: Path,
    fast: ColorizeOptions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[Path] = []

    def full(path: Path, *_: object) -> None:
        tried.append(path)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("colorization.batch.photo_worker.encode_picture", full)
    good = [job for job in jobs if job.input_path.name == "gray.png"] * 3
    with pytest.raises(FullDiskError) as caught:
        collect(good, pipeline, Request([reference_path]), fast)
    assert caught.value.filename == str(good[0].output_path) and len(tried) == 1


def test_bad_files_are_told_and_the_others_done(
    jobs: list[Job],
    pipeline: ColorizationPipeline,
    reference_path: Path,
    fast: ColorizeOptions,
    listing: Listing,
) -> None:
    outcomes = collect(jobs, pipeline, Request([reference_path]), fast)
    for name in ("missing.png", "empty.png", "folder.png"):
        assert outcomes[name].error.startswith(f"{outcomes[name].job.input_path}: ")
        assert len(outcomes[name].error.splitlines()) == 1
        assert outcomes[name].as_dict()["output"] is None
    good = outcomes["gray.png"]
    assert good.error == "" and good.seconds > 0
    assert good.cells == []  # not asked for
    assert good.references == [{"path": str(reference_path), "influence": 1.0}]
    assert list(listing(good.job.output_path.parent)) == ["gray.png"]
    assert Image.open(good.job.output_path).size == Image.open(good.job.input_path).size


def test_outcomes_can_be_written_as_json(
    jobs: list[Job], pipeline: ColorizationPipeline, reference_path: Path, fast: ColorizeOptions
) -> None:
    for outcome in collect(
        jobs, pipeline, Request([reference_path, reference_path]), fast
    ).values():
        found = json.loads(json.dumps(outcome.as_dict()))
        assert set(found) == {
            "input",
            "output",
            "references",
            "seconds",
            "error",
            "notes",
            "passed",
        }
        assert (found["error"] is None) == (found["output"] is not None)
        assert len(found["references"]) == (0 if found["error"] else 2)


@pytest.mark.parametrize(
    "error", [MemoryError("cannot allocate"), RuntimeError("not enough memory")], ids=repr
)
def test_a_picture_too_large_for_the_memory_does_not_end_the_batch(
    tmp_path: Path,
    pipeline: ColorizationPipeline,
    reference_path: Path,
    gray_path: Path,
    fast: ColorizeOptions,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    real = ColorizationPipeline.prepare
    calls = []

    def once(self: ColorizationPipeline, *args: object, **kwargs: object) -> object:
        calls.append(args)
        if len(calls) == 1:
            raise error
        return real(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(ColorizationPipeline, "prepare", once)
    outcomes: list[Outcome] = []
    run_jobs(
        [Job(gray_path, tmp_path / f"{n}.png") for n in "ab"],
        RunSettings(pipeline, Request([reference_path]), fast),
        outcomes.append,
    )
    assert [bool(o.error) for o in outcomes] == [True, False]
    assert str(gray_path) in outcomes[0].error
    assert not (tmp_path / "a.png").exists() and (tmp_path / "b.png").exists()


def test_a_bad_reference_ends_it_before_anything_is_written(
    tmp_path: Path,
    gray_path: Path,
    pipeline: ColorizationPipeline,
    reference_path: Path,
    fast: ColorizeOptions,
) -> None:
    for bad in (tmp_path / "missing.png", gray_path):
        with pytest.raises(PictureError, match=str(bad)):
            request = Request([reference_path, bad])
            run_jobs(
                [Job(gray_path, tmp_path / "out" / "x.png")],
                RunSettings(pipeline, request, fast),
                lambda outcome: None,
            )
    assert not (tmp_path / "out").exists()


def test_where_nothing_is_to_do_references_are_not_looked_at(
    tmp_path: Path, pipeline: ColorizationPipeline, fast: ColorizeOptions
) -> None:
    settings = RunSettings(pipeline, Request([tmp_path / "missing.png"]), fast)
    run_jobs([], settings, lambda outcome: pytest.fail("nothing is to do"))


def test_a_write_that_fails_is_told_with_the_input(
    tmp_path: Path,
    gray_path: Path,
    pipeline: ColorizationPipeline,
    reference_path: Path,
    fast: ColorizeOptions,
) -> None:
    (tmp_path / "out").write_text("a file where a folder should be")
    outcome = collect(
        [Job(gray_path, tmp_path / "out" / "x.png")], pipeline, Request([reference_path]), fast
    )["gray.png"]
    assert outcome.error.startswith(f"{gray_path}: ")


@pytest.mark.parametrize(
    ("suffix", "told"),
    [(".png", False), (".jpg", True), (".webp", True), (".tif", False), (".TIFF", False)],
)
def test_lost_bits_are_noted(
    tmp_path: Path,
    pipeline: ColorizationPipeline,
    gray_pictures: dict[str, np.ndarray],
    reference_path: Path,
    fast: ColorizeOptions,
    suffix: str,
    told: bool,
) -> None:
    Image.fromarray(gray_pictures["coffee"].astype(np.uint16) * 257).save(tmp_path / "deep.png")
    outcome = collect(
        [Job(tmp_path / "deep.png", tmp_path / f"x{suffix}")],
        pipeline,
        Request([reference_path]),
        fast,
    )["deep.png"]
    assert outcome.error == ""
    assert any("16 bits became 8" in note for note in outcome.notes) is told


@pytest.mark.parametrize(
    ("suffix", "told"),
    [(".png", False), (".jpg", True), (".JPEG", True), (".webp", False), (".tif", False)],
)
def test_lost_transparency_is_noted(
    tmp_path: Path,
    pipeline: ColorizationPipeline,
    gray_pictures: dict[str, np.ndarray],
    reference_path: Path,
    fast: ColorizeOptions,
    suffix: str,
    told: bool,
) -> None:
    gray = gray_pictures["coffee"]
    Image.fromarray(np.dstack((gray, 255 - gray)), "LA").save(tmp_path / "la.png")
    outcome = collect(
        [Job(tmp_path / "la.png", tmp_path / f"x{suffix}")],
        pipeline,
        Request([reference_path]),
        fast,
    )["la.png"]
    assert outcome.error == ""
    assert any("transparency" in note for note in outcome.notes) is told
    assert (Image.open(tmp_path / f"x{suffix}").mode == "RGBA") is not told


def test_further_pages_are_noted(
    tmp_path: Path,
    pipeline: ColorizationPipeline,
    gray_pictures: dict[str, np.ndarray],
    reference_path: Path,
    fast: ColorizeOptions,
) -> None:
    page = Image.fromarray(gray_pictures["coffee"])
    page.save(tmp_path / "book.tif", save_all=True, append_images=[page])
    outcome = collect(
        [Job(tmp_path / "book.tif", tmp_path / "x.tif")], pipeline, Request([reference_path]), fast
    )["book.tif"]
    assert (outcome.error, outcome.notes) == (
        "",
        ["the first of 2 pages; the others are not colorized"],
    )


def test_cells_for_a_sheet(
    tmp_path: Path,
    gray_path: Path,
    pipeline: ColorizationPipeline,
    reference_path: Path,
    fast: ColorizeOptions,
) -> None:
    (outcome,) = collect(
        [Job(gray_path, tmp_path / "x.png")], pipeline, Request([reference_path]), fast, num_cells=1
    ).values()
    assert [c.caption for c in outcome.cells] == [gray_path.name, "reference.png", "result"]
    assert all(max(c.rgb.shape) == CELL and c.rgb.dtype == np.uint8 for c in outcome.cells)
    assert (
        np.ptp(outcome.cells[0].rgb, axis=2).max() == 0 < np.ptp(outcome.cells[2].rgb, axis=2).max()
    )


def test_recommended_references_are_described(
    tmp_path: Path, gray_path: Path, indexed: ColorizationPipeline, fast: ColorizeOptions
) -> None:
    (outcome,) = collect(
        [Job(gray_path, tmp_path / "x.png")], indexed, Request(), fast, num_cells=1
    ).values()
    assert [Path(str(r["path"])).name for r in outcome.references] == [
        "motorcycle_left.png",
        "motorcycle_right.png",
    ]
    for reference in outcome.references:
        assert set(reference) == {
            "path",
            "score",
            "match",
            "global_score",
            "feature_score",
            "luminance_score",
            "color_score",
            "influence",
        }
    assert len(outcome.cells) == 4
    assert outcome.cells[1].caption == f"motorcycle_left.png {outcome.references[0]['score']:.2f}"
