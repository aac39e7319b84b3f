from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
import skimage.color
import torch
from torch import Tensor

from colorization import hints as module
from colorization.bins import NUM_BINS, histogram
from colorization.data import as_tensor
from colorization.hints import Point, global_hints, mean_saturation, palette_of, point_planes, random_points
from colorization.network import GLOBAL_SIZE

RED, BLUE = (60.0, 40.0), (20.0, -70.0)
Draw = Callable[..., list[Tensor]]


def masked(planes: Tensor) -> list[tuple[int, int]]:
    """(row, column) of the cells that are hinted."""
    return [(int(y), int(x)) for y, x in planes[2].nonzero()]


# Points of a user


def test_no_points_are_zero_planes() -> None:
    assert torch.equal(point_planes([], 4, 6), torch.zeros(3, 4, 6))


@pytest.mark.parametrize(
    ("x", "y", "cell"),
    [
        (0.0, 0.0, (0, 0)), (1.0, 0.0, (0, 5)), (0.0, 1.0, (3, 0)), (1.0, 1.0, (3, 5)), (0.5, 0.5, (2, 3)),
        (0.49, 0.49, (1, 2)), (5 / 6 + 0.001, 0.26, (1, 5)), (5 / 6 - 0.001, 0.24, (0, 4)),
    ],
)  # fmt: skip
def test_a_point_lies_in_the_cell_of_its_place(x: float, y: float, cell: tuple[int, int]) -> None:
    planes = point_planes([Point(x, y, RED)], 4, 6)
    assert masked(planes) == [cell]
    assert planes[:, cell[0], cell[1]].tolist() == [60.0, 40.0, 1.0]
    assert float(planes.abs().sum()) == 101


@pytest.mark.parametrize(
    ("x", "y", "rows", "columns"),
    [
        (0.5, 0.5, (3, 4, 5), (5, 6, 7)),
        (0.5, 0.01, (0, 1, 2), (5, 6, 7)),
        (0.01, 0.5, (3, 4, 5), (0, 1, 2)),
    ],
)
def test_larger_points_are_centred_and_drawn_whole(x: float, y: float, rows: tuple[int, ...], columns: tuple[int, ...]) -> None:
    assert masked(point_planes([Point(x, y, RED)], 8, 12, size=3)) == list(product(rows, columns))


@pytest.mark.parametrize(("x", "y"), list(product((0.0, 1.0), (0.0, 1.0))))
@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_points_in_corners_are_as_large_as_others(x: float, y: float, size: int) -> None:
    planes = point_planes([Point(x, y, RED)], 8, 12, size)
    rows = range(size) if y == 0 else range(8 - size, 8)
    columns = range(size) if x == 0 else range(12 - size, 12)
    assert masked(planes) == list(product(rows, columns))


def test_a_point_larger_than_the_picture_fills_it() -> None:
    assert len(masked(point_planes([Point(1.0, 0.5, RED)], 3, 4, size=9))) == 12


def test_later_points_lie_over_earlier_ones() -> None:
    first, second = Point(0.5, 0.5, RED), Point(0.7, 0.5, BLUE)
    for points in ([first, second], [second, first]):
        planes = point_planes(points, 8, 8, size=3)
        assert tuple(planes[:2, 4, 4].tolist()) == points[-1].ab
        assert set(planes[2].flatten().tolist()) == {0.0, 1.0}
        assert {tuple(planes[:2, y, x].tolist()) for y, x in masked(planes)} == {RED, BLUE}


def test_a_gray_point_is_a_hint_too() -> None:
    planes = point_planes([Point(0.5, 0.5, (0.0, 0.0))], 4, 4)
    assert float(planes[2].sum()) == 1 and not planes[:2].any()


@pytest.mark.parametrize(("x", "y"), [(-0.01, 0.5), (0.5, 1.01), (float("nan"), 0.5), (0.5, float("inf"))])
def test_points_outside_the_picture_are_refused(x: float, y: float) -> None:
    with pytest.raises(ValueError, match=rf"a color point must lie within the picture, .*\({x:g}, {y:g}\)"):
        Point(x, y, RED)


# Points of training


