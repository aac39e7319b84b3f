from itertools import product

import numpy as np
import pytest
import torch
from torch import Tensor

from colorization.network.color_bins import NUM_BINS, ab_bins, histogram
from colorization.network.colorization_network import GLOBAL_SIZE
from colorization.network.hints import (
    Point,
    global_hints,
    palette_of,
    point_distances,
    point_planes,
)

RED, BLUE = (60.0, 40.0), (20.0, -70.0)


def flat(height: int, width: int, level: float = 50.0) -> Tensor:
    return torch.full((1, height, width), level)


# Points of a user


def test_no_points_are_zero_planes() -> None:
    assert torch.equal(point_planes([], flat(4, 6)), torch.zeros(3, 4, 6))


@pytest.mark.parametrize(
    ("x", "y", "cell"),
    [
        (0.0, 0.0, (0, 0)), (1.0, 0.0, (0, 5)), (0.0, 1.0, (3, 0)), (1.0, 1.0, (3, 5)),
        (0.55, 0.6, (2, 3)), (0.45, 0.45, (1, 2)), (5 / 6 + 0.05, 0.3, (1, 5)),
        (5 / 6 - 0.05, 0.2, (0, 4)),
    ],
)  # fmt: skip
def test_a_point_is_strongest_in_the_cell_of_its_place(
    x: float, y: float, cell: tuple[int, int]
) -> None:
    planes = point_planes([Point(x, y, RED)], flat(4, 6))
    assert tuple(np.unravel_index(int(planes[2].argmax()), (4, 6))) == cell
    torch.testing.assert_close(planes[:2], torch.tensor(RED).view(2, 1, 1).expand(2, 4, 6))


def test_strength_by_hand() -> None:
    # one point reaches REACH[1] = 0.2 of the longer side, 20 cells; ALIKE = 12 units of L
    luminance = flat(100, 100)
    luminance[:, :, 60:] = 74.0
    strength = point_planes([Point(0.505, 0.505, RED)], luminance)[2]  # the centre of cell (50, 50)
    assert float(strength[50, 50]) == pytest.approx(1.0)
    assert float(strength[50, 30]) == pytest.approx(np.exp(-0.5), rel=1e-4)  # 20 cells away
    assert float(strength[70, 50]) == pytest.approx(np.exp(-0.5), rel=1e-4)
    # and 24 units brighter
    assert float(strength[50, 70]) == pytest.approx(np.exp(-0.5 - 0.5 * (24 / 12) ** 2), rel=1e-4)


def test_each_place_takes_the_nearest_color_of_its_luminance() -> None:
    luminance = flat(40, 40)
    luminance[:, :, 20:] = 90.0
    planes = point_planes([Point(0.4, 0.5, RED), Point(0.6, 0.5, BLUE)], luminance)
    torch.testing.assert_close(planes[:2, 20, 19], torch.tensor(RED), atol=1.5, rtol=0)
    torch.testing.assert_close(planes[:2, 20, 20], torch.tensor(BLUE), atol=1.5, rtol=0)


def test_more_points_reach_less_far() -> None:
    places = [(x, y) for x, y in product((0.1, 0.3, 0.5, 0.7, 0.9), repeat=2)]
    many = point_planes([Point(x, y, RED) for x, y in places], flat(50, 50))
    one = point_planes([Point(0.5, 0.5, RED)], flat(50, 50))
    assert float(many[2, 25, 30]) < float(one[2, 25, 30])


def test_reach_shrinks_with_the_root_of_the_number_of_points() -> None:
    # sixteen points at one place reach 0.4 / 4 = 0.1 of the longer side, 10 cells
    strength = point_planes([Point(0.505, 0.505, RED)] * 16, flat(100, 100))[2]
    assert float(strength[50, 40]) == pytest.approx(np.exp(-0.5), rel=1e-4)


def test_widened_points_reach_farther_in_place_and_in_luminance() -> None:
    luminance = flat(100, 100)
    luminance[:, :, 60:] = 74.0
    (distances,) = point_distances([Point(0.505, 0.505, RED)], luminance, widen=2.0)
    assert float(distances[50, 10]) == pytest.approx(0.5, rel=1e-4)  # 40 cells away
    # and 24 units brighter
    assert float(distances[50, 90]) == pytest.approx(0.5 + 0.5 * (24 / 24) ** 2, rel=1e-4)


def test_a_gray_point_is_a_hint_too() -> None:
    planes = point_planes([Point(0.5, 0.5, (0.0, 0.0))], flat(4, 4))
    assert float(planes[2].max()) > 0.5 and not planes[:2].any()


@pytest.mark.parametrize(
    ("x", "y"), [(-0.01, 0.5), (0.5, 1.01), (float("nan"), 0.5), (0.5, float("inf"))]
)
def test_points_outside_the_picture_are_refused(x: float, y: float) -> None:
    with pytest.raises(
        ValueError, match=rf"a color point must lie within the picture, .*\({x:g}, {y:g}\)"
    ):
        Point(x, y, RED)


# Global hints


def test_nothing_given_is_a_zero_vector() -> None:
    assert torch.equal(global_hints(), torch.zeros(GLOBAL_SIZE))


def test_order_by_hand() -> None:
    palette = torch.zeros(NUM_BINS)
    palette[7], palette[200] = 0.36, 0.64
    vector = global_hints(palette, 0.25, 0.5, 0.75)
    assert vector.shape == (GLOBAL_SIZE,) == (322,)
    # square roots of the shares, then their indicator, saturation, its indicator, vividness,
    # faithfulness
    expected = {7: 0.6, 200: 0.8, 313: 1.0, 314: 0.25, 315: 1.0, 316: 0.5, 317: 0.75}
    assert {int(i): pytest.approx(float(vector[i])) for i in vector[:318].nonzero()} == expected
    first, second = ab_bins()[7], ab_bins()[200]
    mean = 0.36 * first + 0.64 * second
    deviation = (0.36 * 0.64) ** 0.5 * (first - second).abs()  # of a two-point distribution
    torch.testing.assert_close(vector[318:], torch.cat((mean, deviation)) / 25)


def test_no_saturation_differs_from_a_saturation_of_zero() -> None:
    assert global_hints(saturation=0.0).nonzero().flatten().tolist() == [315]
    assert global_hints(vividness=1.0).nonzero().flatten().tolist() == [316]
    assert global_hints(faithfulness=1.0).nonzero().flatten().tolist() == [317]
    assert global_hints(torch.full((NUM_BINS,), 1 / NUM_BINS)).nonzero().flatten().tolist()[
        :314
    ] == list(range(314))


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


def test_points_may_be_numbers_of_numpy() -> None:
    luminance = torch.full((1, 8, 12), 50.0)
    place = np.array([0.25, 0.5])
    ours = point_planes(
        [Point(place[0], place[1], (np.float64(20.0), np.float64(-5.0)))], luminance
    )
    torch.testing.assert_close(ours, point_planes([Point(0.25, 0.5, (20.0, -5.0))], luminance))
