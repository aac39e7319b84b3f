import pytest
import torch
from torch import Tensor

from similarity.color.lab import rgb_to_lab
from similarity.color.tones import MAX_GAIN, spread_tones, tones_of


def ramp(low: float, high: float, side: int = 100) -> Tensor:
    """Every L from low to high alike often, everywhere in the picture."""
    levels = torch.linspace(low, high, side * side)
    return levels[torch.randperm(side * side, generator=torch.Generator().manual_seed(0))].view(
        1, 1, side, side
    )


def test_full_tones_are_seen_as_they_are() -> None:
    for luminance in (ramp(0, 100), ramp(5, 90), ramp(9, 95)):
        torch.testing.assert_close(spread_tones(luminance), luminance, rtol=0, atol=0)


def test_faded_tones_by_hand() -> None:
    # the tails leave 98 % of 40: 39.2 of L around 60 become 80 around 60
    tones = tones_of(ramp(40, 80))
    assert float(tones.gain) == pytest.approx(80 / 39.2, rel=0.01)
    assert float(tones(torch.full((1, 1, 1, 1), 60.0))) == pytest.approx(60, abs=0.3)
    assert float(tones(torch.full((1, 1, 1, 1), 50.0))) == pytest.approx(
        60 - 10 * 80 / 39.2, abs=0.3
    )


def test_dark_and_bright_tones_come_towards_the_middle() -> None:
    assert float(spread_tones(ramp(0, 40)).median()) == pytest.approx(40, abs=1)
    assert float(spread_tones(ramp(60, 100)).median()) == pytest.approx(60, abs=1)


def test_noise_is_not_taken_for_tones() -> None:
    assert float(tones_of(ramp(49, 51)).gain) == MAX_GAIN == 3.0
    flat = spread_tones(torch.full((1, 1, 32, 32), 20.0))
    torch.testing.assert_close(flat, torch.full((1, 1, 32, 32), 40.0))


@pytest.mark.parametrize(
    ("contrast", "brightness"), [(0.8, 10.0), (0.5, 35.0), (0.4, 30.0), (0.6, 4.0)]
)
def test_a_faded_print_is_seen_like_the_new_one(contrast: float, brightness: float) -> None:
    new = ramp(12, 88)
    faded = spread_tones(new * contrast + brightness)
    shift = faded - spread_tones(new)
    assert float(shift.std()) < 0.5  # the middle may be another
    assert float(shift.abs().mean()) < 10.1


def test_borders_do_not_count() -> None:
    faded = ramp(40, 80)
    framed = faded.clone()
    framed[..., :9, :] = 0.0
    framed[..., -9:, :] = 100.0
    assert float(tones_of(framed).gain) == pytest.approx(float(tones_of(faded).gain), rel=0.02)
    assert spread_tones(framed).aminmax() == (0.0, 100.0)


def test_single_spots_do_not_count() -> None:
    faded = ramp(40, 80)
    spotted = faded.clone()
    spotted[..., 50, 20:60] = 0.0
    assert float(tones_of(spotted).gain) == pytest.approx(float(tones_of(faded).gain), rel=0.05)


def test_each_picture_of_a_batch_has_its_own_tones() -> None:
    pictures = torch.cat((ramp(40, 80), ramp(0, 100), ramp(0, 30)))
    together = spread_tones(pictures)
    for i in range(3):
        torch.testing.assert_close(together[i : i + 1], spread_tones(pictures[i : i + 1]))


def test_chroma_is_kept() -> None:
    lab = rgb_to_lab(
        torch.rand(2, 3, 40, 40, generator=torch.Generator().manual_seed(0)) * 0.3 + 0.3
    )
    found = spread_tones(lab)
    torch.testing.assert_close(found[:, 1:], lab[:, 1:], rtol=0, atol=0)
    assert (found[:, :1].std() / lab[:, :1].std()) > 1.5


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (3, 2)])
def test_small_pictures(size: tuple[int, int]) -> None:
    found = spread_tones(torch.rand(1, 1, *size, generator=torch.Generator().manual_seed(0)) * 100)
    assert found.shape == (1, 1, *size)
    assert torch.isfinite(found).all()
