import math

import numpy as np
import pytest
import torch

from colorization.inference.pictures.surface_smoothing import smooth_surfaces

FLAT = torch.full((1, 40, 60), 50.0)


def step() -> torch.Tensor:
    """Luminance with one vertical edge."""
    luminance = torch.full((1, 40, 60), 20.0)
    luminance[..., 30:] = 80.0
    return luminance


def test_one_color_stays() -> None:
    ab = torch.tensor([12.0, -7.0]).view(2, 1, 1).expand(2, 40, 60)
    torch.testing.assert_close(smooth_surfaces(ab, torch.rand(1, 40, 60) * 100, 10.0, 6.0), ab)


def test_blotches_on_a_plain_surface_are_evened_out() -> None:
    ab = torch.randn(2, 40, 60)
    smooth = smooth_surfaces(ab, FLAT, 10.0, 6.0)
    assert float(smooth.std()) < 0.2 * float(ab.std())
    torch.testing.assert_close(smooth.mean((1, 2)), ab.mean((1, 2)), atol=0.05, rtol=0)


def test_colors_do_not_cross_edges() -> None:
    ab = torch.zeros(2, 40, 60)
    ab[0, :, 30:] = 40.0
    assert float((smooth_surfaces(ab, step(), 10.0, 6.0) - ab).abs().max()) < 0.01
    assert float((smooth_surfaces(ab, FLAT, 10.0, 6.0) - ab).abs().max()) > 10.0


@pytest.mark.parametrize(
    "turn", [lambda x: x.flip(1), lambda x: x.flip(2), lambda x: x.transpose(1, 2)]
)
def test_it_is_nearly_the_same_in_every_direction(turn) -> None:  # type: ignore[no-untyped-def]
    ab, luminance = torch.randn(2, 48, 48).cumsum(1).cumsum(2) / 10, torch.rand(1, 48, 48) * 20
    there, back = (
        smooth_surfaces(turn(ab), turn(luminance), 8.0, 6.0),
        turn(smooth_surfaces(ab, luminance, 8.0, 6.0)),
    )
    assert float((there - back).square().mean().sqrt()) < 0.1 * float(ab.std())


def test_reach_is_the_standard_deviation_on_a_plain_surface() -> None:
    ab = torch.zeros(2, 1, 401)
    ab[:, 0, 200] = 1.0
    spread = smooth_surfaces(ab, torch.zeros(1, 1, 401), 20.0, 6.0)[0, 0].numpy().astype(float)
    x = np.arange(401) - 200
    assert spread.sum() == pytest.approx(1.0, abs=1e-3)
    assert np.sqrt((spread * x**2).sum()) == pytest.approx(20.0, rel=0.1)


def test_one_row_is_filtered_as_the_paper_says() -> None:
    """The recursion of its equation 21, there and back, for its three standard deviations."""
    signal, level, reach, contrast = torch.randn(12), torch.rand(12) * 30, 5.0, 6.0
    wanted = signal.tolist()
    distances = (1 + reach / contrast * level.diff().abs()).tolist()
    for i in range(3):
        sigma = reach * 3**0.5 * 2 ** (2 - i) / (4**3 - 1) ** 0.5
        share = [math.exp(-(2**0.5) / sigma) ** d for d in distances]
        for n in range(1, 12):
            wanted[n] += share[n - 1] * (wanted[n - 1] - wanted[n])
        for n in range(10, -1, -1):
            wanted[n] += share[n] * (wanted[n + 1] - wanted[n])
    found = smooth_surfaces(signal.view(1, 1, 12), level.view(1, 1, 12), reach, contrast)
    torch.testing.assert_close(found.flatten(), torch.tensor(wanted))


def test_arguments_are_not_changed() -> None:
    ab, luminance = torch.randn(2, 16, 16), torch.rand(1, 16, 16)
    kept = ab.clone()
    smooth_surfaces(ab, luminance, 5.0, 6.0)
    assert torch.equal(ab, kept)


def test_no_plane_sees_another() -> None:
    planes, level = torch.randn(3, 12, 16), torch.rand(1, 12, 16) * 40
    together = smooth_surfaces(planes, level, 5.0, 6.0)
    for plane, found in zip(planes, together, strict=True):
        torch.testing.assert_close(smooth_surfaces(plane[None], level, 5.0, 6.0)[0], found)


def test_weights_sum_to_one_everywhere() -> None:
    level = torch.rand(1, 12, 16) * 100
    ones = torch.ones(1, 12, 16)
    torch.testing.assert_close(smooth_surfaces(ones, level, 9.0, 6.0), ones)
