"""The evaluation with a made pipeline, which returns known pictures."""

from pathlib import Path

import numpy as np
import pytest
from fake_evaluation import Judge, run
from fake_pipeline import FakeIndex, FakePipeline, FakeResult
from skimage.color import rgb2lab

from colorization.evaluation.report import as_dict, table
from colorization.evaluation.rows import Setting
from colorization.inference.pictures.luminance import luminance_of


def test_gray_is_the_luminance_and_nothing_else(
    fake: FakePipeline, paths: list[Path], pictures: dict[str, np.ndarray]
) -> None:
    run(fake, paths, {"automatic": Setting(references="none")})
    for call, path in zip(fake.calls, paths, strict=True):
        truth = pictures[path.stem]
        assert np.array_equal(call.gray, luminance_of(truth))
        assert np.abs(rgb2lab(call.gray)[..., 0] - rgb2lab(truth)[..., 0]).max() < 0.3


def test_a_perfect_pipeline_scores_perfectly(
    paths: list[Path], pictures: dict[str, np.ndarray]
) -> None:
    class Perfect(FakePipeline):
        def colorize(self, gray: np.ndarray, *args: object) -> FakeResult:
            return FakeResult(
                next(p for p in pictures.values() if np.array_equal(luminance_of(p), gray)), []
            )

    report = run(Perfect(), paths, {"perfect": Setting(references="none")}, judge=Judge())
    row = report.rows["perfect"]
    assert (row["psnr"], row["delta_e"], row["auc"], row["delta_colorfulness_each"]) == (
        np.inf,
        0.0,
        1.0,
        0.0,
    )
    assert (row["rebalanced_auc"], row["ssim"]) == (pytest.approx(1.0), pytest.approx(1.0))
    assert (row["recovered"], row["frechet"]) == (1.0, pytest.approx(0.0, abs=1e-9))
    assert as_dict(report)["rows"]["perfect"]["psnr"] is None


def test_photos_that_are_in_the_index_are_told(paths: list[Path]) -> None:
    """The fake recommends the first photo of the index to every photo, also to itself: a leak."""
    report = run(
        FakePipeline(FakeIndex(paths)), paths, {"network": Setting(), "careful": Setting()}
    )
    assert report.known == [paths[0]]
    assert f"1 photos are in the index and were their own reference: {paths[0]}" in table(report)


def test_wrong_use_is_refused(fake: FakePipeline, paths: list[Path]) -> None:
    with pytest.raises(ValueError, match="must not be called gray"):
        run(fake, paths, {"gray": Setting()})
    with pytest.raises(ValueError, match="a label for each of the 4 photos, got 1"):
        run(fake, paths, {}, labels=[1])


def test_progress_counts_photos(fake: FakePipeline, paths: list[Path]) -> None:
    seen: list[tuple[int, int]] = []
    run(
        fake, paths, {"network": Setting()}, progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
