import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from colorization.inference.pictures.guided_upsampling import (
    apply_coefficients,
    guided_coefficients,
)


def by_loops(
    guide: np.ndarray, values: np.ndarray, weights: np.ndarray, radius: int, epsilon: float
) -> tuple[np.ndarray, np.ndarray]:
    """The weighted guided filter as defined: a weighted line fit in each window, then means."""
    height, width = guide.shape
    windows = [
        [
            (slice(max(0, y - radius), y + radius + 1), slice(max(0, x - radius), x + radius + 1))
            for x in range(width)
        ]
        for y in range(height)
    ]
    slope, offset = np.empty_like(values), np.empty_like(values)
    for y in range(height):
        for x in range(width):
            g, w = guide[windows[y][x]], weights[windows[y][x]]
            mean = np.average(g, weights=w)
            variance = np.average((g - mean) ** 2, weights=w)
            for c in range(len(values)):
                v = values[c][windows[y][x]]
                mean_v = np.average(v, weights=w)
                slope[c, y, x] = np.average((g - mean) * (v - mean_v), weights=w) / (
                    variance + epsilon
                )
                offset[c, y, x] = mean_v - slope[c, y, x] * mean
    means = [
        np.array(
            [
                [
                    [
                        np.average(p[windows[y][x]], weights=weights[windows[y][x]])
                        for x in range(width)
                    ]
                    for y in range(height)
                ]
                for p in planes
            ]
        )
        for planes in (slope, offset)
    ]
    return means[0], means[1]


@pytest.mark.parametrize("radius", [1, 2, 4])
def test_coefficients_equal_the_definition(rng: np.random.Generator, radius: int) -> None:
    guide, values = rng.uniform(0, 100, (7, 9)), rng.uniform(-60, 60, (2, 7, 9))
    weights = rng.uniform(0.05, 1, (7, 9))
    planes = [torch.from_numpy(x).float() for x in (guide[None], values, weights[None])]
    slope, offset = guided_coefficients(*planes, radius, 9.0)
    wanted_slope, wanted_offset = by_loops(guide, values, weights, radius, 9.0)
    np.testing.assert_allclose(slope.numpy(), wanted_slope, atol=1e-3)
    np.testing.assert_allclose(offset.numpy(), wanted_offset, atol=2e-2)


@pytest.mark.parametrize(
    ("weights", "epsilon", "slope", "offset"),
    [
        # mean L 5, variance 25, mean value 10, covariance 100 - 50 = 50: slope 50 / (25 + 25),
        # offset 10 - 1 * 5
        ((1.0, 1.0), 25.0, 1.0, 5.0),
        # mean L 7.5, variance 75 - 56.25, mean value 15, covariance 150 - 112.5: slope 37.5 /
        # (18.75 + 6.25), offset 15 - 11.25
        ((1.0, 3.0), 6.25, 1.5, 3.75),
    ],
)
def test_two_pixels_by_hand(
    weights: tuple[float, float], epsilon: float, slope: float, offset: float
) -> None:
    """L is 0 and 10, the value 0 and 20; both windows hold both pixels."""
    guide, values = torch.tensor([[[0.0, 10.0]]]), torch.tensor([[[0.0, 20.0]]])
    found = guided_coefficients(guide, values, torch.tensor([[weights]]), 1, epsilon)
    torch.testing.assert_close(found[0], torch.full((1, 1, 2), slope))
    torch.testing.assert_close(found[1], torch.full((1, 1, 2), offset))


def test_one_color_stays_that_color() -> None:
    guide = torch.rand(1, 12, 10) * 100
    color = torch.tensor([30.0, -20.0]).view(2, 1, 1).expand(2, 12, 10)
    slope, offset = guided_coefficients(guide, color, torch.rand(1, 12, 10) + 0.1, 3, 9.0)
    torch.testing.assert_close(slope * guide + offset, color, atol=0.05, rtol=0)


def test_distrusted_pixels_take_the_color_of_their_neighbours() -> None:
    guide = torch.rand(1, 9, 9) * 100
    values = torch.full((2, 9, 9), 25.0)
    weights = torch.ones(1, 9, 9)
    values[:, 4, 4], weights[:, 4, 4] = -80.0, 1e-5
    slope, offset = guided_coefficients(guide, values, weights, 2, 9.0)
    torch.testing.assert_close(
        slope * guide + offset, torch.full((2, 9, 9), 25.0), atol=0.05, rtol=0
    )


def test_colors_change_where_the_luminance_does() -> None:
    """A color edge two pixels beside the luminance edge is moved onto it, not blurred over it."""
    guide = torch.zeros(1, 16, 16)
    guide[..., 8:] = 80.0
    values = torch.zeros(2, 16, 16)
    values[..., 10:] = 40.0
    slope, offset = guided_coefficients(guide, values, torch.ones_like(guide), 4, 9.0)
    found = slope * guide + offset
    inside = found[:, 4:12]
    assert float((inside[..., 8] - inside[..., 7]).min()) > 15.0  # of 40
    steps = (inside[..., 1:] - inside[..., :-1]).abs().amax((0, 1))
    assert int(steps.argmax()) == 7  # the largest step is the one from column 7 to column 8


def whole(guide: Tensor, slope: Tensor, offset: Tensor) -> Tensor:
    return apply_coefficients(guide, slope, offset, slice(0, guide.shape[1]), guide.shape[1])


def test_at_the_working_size_it_is_the_line_itself() -> None:
    guide, slope, offset = torch.rand(1, 6, 8) * 100, torch.randn(2, 6, 8), torch.randn(2, 6, 8)
    torch.testing.assert_close(
        whole(guide, slope, offset), slope * guide + offset, atol=1e-3, rtol=1e-5
    )


@pytest.mark.parametrize("size", [(31, 45), (13, 7), (1, 1), (3, 500), (64, 1)], ids=str)
def test_coefficients_are_upsampled_bilinearly(size: tuple[int, int]) -> None:
    slope, offset = torch.randn(2, 6, 8), torch.randn(2, 6, 8)
    guide = torch.rand(1, *size) * 100
    upsampled = F.interpolate(
        torch.stack((slope, offset)), size=size, mode="bilinear", align_corners=False
    )
    torch.testing.assert_close(
        whole(guide, slope, offset), upsampled[0] * guide + upsampled[1], atol=2e-3, rtol=1e-5
    )


@pytest.mark.parametrize("step", [1, 4, 7, 100])
def test_strips_join_without_seams(step: int) -> None:
    slope, offset, guide = torch.randn(2, 5, 4), torch.randn(2, 5, 4), torch.rand(1, 23, 17) * 100
    strips = []
    for start in range(0, 23, step):
        rows = slice(start, min(23, start + step))
        strips.append(apply_coefficients(guide[:, rows], slope, offset, rows, 23))
    torch.testing.assert_close(
        torch.cat(strips, 1), whole(guide, slope, offset), atol=1e-4, rtol=1e-5
    )
