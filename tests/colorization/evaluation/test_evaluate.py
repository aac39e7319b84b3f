"""The evaluation with a made pipeline that returns known pictures, and ``rechroma evaluate`` around it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
import torch
import typer
from click.testing import Result
from PIL import Image
from skimage.color import rgb2lab
from torch import nn
from typer.testing import CliRunner

from colorization.cli.common import one_line_errors
from colorization.cli.evaluate import evaluate as evaluate_command
from colorization.evaluation.conditions import coarse, seen_from_elsewhere, true_points
from colorization.evaluation.evaluate import Report, evaluate
from colorization.evaluation.measures.auc import auc, bin_weights, pixel_weights
from colorization.evaluation.measures.colorfulness import colorfulness
from colorization.evaluation.measures.delta_e import delta_e_2000
from colorization.evaluation.measures.frechet import frechet_distance
from colorization.evaluation.measures.his import histogram_intersection
from colorization.evaluation.measures.signal import psnr, ssim
from colorization.evaluation.photo import Photo, read_photo
from colorization.evaluation.report import as_dict, sheet_order, table, write_report_sheet
from colorization.evaluation.rows import Setting, attempt, standard_settings
from colorization.evaluation.survey import labels_of, survey
from colorization.inference.luminance import luminance_of
from colorization.network.color_bins import NUM_BINS, histogram
from colorization.network.hints import Point
from colorization.options import ColorizeOptions
from retrieval.photos.reader import PictureError
from retrieval.search.photo_index import Recommendation

NAMES = ("astronaut", "chelsea", "coffee", "rocket")


@dataclass(frozen=True)
class Call:
    """What a pipeline was asked."""

    gray: np.ndarray
    references: list[np.ndarray] | None
    options: ColorizeOptions
    points: list[Point]


@dataclass(frozen=True)
class FakeResult:
    rgb: np.ndarray
    references: list[Recommendation]


@dataclass
class FakeIndex:
    paths: list[Path]

    def __len__(self) -> int:
        return len(self.paths)

    def path(self, row: int) -> Path:
        return self.paths[row]


@dataclass
class FakePipeline:
    """Tints the gray picture by the vividness, and recommends the first photo of its index."""

    index: FakeIndex | None = None
    calls: list[Call] = field(default_factory=list)

    def colorize(
        self,
        gray: np.ndarray,
        references: Sequence[np.ndarray] | None,
        options: ColorizeOptions,
        points: Sequence[Point],
    ) -> FakeResult:
        self.calls.append(
            Call(gray, None if references is None else list(references), options, list(points))
        )
        tint = np.array([30, 0, -30]) * options.vividness + len(points) / 10
        found = (
            [Recommendation(self.index.path(0), 1.0, 1.0, 1.0, 1.0)]
            if references is None and self.index
            else []
        )
        return FakeResult(np.clip(gray + tint, 0, 255).astype(np.uint8), found)


class Judge(nn.Module):
    """Sees a picture as its mean color; the class is the strongest channel, or 3 where there is none."""

    def forward(self, rgb: torch.Tensor) -> dict[str, torch.Tensor]:
        assert rgb.shape[2:] == (224, 224) and rgb.min() >= 0 and rgb.max() <= 1
        mean = rgb.mean((2, 3))
        spread = mean.amax(1, keepdim=True) - mean.mean(1, keepdim=True)
        return {
            "embedding": mean,
            "logits": torch.cat((mean - mean.mean(1, keepdim=True) - spread / 2, 0.02 - spread), 1),
        }


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


@pytest.fixture
def truth_dir(tmp_path: Path, pictures: dict[str, np.ndarray]) -> Path:
    folder = tmp_path / "truth"
    folder.mkdir()
    for name in NAMES:
        Image.fromarray(pictures[name]).save(folder / f"{name}.png")
    return folder


@pytest.fixture
def paths(truth_dir: Path) -> list[Path]:
    return sorted(truth_dir.iterdir())


@pytest.fixture
def reference_paths(tmp_path: Path, pictures: dict[str, np.ndarray]) -> list[Path]:
    found = []
    for name in ("retina", "hubble", "motorcycle_right"):
        found.append(tmp_path / f"{name}.png")
        Image.fromarray(pictures[name]).save(found[-1])
    return found


@pytest.fixture
def fake(reference_paths: list[Path]) -> FakePipeline:
    return FakePipeline(FakeIndex(reference_paths))


def run(
    fake: FakePipeline, paths: list[Path], settings: dict[str, Setting], **more: object
) -> Report:
    return evaluate(fake, survey(paths), settings, **more)  # type: ignore[arg-type]


def test_gray_is_the_luminance_and_nothing_else(
    fake: FakePipeline, paths: list[Path], pictures: dict[str, np.ndarray]
) -> None:
    run(fake, paths, {"automatic": Setting(references="none")})
    for call, path in zip(fake.calls, paths, strict=True):
        truth = pictures[path.stem]
        assert np.array_equal(call.gray, luminance_of(truth))
        assert np.abs(rgb2lab(call.gray)[..., 0] - rgb2lab(truth)[..., 0]).max() < 0.3


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


@pytest.mark.parametrize("own_prior", [True, False])
def test_rebalanced_auc_pools_the_pictures(
    fake: FakePipeline, paths: list[Path], pictures: dict[str, np.ndarray], own_prior: bool
) -> None:
    """Sum of weighted areas over sum of weights; without a prior it is the photos' own, at a quarter of their size."""
    given = None if own_prior else torch.rand(NUM_BINS)
    row = run(fake, paths, {}, prior=given).rows["gray"]
    truths = [rgb2lab(pictures[path.stem])[..., 1:] for path in paths]
    tensors = [torch.from_numpy(ab).float().permute(2, 0, 1)[None] for ab in truths]
    prior = (
        torch.cat([histogram(torch.nn.functional.avg_pool2d(ab, 4)) for ab in tensors]).mean(0)
        if given is None
        else given
    )
    above = below = 0.0
    for path, ab in zip(paths, truths, strict=True):
        weights = pixel_weights(ab, bin_weights(prior)).astype(float)
        gray = rgb2lab(luminance_of(pictures[path.stem]))[..., 1:]
        areas = 1 - np.minimum(np.linalg.norm(ab - gray, axis=-1), 150) / 150
        above, below = above + (weights * areas).mean(), below + weights.mean()
    assert row["rebalanced_auc"] == pytest.approx(above / below, rel=1e-3)


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


