from pathlib import Path

import numpy as np
import pytest

from colorization.batch.jobs import Extras, Job, explanation_paths
from colorization.batch.manifest import RunManifest
from colorization.batch.photo_worker import PASSED, PhotoWorker
from colorization.batch.request import Request, RunSettings
from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline
from retrieval.photos.reader import PictureError
from retrieval.photos.reader import read_small_rgb as read


@pytest.fixture
def job(gray_path: Path, tmp_path: Path) -> Job:
    return Job(gray_path, tmp_path / "out" / "x.png")


@pytest.mark.parametrize("recolor", [False, True])
def test_color_photos_of_a_folder_are_passed_over(
    tmp_path: Path,
    reference_path: Path,
    pipeline: ColorizationPipeline,
    fast: ColorizeOptions,
    recolor: bool,
) -> None:
    request = Request([reference_path], recolor=recolor)
    (tmp_path / "out").mkdir()
    manifest = RunManifest(tmp_path / "out", "0" * 16)
    worker = PhotoWorker.of(RunSettings(pipeline, request, fast), manifest)
    outcome = worker.run(Job(reference_path, tmp_path / "out" / "x.png"), False)
    assert outcome.passed == ("" if recolor else PASSED)
    assert (tmp_path / "out" / "x.png").exists() is recolor


def test_a_reference_that_cannot_be_used_is_told_before_any_photo(
    gray_path: Path, pipeline: ColorizationPipeline, fast: ColorizeOptions
) -> None:
    for request in (Request([gray_path]), Request(palette=gray_path)):
        with pytest.raises(PictureError, match="is gray"):
            PhotoWorker.of(RunSettings(pipeline, request, fast), None)


def test_recommended_references_are_read_again_only_where_they_are_shown(
    job: Job,
    indexed: ColorizationPipeline,
    fast: ColorizeOptions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown: list[str] = []

    def reading(path: Path, *_: object) -> np.ndarray:
        shown.append(path.name)
        return read(path, 128)

    monkeypatch.setattr("colorization.batch.photo_worker.read_reference", reading)
    PhotoWorker.of(RunSettings(indexed, Request(), fast), None).run(job, False)
    assert shown == []
    outcome = PhotoWorker.of(RunSettings(indexed, Request(), fast), None).run(job, True)
    assert shown == [Path(str(one["path"])).name for one in outcome.references]
    shown.clear()
    request = Request(extras=Extras(variants=3))
    outcome = PhotoWorker.of(RunSettings(indexed, request, fast), None).run(job, False)
    assert len(outcome.results) > 1
    assert len(shown) == fast.top_k  # for the first, not for each


def test_nothing_appears_unless_all_of_it_can_be_made(
    job: Job,
    reference_path: Path,
    pipeline: ColorizationPipeline,
    fast: ColorizeOptions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    request = Request([reference_path], extras=Extras(explain=True))
    worker = PhotoWorker.of(RunSettings(pipeline, request, fast), None)
    with monkeypatch.context() as patch, pytest.raises(OSError, match="no room"):
        patch.setattr(
            "colorization.batch.photo_worker.write_explanation",
            lambda *_: (_ for _ in ()).throw(OSError("no room")),
        )
        worker.run(job, False)
    assert not job.output_path.exists()
    worker.run(job, False)
    assert job.output_path.exists()
    assert all(path.exists() for path in explanation_paths(job.output_path))
