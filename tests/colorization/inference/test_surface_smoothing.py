import math

import numpy as np
import pytest
import torch

from colorization.inference.surface_smoothing import (
    MIXED_REACH,
    Surfaces,
    outvoted_colors,
    smooth_colors,
    smooth_surfaces,
)

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
    """The recursion of its equation 21, there and back, for each of its three standard deviations."""
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


def test_fringes_at_edges_take_the_colors_from_farther_inside() -> None:
    """Dark is blue, bright is orange, and both sides of the edge were seen mixed."""
    ab = torch.zeros(2, 40, 60)
    ab[1, :, :30], ab[1, :, 30:] = -50.0, 50.0
    truth = ab.clone()
    ab[1, :, 30 - MIXED_REACH : 30 + MIXED_REACH] = 0.0
    found, plain = (
        smooth_colors(ab, Surfaces(step()), 6.0, 6.0),
        smooth_surfaces(ab, step(), 6.0, 6.0),
    )
    assert float((found - truth).abs().max()) < 12
    assert float((plain - truth).abs().max()) > 20


def test_without_strong_edges_colors_are_evened_out_as_surfaces_are() -> None:
    ab = torch.randn(2, 40, 60)
    torch.testing.assert_close(
        smooth_colors(ab, Surfaces(FLAT), 10.0, 6.0), smooth_surfaces(ab, FLAT, 10.0, 6.0)
    )


def test_texture_that_is_nothing_but_edges_keeps_its_color() -> None:
    checks = (torch.arange(40).view(-1, 1) // 2 + torch.arange(60) // 2) % 2 * 100.0
    ab = torch.tensor([30.0, -20.0]).view(2, 1, 1).expand(2, 40, 60)
    torch.testing.assert_close(
        smooth_colors(ab, Surfaces(checks[None]), 10.0, 6.0), ab, atol=1e-3, rtol=0
    )


def test_single_wrong_colors_are_outvoted_by_their_surface() -> None:
    ab = torch.tensor([5.0, 40.0]).view(2, 1, 1).repeat(1, 40, 60)
    ab[:, 10:16, 20:27] = torch.tensor([20.0, -40.0]).view(2, 1, 1)
    found = outvoted_colors(ab, Surfaces(FLAT), 12.0, 12.0, 12.0)
    assert float((found - torch.tensor([5.0, 40.0]).view(2, 1, 1)).abs().max()) < 2
    once = smooth_colors(ab, Surfaces(FLAT), 12.0, 12.0)
    assert float((once - torch.tensor([5.0, 40.0]).view(2, 1, 1)).abs().max()) > 4


def test_other_colors_beyond_an_edge_are_not_outvoted() -> None:
    ab = torch.tensor([5.0, 40.0]).view(2, 1, 1).repeat(1, 40, 60)
    ab[:, :, 30:] = torch.tensor([20.0, -40.0]).view(2, 1, 1)
    torch.testing.assert_close(
        outvoted_colors(ab, Surfaces(step()), 12.0, 12.0, 12.0), ab, atol=0.1, rtol=0
    )


def test_colors_of_one_thing_are_not_made_alike() -> None:
    ab = (
        torch.tensor([5.0, 40.0]).view(2, 1, 1)
        + torch.randn(2, 40, 60, generator=torch.Generator().manual_seed(0)) * 2
    )
    found = outvoted_colors(ab, Surfaces(FLAT), 12.0, 12.0, 12.0)
    assert float((found - ab).square().mean().sqrt()) < 0.3


def test_surfaces_end_at_edges_of_either_sign() -> None:
    """A bright stripe and a dark one are left alike."""
    stripe = torch.full((1, 20, 40), 50.0)
    stripe[:, :, 20] = 70.0
    inside = Surfaces(stripe).inside
    torch.testing.assert_close(inside, Surfaces(100 - stripe).inside)
    # a change of L of MIXED_CONTRAST
    assert inside[0, 10, 20 - MIXED_REACH] == inside[0, 10, 20] == 0.5
    assert inside[0, 10, 20 - MIXED_REACH - 1] == 1.0