def test_standard_rows() -> None:
    rows = standard_settings()
    assert list(rows)[:5] == [
        "training-free",
        "network",
        "careful",
        "automatic",
        "automatic careful",
    ]
    assert list(rows)[5:7] == ["random reference", "distorted truth as reference"]
    assert list(rows)[7:] == [
        "faded",
        "faded automatic",
        "1 point",
        "10 points",
        "100 points",
        "truth in 16 cells",
        "truth in 32 cells",
    ]
    assert rows["training-free"].options.method == "training-free"
    assert {
        s.options.method for name, s in rows.items() if name != "training-free" and not s.cells
    } == {"network"}
    careful = {name for name, s in rows.items() if s.options.vividness == 0}
    assert careful == {"careful", "automatic careful"}
    assert {s.references for n, s in rows.items() if n.startswith("automatic") or "point" in n} == {
        "none"
    }
    assert [rows[n].points for n in ("automatic", "1 point", "10 points", "100 points")] == [
        0,
        1,
        10,
        100,
    ]


def test_rows_that_need_an_index_go_without_one() -> None:
    rows = standard_settings(with_index=False, with_points=False)
    assert list(rows)[:3] == ["automatic", "automatic careful", "distorted truth as reference"]
    assert list(rows)[3:] == ["faded automatic", "truth in 16 cells", "truth in 32 cells"]


def test_the_curve_adds_settings_once() -> None:
    """Vividness 0 and 1 are "careful" and "network" already."""
    plain = standard_settings()
    curve = standard_settings(with_curve=True)
    added = [name for name in curve if name not in plain]
    assert added == [
        *(f"vividness {v}" for v in ("0.25", "0.5", "0.75")),
        *(f"saturation {s}" for s in ("0.6", "0.8", "1.2", "1.4")),
    ]
    assert curve["vividness 0.25"] == Setting(replace(plain["network"].options, vividness=0.25))
    assert curve["saturation 1.4"].options.saturation == 1.4
    assert len(set(map(repr, curve.values()))) == len(curve)
    assert (
        standard_settings(with_index=False, with_curve=True)["saturation 0.6"].references == "none"
    )


