import pytest
import torch

from colorization.inference.pictures.tint import LEVELS, tint_at, tint_curve


def ramp() -> torch.Tensor:
    """L from 0 to 100, (1, 1, 32, 101)."""
    return torch.linspace(0, 100, 101).expand(1, 1, 32, 101)


def test_a_tint_that_depends_on_the_level_is_found_exactly() -> None:
    """ab = (L / 10, 20 - L / 5) is linear, and so is the curve between its levels."""
    level = ramp()
    lab = torch.cat((level, level / 10, 20 - level / 5), 1)
    found = tint_at(level[0], tint_curve(lab))
    torch.testing.assert_close(found, lab[0, 1:], rtol=0, atol=0.6)
    torch.testing.assert_close(found[:, :, 10:90], lab[0, 1:, :, 10:90], rtol=0, atol=0.35)


def test_a_neutral_picture_has_none() -> None:
    level = ramp()
    assert tint_curve(torch.cat((level, level * 0, level * 0), 1)).abs().max() == 0


def test_colors_of_things_average_out() -> None:
    """Half of each level is red, half is cyan: that is no tint."""
    level = ramp()
    sign = torch.ones_like(level)
    sign[:, :, ::2] = -1
    assert tint_curve(torch.cat((level, sign * 40, sign * 20), 1)).abs().max() < 1e-4


def test_levels_without_pixels_borrow_from_their_neighbours() -> None:
    level = torch.full((1, 1, 16, 16), 50.0)
    curve = tint_curve(torch.cat((level, level * 0 + 6, level * 0 + 12), 1))
    assert curve.shape == (LEVELS, 2) and torch.isfinite(curve).all()
    torch.testing.assert_close(
        curve, torch.tensor([6.0, 12.0]).expand(LEVELS, 2), rtol=0.02, atol=0
    )


@pytest.mark.parametrize("value", [-5.0, 0.0, 100.0, 120.0])
def test_the_ends_of_the_curve(value: float) -> None:
    curve = torch.arange(2 * LEVELS).view(LEVELS, 2).float()
    wanted = curve[0] if value <= 0 else curve[-1]
    torch.testing.assert_close(tint_at(torch.full((1, 1, 1), value), curve)[:, 0, 0], wanted)
