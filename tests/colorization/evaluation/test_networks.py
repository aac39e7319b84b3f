from pathlib import Path

import numpy as np
import pytest
import torch
from fake_evaluation import Judge, run
from fake_pipeline import FakePipeline
from PIL import Image
from torch import nn

from colorization.evaluation.measures.frechet import frechet_distance
from colorization.evaluation.photo import read_photo
from colorization.evaluation.report import table
from colorization.evaluation.rows import Setting
from colorization.evaluation.survey import labels_of
from colorization.inference.pictures.luminance import luminance_of
from colorization.options import ColorizeOptions


def look_at_class(pipeline: FakePipeline, path: Path) -> int:
    """What the judge sees in the picture that a pipeline makes of a photo."""
    rgb = pipeline.colorize(read_photo(path).gray, None, ColorizeOptions(), []).rgb
    side = min(rgb.shape[:2])
    top, left = ((n - side) // 2 for n in rgb.shape[:2])
    square = Image.fromarray(rgb[top : top + side, left : left + side]).resize(
        (224, 224), Image.Resampling.BICUBIC
    )
    tensor = torch.from_numpy(np.array(square)).permute(2, 0, 1).float()[None] / 255
    return int(Judge()(tensor)["logits"].argmax())


def judged(rgb: np.ndarray) -> tuple[np.ndarray, int]:
    """The middle square at 224 x 224, as Judge sees it."""
    side = min(rgb.shape[:2])
    top, left = (rgb.shape[0] - side) // 2, (rgb.shape[1] - side) // 2
    square = Image.fromarray(rgb[top : top + side, left : left + side]).resize(
        (224, 224), Image.Resampling.BICUBIC
    )
    seen = Judge()(torch.from_numpy(np.array(square)).permute(2, 0, 1)[None].float() / 255)
    return seen["embedding"][0].numpy(), int(seen["logits"].argmax())


def test_the_judge_sees_results_gray_and_truth(
    fake: FakePipeline, paths: list[Path], pictures: dict[str, np.ndarray]
) -> None:
    report = run(fake, paths, {"network": Setting()}, judge=Judge())
    truths = [pictures[path.stem] for path in paths]
    grays = [luminance_of(truth) for truth in truths]
    results = [np.clip(gray + np.array([30, 0, -30]), 0, 255).astype(np.uint8) for gray in grays]
    seen = [[judged(rgb) for rgb in side] for side in (truths, grays, results)]
    truth, gray, result = (np.stack([one[0] for one in side]) for side in seen)
    assert report.rows["network"]["frechet"] == pytest.approx(
        frechet_distance(result, truth), rel=1e-4
    )
    assert report.rows["gray"]["frechet"] == pytest.approx(frechet_distance(gray, truth), rel=1e-4)
    ratio = frechet_distance(result, truth) / frechet_distance(gray, truth)
    assert report.rows["network"]["frechet_to_gray"] == pytest.approx(ratio, rel=1e-4)
    assert report.rows["gray"]["frechet_to_gray"] == pytest.approx(1.0)

    right, of_gray, of_result = ([one[1] for one in side] for side in seen)
    # gray has no strongest channel, a tinted picture has one
    assert set(of_gray) == {3} and 3 not in of_result
    hits = [np.mean(np.equal(side, right)) for side in (of_gray, of_result)]
    assert report.rows["network"]["recovered"] == pytest.approx((hits[1] - hits[0]) / (1 - hits[0]))
    assert report.rows["gray"]["recovered"] == report.rows["gray"]["regained"] == 0.0
    lost = np.not_equal(of_gray, right)
    assert report.rows["network"]["regained"] == pytest.approx(
        np.mean(np.equal(of_result, right)[lost])
    )
    labels = [0] * len(paths)
    labelled = run(fake, paths, {"network": Setting()}, judge=Judge(), labels=labels).rows[
        "network"
    ]["recovered"]
    true_hits = np.mean(np.equal(right, labels))
    assert labelled == pytest.approx(np.mean(np.equal(of_result, labels)) / true_hits)


def test_only_photos_named_after_a_class_count_for_accuracy(
    fake: FakePipeline, paths: list[Path]
) -> None:
    classes = ["astro", "astronaut", "coffee"]
    labels = labels_of(paths, classes)
    # the longest name that fits; chelsea and rocket are no classes
    assert labels == [1, None, 2, None]
    own = [look_at_class(fake, path) for path in paths]
    row = run(fake, paths, {"network": Setting()}, judge=Judge(), labels=labels).rows["network"]
    assert row["top1"] == np.mean([own[0] == 1, own[2] == 2])
    assert labels_of([Path("truth/coffee/1.jpg")], classes) == [2]
    with pytest.raises(ValueError, match="none of the photos is named after a class"):
        run(fake, paths, {}, judge=Judge(), labels=[None] * len(paths))


def test_what_is_not_available_is_said_and_not_in_the_rows(
    fake: FakePipeline, paths: list[Path]
) -> None:
    class Silent(nn.Module):
        def forward(self, rgb: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"relu5_1": rgb}

    without = run(fake, paths, {})
    assert {"LPIPS", "FID", "Frechet distance", "recovered accuracy"} >= set(without.not_available)
    assert (
        without.not_available["Frechet distance"]
        == without.not_available["recovered accuracy"]
        == "no judge was given"
    )
    assert not {"frechet", "recovered"} & set(without.rows["gray"])
    silent = run(fake, paths, {}, judge=Silent())
    assert silent.not_available["Frechet distance"] == "the judge gives no embedding"
    assert silent.not_available["recovered accuracy"] == "the judge gives no logits"
    one = run(fake, paths[:1], {}, judge=Judge())
    assert one.not_available["Frechet distance"] == "it takes at least two photos"
    for report in (without, silent, one):
        text = table(report)
        for name, reason in report.not_available.items():
            assert f"{name}: not available, {reason}" in text.splitlines()
        assert not {"frechet", "lpips", "fid"} & set(report.rows["gray"])


def test_lpips_and_fid_are_taken_where_they_are_there(
    fake: FakePipeline,
    paths: list[Path],
    monkeypatch: pytest.MonkeyPatch,
    pictures: dict[str, np.ndarray],
) -> None:
    monkeypatch.setattr(
        "colorization.evaluation.evaluate.load_lpips", lambda: lambda truth, result: 0.25
    )
    monkeypatch.setattr(
        "colorization.evaluation.evaluate.load_inception", lambda: lambda rgb: rgb.mean((0, 1))
    )
    report = run(fake, paths, {"network": Setting()})
    assert {"LPIPS", "FID"}.isdisjoint(report.not_available)
    assert report.rows["network"]["lpips"] == 0.25
    truth, gray = (
        np.stack([f(pictures[p.stem]).mean((0, 1)) for p in paths])
        for f in (np.asarray, luminance_of)
    )
    assert report.rows["gray"]["fid"] == pytest.approx(frechet_distance(gray, truth))