def test_telephones_photos_are_measured_as_they_are_meant(
    tmp_path: Path, wide_profile: Callable[[float], bytes]
) -> None:
    """The primaries of Display P3 are wider than those of sRGB: the same numbers stand for stronger colors."""
    stored = np.full((32, 32, 3), (60, 160, 80), np.uint8)
    Image.fromarray(stored).save(tmp_path / "p3.png", icc_profile=wide_profile(2.2))
    Image.fromarray(stored).save(tmp_path / "srgb.png")
    wide, narrow = (
        rgb2lab(read_photo(tmp_path / name).truth)[..., 1:] for name in ("p3.png", "srgb.png")
    )
    assert np.linalg.norm(wide, axis=-1).mean() > 1.1 * np.linalg.norm(narrow, axis=-1).mean()


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


def test_coarse_truth_is_not_colorized(
    fake: FakePipeline, paths: list[Path], pictures: dict[str, np.ndarray]
) -> None:
    photo = read_photo(paths[0])
    truth, found = (
        rgb2lab(photo.truth),
        {n: rgb2lab(attempt(fake, photo, Setting(cells=n)).rgb) for n in (1, 16, 10**6)},
    )
    assert not fake.calls
    # colors that do not fit the luminance lose chroma, not luminance
    assert np.abs(found[1] - truth)[..., 0].max() < 1.0
    error = {n: float(np.abs(lab - truth)[..., 1:].mean()) for n, lab in found.items()}
    assert error[10**6] < 0.5 < error[16] < error[1]


def test_faded_rows_color_the_faded_print_and_are_compared_on_the_true_luminance(
    fake: FakePipeline, paths: list[Path]
) -> None:
    photo = read_photo(paths[0])
    found = attempt(fake, photo, Setting(references="none", faded=True)).rgb
    lightness = rgb2lab(photo.truth)[..., 0]
    seen = rgb2lab(fake.calls[0].gray)
    np.testing.assert_allclose(seen[..., 0], 35 + lightness / 2, atol=0.6)
    assert np.abs(seen[..., 1:]).max() < 0.5
    np.testing.assert_allclose(rgb2lab(found)[..., 0], lightness, atol=0.8)
    tinted = rgb2lab(np.clip(fake.calls[0].gray + np.array([30, 0, -30]), 0, 255).astype(np.uint8))
    middle = (lightness > 30) & (lightness < 80)  # where the gamut has room for the colors
    np.testing.assert_allclose(rgb2lab(found)[middle][:, 1:], tinted[middle][:, 1:], atol=1.5)


def test_coarse_cells_are_means() -> None:
    rgb = np.zeros((8, 16, 3), np.uint8)
    rgb[:, :8], rgb[:, 8:] = (150, 100, 100), (100, 100, 150)
    lab, found = rgb2lab(rgb), rgb2lab(coarse(rgb, 2))
    for column in (0, 3, 12, 15):  # up to the centers of the cells nothing is mixed
        assert found[:, column] == pytest.approx(lab[:, column], abs=0.7)
    assert found[:, 8, 1:] == pytest.approx(lab[:, [0, 15], 1:].mean(1), abs=3.0)


def test_what_each_row_gives_the_pipeline(
    fake: FakePipeline, paths: list[Path], pictures: dict[str, np.ndarray]
) -> None:
    photo = read_photo(paths[0])
    for kind in ("recommended", "none", "random", "distorted"):
        attempt(fake, photo, Setting(references=kind))  # type: ignore[arg-type]
    recommended, none, random, warped = (call.references for call in fake.calls)
    assert recommended is None and none == []
    assert random is not None and warped is not None and len(random) == len(warped) == 1
    assert any(
        np.array_equal(random[0], pictures[n]) for n in ("retina", "hubble", "motorcycle_right")
    )
    assert np.array_equal(warped[0], seen_from_elsewhere(photo.truth, photo.rng(0, "distorted")))


def test_random_references_are_seeded_and_never_the_photo_or_a_gray_one(
    paths: list[Path], tmp_path: Path, gray_pictures: dict[str, np.ndarray]
) -> None:
    Image.fromarray(gray_pictures["retina"]).save(tmp_path / "gray.png")
    fake = FakePipeline(FakeIndex([*paths, tmp_path / "gray.png", tmp_path / "gone.png"]))
    photo = read_photo(paths[0])
    drawn = [
        attempt(fake, photo, Setting(references="random"), seed).reference_path
        for seed in range(12)
    ]
    assert set(drawn) == set(paths[1:])
    again = [
        attempt(fake, photo, Setting(references="random"), seed).reference_path
        for seed in range(12)
    ]
    assert drawn == again
    alone = FakePipeline(FakeIndex([paths[0], tmp_path / "gray.png"]))
    with pytest.raises(ValueError, match="no photo of the index"):
        attempt(alone, photo, Setting(references="random"))
    with pytest.raises(ValueError, match="needs an index"):
        attempt(FakePipeline(), photo, Setting(references="random"))