@pytest.fixture
def draw(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> Draw:
    """``draw(ab, stride, count)``: planes of ordinary samples, none with all colors."""
    monkeypatch.setattr(module, "ALL_COLORS", 0.0)
    return lambda ab, stride=1, count=300: [random_points(ab, rng, stride) for _ in range(count)]


def test_small_points_tell_the_true_color(draw: Draw) -> None:
    ab = torch.randn(2, 24, 32) * 40
    for planes in draw(ab, stride=16):  # at most 9 / 16 of a cell, so one cell
        assert torch.equal(planes[:2], ab * planes[2])
        assert set(planes[2].flatten().tolist()) <= {0.0, 1.0}


def test_a_large_point_is_the_mean_of_what_it_covers(draw: Draw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATCH", (5, 5))
    monkeypatch.setattr(module, "POINTS_RATE", 0.6)
    ab = torch.randn(2, 24, 32) * 40
    single = [planes for planes in draw(ab) if float(planes[2].sum()) == 25]
    assert len(single) > 30
    for planes in single:
        rows, columns = (planes[2].amax(d).nonzero().flatten() for d in (1, 0))
        assert len(rows) == len(columns) == 5
        inside = (slice(None), slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1))
        torch.testing.assert_close(planes[:2][inside], ab[inside].mean((1, 2), keepdim=True).expand(2, 5, 5))


def test_number_of_points_is_geometric(draw: Draw) -> None:
    # with one cell a point on a wide grid hardly any coincide. P(n) = 7^n / 8^(n + 1): none in 1/8 of all pictures, 7 on average
    counts = np.array([float(planes[2].sum()) for planes in draw(torch.zeros(2, 128, 128), stride=16, count=1000)])
    assert 0.09 < (counts == 0).mean() < 0.16
    assert 6.2 < counts.mean() < 7.8
    assert counts.max() > 25


def test_points_lie_around_the_middle(draw: Draw) -> None:
    height, width = 40, 80
    places = np.array([cell for planes in draw(torch.zeros(2, height, width), stride=16, count=600) for cell in masked(planes)])
    assert np.abs(places.mean(0) - [height / 2, width / 2]).max() < 1
    # a normal distribution of deviation 1/4, of which 2.3 % a side beyond the edge lie in the outermost cells
    assert np.abs(places.std(0) / [height / 4, width / 4] - 1).max() < 0.08
    assert places.min(0).tolist() == [0, 0] and places.max(0).tolist() == [height - 1, width - 1]


@pytest.mark.parametrize(("stride", "sides"), [(1, {1, 2, 3, 4, 5, 6, 7, 8, 9}), (2, {1, 2, 3, 4}), (4, {1, 2})])
def test_sizes_are_in_working_pixels(draw: Draw, monkeypatch: pytest.MonkeyPatch, stride: int, sides: set[int]) -> None:
    monkeypatch.setattr(module, "POINTS_RATE", 0.8)  # one point in most of the pictures that have any
    found = set()
    for planes in draw(torch.zeros(2, 64, 64), stride, 1500):
        height, width = (len(planes[2].amax(d).nonzero()) for d in (1, 0))
        if height == width and height * width == int(planes[2].sum()) > 0:  # one square: a single point
            found.add(height)
    assert found == sides


def test_one_picture_in_a_hundred_shows_all_colors(rng: np.random.Generator) -> None:
    ab = torch.randn(2, 24, 24)
    full = [planes for planes in (random_points(ab, rng, 2) for _ in range(2000)) if bool(planes[2].all())]
    assert 8 < len(full) < 36
    assert all(torch.equal(planes[:2], ab) for planes in full)


def test_the_same_seed_draws_the_same_points() -> None:
    ab = torch.randn(2, 24, 24)
    first, again, other = (random_points(ab, np.random.default_rng(seed), 2) for seed in (5, 5, 6))
    assert torch.equal(first, again) and not torch.equal(first, other)


# Global hints


def test_nothing_given_is_a_zero_vector() -> None:
    assert torch.equal(global_hints(), torch.zeros(GLOBAL_SIZE))


def test_order_by_hand() -> None:
    palette = torch.zeros(NUM_BINS)
    palette[7], palette[200] = 0.36, 0.64
    vector = global_hints(palette, 0.25, 0.5, 0.75)
    assert vector.shape == (GLOBAL_SIZE,) == (318,)
    # square roots of the shares, then their indicator, saturation, its indicator, vividness, faithfulness
    expected = {7: 0.6, 200: 0.8, 313: 1.0, 314: 0.25, 315: 1.0, 316: 0.5, 317: 0.75}
    assert {int(i): pytest.approx(float(vector[i])) for i in vector.nonzero()} == expected


def test_no_saturation_differs_from_a_saturation_of_zero() -> None:
    assert global_hints(saturation=0.0).nonzero().flatten().tolist() == [315]
    assert global_hints(vividness=1.0).nonzero().flatten().tolist() == [316]
    assert global_hints(faithfulness=1.0).nonzero().flatten().tolist() == [317]
    assert global_hints(torch.full((NUM_BINS,), 1 / NUM_BINS)).nonzero().flatten().tolist() == list(range(314))


@pytest.mark.parametrize("value", [-0.01, 1.01, float("nan")])
@pytest.mark.parametrize("name", ["saturation", "vividness", "faithfulness"])
def test_shares_outside_0_to_1_are_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"{name} must be within 0\.\.1, not {value}"):
        global_hints(**{name: value})


def test_palette_of_a_picture(pictures: dict[str, np.ndarray]) -> None:
    ab = torch.empty(2, 16, 24)
    ab[:, :, :12], ab[:, :, 12:] = torch.tensor(RED).view(2, 1, 1), torch.tensor(BLUE).view(2, 1, 1)
    halves = torch.stack((torch.tensor(RED), torch.tensor(BLUE)), 1)[None, :, None]
    torch.testing.assert_close(palette_of(ab), histogram(halves)[0])
    assert float(palette_of(torch.randn(2, 37, 50) * 30).sum()) == pytest.approx(1, rel=1e-4)


def test_saturation_equals_skimage(pictures: dict[str, np.ndarray]) -> None:
    for name in ("chelsea", "coffee", "retina"):
        expected = skimage.color.rgb2hsv(pictures[name])[..., 1].mean()
        assert mean_saturation(as_tensor(pictures[name])) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(
    ("color", "expected"), [((1, 0, 0), 1.0), ((0.5, 0.5, 0.5), 0.0), ((0, 0, 0), 0.0), ((0.8, 0.4, 0.6), 0.5)]
)
def test_saturation_by_hand(color: tuple[float, float, float], expected: float) -> None:
    # (max - min) / max; black has none
    assert mean_saturation(torch.tensor(color, dtype=torch.float32).view(3, 1, 1).expand(3, 2, 2)) == pytest.approx(expected)
