from pathlib import Path

import numpy as np
import pytest
import torch
from fake_evaluation import run
from fake_pipeline import FakePipeline, FakeResult
from skimage.color import rgb2lab

from colorization.evaluation.measures.auc import auc, bin_weights, pixel_weights
from colorization.evaluation.measures.colorfulness import colorfulness
from colorization.evaluation.measures.delta_e import delta_e_2000
from colorization.evaluation.measures.his import histogram_intersection
from colorization.evaluation.measures.signal import psnr, ssim
from colorization.evaluation.photo import read_photo
from colorization.evaluation.rows import Setting
from colorization.inference.pictures.luminance import luminance_of
from colorization.network.color_bins import histogram


def test_rows_are_the_means_of_the_measures(
    fake: FakePipeline, paths: list[Path], pictures: dict[str, np.ndarray]
) -> None:
    """Each measure once more, on results made here."""
    report = run(fake, paths, {"network": Setting()})
    assert list(report.rows) == ["gray", "network"]
    reference = rgb2lab(pictures["retina"])[..., 1:]
    for name, tint in (("gray", 0), ("network", np.array([30, 0, -30]))):
        truths = [pictures[path.stem] for path in paths]
        results = [np.clip(luminance_of(truth) + tint, 0, 255).astype(np.uint8) for truth in truths]
        pairs = list(zip(truths, results, strict=True))
        row = report.rows[name]
        for key, measure in (("psnr", psnr), ("ssim", ssim), ("delta_e", delta_e_2000)):
            assert row[key] == pytest.approx(np.mean([measure(t, r) for t, r in pairs])), key
        assert row["auc"] == pytest.approx(
            np.mean([auc(rgb2lab(t)[..., 1:], rgb2lab(r)[..., 1:]) for t, r in pairs]), rel=1e-4
        )
        own, true = ([colorfulness(p) for p in side] for side in (results, truths))
        assert row["colorfulness"] == pytest.approx(np.mean(own))
        assert report.truth_colorfulness == pytest.approx(np.mean(true))
        assert row["delta_colorfulness"] == pytest.approx(abs(np.mean(own) - np.mean(true)))
        assert row["delta_colorfulness_each"] == pytest.approx(
            np.mean(np.abs(np.subtract(own, true)))
        )
        if name == "gray":
            assert np.isnan(row["his"])
        else:
            overlaps = [histogram_intersection(reference, rgb2lab(r)[..., 1:]) for r in results]
            assert row["his"] == pytest.approx(np.mean(overlaps), rel=1e-3)


def test_rebalanced_auc_pools_the_pictures(
    fake: FakePipeline, paths: list[Path], pictures: dict[str, np.ndarray]
) -> None:
    """Sum of weighted areas over sum of weights, of the photos at a quarter of a size."""
    row = run(fake, paths, {}).rows["gray"]
    truths = [rgb2lab(pictures[path.stem])[..., 1:] for path in paths]
    tensors = [torch.from_numpy(ab).float().permute(2, 0, 1)[None] for ab in truths]
    small = [torch.nn.functional.avg_pool2d(ab, 4) for ab in tensors]
    prior = torch.cat([histogram(ab) for ab in small]).mean(0)
    above = below = 0.0
    for path, ab in zip(paths, truths, strict=True):
        weights = pixel_weights(ab, bin_weights(prior)).astype(float)
        gray = rgb2lab(luminance_of(pictures[path.stem]))[..., 1:]
        areas = 1 - np.minimum(np.linalg.norm(ab - gray, axis=-1), 150) / 150
        above, below = above + (weights * areas).mean(), below + weights.mean()
    assert row["rebalanced_auc"] == pytest.approx(above / below, rel=1e-3)


def test_a_photo_that_is_hit_exactly_does_not_make_the_mean_infinite(
    paths: list[Path], pictures: dict[str, np.ndarray]
) -> None:
    class HalfPerfect(FakePipeline):
        def colorize(self, gray: np.ndarray, *args: object) -> FakeResult:
            truth = next(p for p in pictures.values() if np.array_equal(luminance_of(p), gray))
            return FakeResult(
                truth if np.array_equal(truth, read_photo(paths[0]).truth) else luminance_of(truth),
                [],
            )

    row = run(HalfPerfect(), paths, {"half": Setting(references="none")}).rows["half"]
    others = [read_photo(path).truth for path in paths[1:]]
    assert row["psnr"] == pytest.approx(
        np.mean([psnr(truth, luminance_of(truth)) for truth in others])
    )