def test_points_show_the_mean_color_around(
    pictures: dict[str, np.ndarray], rng: np.random.Generator
) -> None:
    """128 pixels on the short side: squares of round(7 / 256 * 128) = 4 pixels (3.5 rounds to even)."""
    truth = pictures["coffee"]
    height, width = truth.shape[:2]
    lab = rgb2lab(truth)
    points = true_points(truth, 50, rng)
    assert len(points) == 50
    for point in points:
        top, left = round(point.y * height - 2), round(point.x * width - 2)
        assert 0 <= top <= height - 4 and 0 <= left <= width - 4
        assert point.ab == pytest.approx(
            tuple(lab[top : top + 4, left : left + 4, 1:].mean((0, 1))), abs=0.01
        )
    assert np.ptp([p.x for p in points]) > 0.8 and np.ptp([p.y for p in points]) > 0.8


def test_fewer_points_are_the_first_of_more_and_stay_when_other_photos_go(
    fake: FakePipeline, paths: list[Path]
) -> None:
    settings = {f"{n} points": Setting(references="none", points=n) for n in (1, 10, 100)}
    run(fake, paths, settings, seed=3)
    few, ten, many = (call.points for call in fake.calls[-3:])
    assert (len(few), len(ten), len(many)) == (1, 10, 100)
    assert few == many[:1] and ten == many[:10]
    run(fake, paths[-1:], settings, seed=3)
    assert fake.calls[-1].points == many
    run(fake, paths[-1:], settings, seed=4)
    assert fake.calls[-1].points != many
    assert fake.calls[2].points != many  # each photo has its own


def test_points_of_the_smallest_picture(rng: np.random.Generator) -> None:
    points = true_points(np.full((11, 12, 3), 80, np.uint8), 3, rng)
    assert all(p.ab == pytest.approx((0, 0), abs=1e-4) for p in points)


def test_a_distorted_picture_is_mirrored_and_keeps_its_colors(
    pictures: dict[str, np.ndarray], rng: np.random.Generator
) -> None:
    """A red left half and a blue right half change sides; nothing comes in from outside."""
    rgb = np.zeros((60, 80, 3), np.uint8)
    rgb[:, :40], rgb[:, 40:] = (200, 30, 30), (30, 30, 200)
    for _ in range(5):
        out = seen_from_elsewhere(rgb, rng)
        assert out.shape == rgb.shape
        assert (out[:, :15] == (30, 30, 200)).all() and (out[:, -15:] == (200, 30, 30)).all()
    photo = pictures["chelsea"]
    out = seen_from_elsewhere(photo, rng)
    ab, warped_ab = (rgb2lab(p)[..., 1:] for p in (photo, out))
    assert histogram_intersection(ab, warped_ab) > 0.85
    assert psnr(photo, out) < 20 and psnr(photo, np.ascontiguousarray(out[:, ::-1])) < 35


def test_survey_skips_gray_unreadable_and_tiny_photos(paths: list[Path], tmp_path: Path) -> None:
    extra = [tmp_path / name for name in ("gray.png", "rgb-gray.png", "text.png", "tiny.png")]
    gray = Image.open(paths[0]).convert("L")
    gray.save(extra[0])
    gray.convert("RGB").save(extra[1])
    extra[2].write_text("not a picture\n")
    Image.new("RGB", (40, 10), (200, 0, 0)).save(extra[3])
    found = survey([extra[0], *paths, *extra[1:]])
    assert (found.paths, found.gray) == (paths, 2)
    assert [str(p) in line for p, line in zip(extra[2:], found.unreadable, strict=True)] == [
        True,
        True,
    ]
    assert "40 x 10 is too small" in found.unreadable[1]
    assert float(found.prior.sum()) == pytest.approx(1, abs=1e-5)
    with pytest.raises(ValueError, match="no color photo to measure with: 2 gray, 1 unreadable"):
        survey(extra[:3])
    with pytest.raises(PictureError, match="too small"):
        read_photo(extra[3])


