from pathlib import Path

import numpy as np
import pytest
from fake_evaluation import run
from fake_pipeline import FakePipeline
from skimage.color import rgb2lab

from colorization.evaluation.conditions import coarse, seen_from_elsewhere, true_points
from colorization.evaluation.measures.his import histogram_intersection
from colorization.evaluation.measures.signal import psnr
from colorization.evaluation.rows import Setting


def test_coarse_cells_are_means() -> None:
    rgb = np.zeros((8, 16, 3), np.uint8)
    rgb[:, :8], rgb[:, 8:] = (150, 100, 100), (100, 100, 150)
    lab, found = rgb2lab(rgb), rgb2lab(coarse(rgb, 2))
    for column in (0, 3, 12, 15):  # up to the centers of the cells nothing is mixed
        assert found[:, column] == pytest.approx(lab[:, column], abs=0.7)
    assert found[:, 8, 1:] == pytest.approx(lab[:, [0, 15], 1:].mean(1), abs=3.0)


def test_points_show_the_mean_color_around(
    pictures: dict[str, np.ndarray], rng: np.random.Generator
) -> None:
    """128 pixels on the short side.

    Squares of round(7 / 256 * 128) = 4 pixels (3.5 rounds to even).
    """
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
