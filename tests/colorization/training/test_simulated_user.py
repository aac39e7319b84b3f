from collections.abc import Callable

import numpy as np
import pytest
import skimage.color
import torch

from colorization.network.hints import Point
from colorization.training import simulated_user as module
from colorization.training.simulated_user import mean_saturation, random_points
from similarity.color.lab import as_tensor

Draw = Callable[..., list[list[Point]]]


@pytest.fixture
def draw(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> Draw:
    """``draw(ab, stride, count)``: points of ordinary samples, none with very many."""
    monkeypatch.setattr(module, "MANY_SHARE", 0.0)
    return lambda ab, stride=1, count=300: [random_points(ab, rng, stride) for _ in range(count)]


def test_small_points_tell_the_true_color(draw: Draw) -> None:
    ab = torch.randn(2, 24, 32) * 40
    for points in draw(ab, stride=16):  # at most 9 / 16 of a cell, so one cell
        for point in points:
            assert point.ab == pytest.approx(
                tuple(ab[:, int(point.y * 24), int(point.x * 32)].tolist())
            )


def test_a_large_point_is_the_mean_of_what_it_covers(
    draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATCH", (5, 5))
    ab = torch.randn(2, 24, 32) * 40
    points = [point for points in draw(ab, count=40) for point in points]
    assert len(points) > 100
    for point in points:
        top, left = round(point.y * 24 - 2.5), round(point.x * 32 - 2.5)
        assert point.ab == pytest.approx(
            tuple(ab[:, top : top + 5, left : left + 5].mean((1, 2)).tolist()), abs=1e-4
        )


def test_number_of_points_is_geometric(draw: Draw) -> None:
    # P(n) = 7^n / 8^(n + 1): none in 1/8 of all pictures, 7 on average
    counts = np.array(
        [len(points) for points in draw(torch.zeros(2, 128, 128), stride=16, count=1000)]
    )
    assert 0.09 < (counts == 0).mean() < 0.16
    assert 6.2 < counts.mean() < 7.8
    assert counts.max() > 25


def test_points_lie_around_the_middle(draw: Draw) -> None:
    found = draw(torch.zeros(2, 40, 80), stride=16, count=600)
    places = np.array([(point.y, point.x) for points in found for point in points])
    assert np.abs(places.mean(0) - 0.5).max() < 0.02
    # a normal distribution of deviation 1/4, of which 2.3 % a side beyond the edge lie in the
    # outermost cells
    assert np.abs(places.std(0) / 0.25 - 1).max() < 0.08
    assert places.min() > 0 and places.max() < 1


def test_some_pictures_show_many_colors(rng: np.random.Generator) -> None:
    counts = [len(random_points(torch.zeros(2, 24, 24), rng, 2)) for _ in range(600)]
    assert 0.05 < np.mean([count == module.MANY for count in counts]) < 0.16


def test_the_same_seed_draws_the_same_points() -> None:
    ab = torch.randn(2, 24, 24)
    first, again, other = (random_points(ab, np.random.default_rng(seed), 2) for seed in (5, 5, 6))
    assert first == again and first != other


def test_saturation_equals_skimage(pictures: dict[str, np.ndarray]) -> None:
    for name in ("chelsea", "coffee", "retina"):
        expected = skimage.color.rgb2hsv(pictures[name])[..., 1].mean()
        assert mean_saturation(as_tensor(pictures[name])) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(
    ("color", "expected"),
    [((1, 0, 0), 1.0), ((0.5, 0.5, 0.5), 0.0), ((0, 0, 0), 0.0), ((0.8, 0.4, 0.6), 0.5)],
)
def test_saturation_by_hand(color: tuple[float, float, float], expected: float) -> None:
    # (max - min) / max; black has none
    assert mean_saturation(
        torch.tensor(color, dtype=torch.float32).view(3, 1, 1).expand(3, 2, 2)
    ) == pytest.approx(expected)