def test_deep_pictures_are_measured_at_eight_bits(
    tmp_path: Path, pictures: dict[str, np.ndarray]
) -> None:
    import tifffile

    deep = pictures["rocket"].astype(np.uint16) * 257
    tifffile.imwrite(tmp_path / "deep.tif", deep, photometric="rgb")
    photo = read_photo(tmp_path / "deep.tif")
    assert np.array_equal(photo.truth, pictures["rocket"])


def test_photos_that_are_in_the_index_are_told(paths: list[Path]) -> None:
    """The fake recommends the first photo of the index to every photo; to itself, that is a leak."""
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


def test_the_table_has_a_line_a_row_and_the_curve_of_points(
    fake: FakePipeline, paths: list[Path]
) -> None:
    report = run(fake, paths, standard_settings(), judge=Judge())
    lines = table(report).splitlines()
    assert lines[0] == f"4 photos; colorfulness of the truth {report.truth_colorfulness:.1f}"
    assert [line.split("  ")[0].strip() for line in lines[2 : 2 + len(report.rows)]] == list(
        report.rows
    )
    starts = {len(line) for line in lines[1 : 2 + len(report.rows)]}
    assert len(starts) == 1  # columns stand in line
    gray = lines[2].split()
    assert (
        gray[1] == f"{report.rows['gray']['psnr']:.2f}"
        and gray[4] == f"{100 * report.rows['gray']['auc']:.2f}"
    )
    curve = as_dict(report)["psnr_by_points"]
    assert list(curve) == [0, 1, 10, 100]
    assert (
        curve[0] == report.rows["automatic"]["psnr"]
        and curve[100] == report.rows["100 points"]["psnr"]
    )
    assert any(line.startswith(f"PSNR by points: 0: {curve[0]:.2f} dB, 1: ") for line in lines)
    json.loads(json.dumps(as_dict(report), allow_nan=False))


def test_a_sheet_shows_worst_median_and_best() -> None:
    """Thirteen photos of Delta E 0 to 12: the four worst, 12 to 9, the middle 8 - 5, the four best."""
    assert sheet_order([float(i) for i in range(13)]) == [12, 11, 10, 9, 8, 7, 6, 5, 3, 2, 1, 0]
    assert sheet_order([float(i) for i in range(21)]) == [20, 19, 18, 17, 12, 11, 10, 9, 3, 2, 1, 0]
    assert sheet_order([1.0, 3.0, 2.0]) == [1, 2, 0]


def test_the_sheet_repeats_the_results(
    fake: FakePipeline, paths: list[Path], tmp_path: Path
) -> None:
    settings = {
        name: setting
        for name, setting in standard_settings().items()
        if name in ("network", "10 points")
    }
    report = run(fake, paths, settings, seed=5)
    measured = [call.points for call in fake.calls]
    fake.calls.clear()
    write_report_sheet(tmp_path / "sheet.png", report, fake, settings, "network")
    worst_first = np.argsort([-scores["delta_e"] for scores in report.pictures["network"]])
    assert [call.points for call in fake.calls] == [
        measured[2 * i + k] for i in worst_first for k in (0, 1)
    ]
    width, height = Image.open(tmp_path / "sheet.png").size
    assert width // 256 == 5 and height // 256 == 4  # gray, reference, two results, truth


@pytest.fixture
def command(fake: FakePipeline, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """``rechroma evaluate`` on the fake pipeline."""

    class Loader:
        @staticmethod
        def load(index_dir: Path | None = None) -> FakePipeline:
            fake.index = fake.index if index_dir else None
            return fake

    monkeypatch.setattr("colorization.pipeline.ColorizationPipeline", Loader)
    app = typer.Typer()
    app.command()(one_line_errors(evaluate_command))
    return lambda *args: CliRunner().invoke(app, [str(a) for a in args], catch_exceptions=False)


def test_the_command_prints_a_table(
    command: Callable[..., Result], truth_dir: Path, tmp_path: Path
) -> None:
    result = command(
        truth_dir, "--index", tmp_path, "--curve", "--sheet", tmp_path / "new" / "sheet.png"
    )
    assert (result.exit_code, result.stderr) == (0, "")
    for name in (
        "gray",
        "training-free",
        "network",
        "automatic",
        "100 points",
        "vividness 0.25",
        "saturation 1.4",
    ):
        assert f"\n{name} " in result.stdout
    assert "recovered accuracy: not available, no judge was given" in result.stdout
    assert Image.open(tmp_path / "new" / "sheet.png").size[0] > 256 * 10


def test_the_command_prints_json_for_a_few_photos(
    command: Callable[..., Result], truth_dir: Path, fake: FakePipeline, tmp_path: Path
) -> None:
    (tmp_path / "judge.py").write_text(
        "import torch\n\n\nclass Judge(torch.nn.Module):\n    def forward(self, rgb):\n"
        '        return {"embedding": rgb.mean((2, 3)), "logits": rgb.mean((2, 3))}\n'
    )
    result = command(
        truth_dir, "--limit", 2, "--no-points", "--judge", tmp_path / "judge.py", "--json"
    )
    found = json.loads(result.stdout)
    assert (result.exit_code, found["photos"], found["gray_skipped"], found["unreadable"]) == (
        0,
        2,
        0,
        [],
    )
    rows = [
        "gray",
        "automatic",
        "automatic careful",
        "distorted truth as reference",
        "faded automatic",
        "truth in 16 cells",
        "truth in 32 cells",
    ]
    assert list(found["rows"]) == rows
    assert {"frechet", "frechet_to_gray", "recovered", "rebalanced_auc"} <= set(
        found["rows"]["automatic"]
    )
    assert not found["psnr_by_points"] or list(found["psnr_by_points"]) == ["0"]
    assert {len(call.points) for call in fake.calls} == {0}


def test_gray_photos_are_counted_and_unreadable_ones_end_with_status_1(
    command: Callable[..., Result], truth_dir: Path
) -> None:
    Image.open(truth_dir / "coffee.png").convert("L").save(truth_dir / "old.png")
    result = command(truth_dir, "--no-points")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("4 photos, 1 gray ones skipped;")
    (truth_dir / "text.png").write_text("not a picture\n")
    result = command(truth_dir, "--no-points")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        f"skipped {truth_dir / 'text.png'}: not a picture that can be read"
    ]
    assert "automatic" in result.stdout


def test_what_the_command_refuses_is_one_line(
    command: Callable[..., Result], refused: Callable[..., str], truth_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    refused(command(tmp_path / "empty"), tmp_path / "empty", "no pictures")
    refused(command(tmp_path / "gone"), tmp_path / "gone", "no such folder")
    refused(
        command(truth_dir, "--judge", tmp_path / "judge.py"), tmp_path / "judge.py", "no such judge"
    )
    (tmp_path / "judge.py").write_text("def broken(:\n")
    refused(
        command(truth_dir, "--judge", tmp_path / "judge.py"), tmp_path / "judge.py", "SyntaxError"
    )
    (tmp_path / "judge.py").write_text("x = 1\n")
    refused(
        command(truth_dir, "--judge", tmp_path / "judge.py"),
        tmp_path / "judge.py",
        "one torch module",
    )
    module = "import torch\nclass Judge(torch.nn.Module):\n    def forward(self, rgb):\n        "
    for body, said in (
        ("return rgb", "must give a dictionary"),
        ("raise KeyError('x')", "the judge fails (KeyError: 'x')"),
    ):
        (tmp_path / "judge.py").write_text(module + body + "\n")
        refused(command(truth_dir, "--row", "automatic", "--judge", tmp_path / "judge.py"), said)
    (tmp_path / "names.txt").write_bytes(b"\xff\xfe\x00")
    refused(
        command(truth_dir, "--classes", tmp_path / "names.txt"),
        tmp_path / "names.txt",
        "not a text file",
    )
    (tmp_path / "names.txt").write_text("cup\n")
    refused(command(truth_dir, "--classes", tmp_path / "names.txt"), "give --judge too")
    refused(command(truth_dir, "--sheet", truth_dir / "coffee.png"), "would replace a picture")
    (tmp_path / "grays").mkdir()
    Image.open(truth_dir / "coffee.png").convert("L").save(tmp_path / "grays" / "old.png")
    refused(command(tmp_path / "grays"), "no color photo to measure with: 1 gray")


def test_a_photo_is_its_truth_and_its_gray(paths: list[Path]) -> None:
    photo = read_photo(paths[1])
    assert isinstance(photo, Photo) and photo.path == paths[1]
    assert photo.rng(0, "points").random() != photo.rng(0, "distorted").random()
    assert photo.rng(0, "points").random() == photo.rng(0, "points").random()
