"""What is asked for, and how vivid answers are."""

from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F

from colorization.inference import network_colors as module
from colorization.inference.matching import ReferenceMatch
from colorization.inference.network_colors import (
    Guidance,
    followed_gain,
    network_colors,
    vivid_gain,
)
from colorization.network.color_bins import NUM_BINS, ab_bins
from colorization.network.colorization_network import ColorizationNetwork
from colorization.network.hints import Point
from colorization.options import ColorizeOptions

POINT = Point(0.4, 0.6, (40.0, -20.0))
EVEN = torch.full((NUM_BINS,), 1 / NUM_BINS)


def test_the_factor_of_a_palette_by_hand() -> None:
    """A palette of one color is likelier there, at most by the limit, and unlikelier far off."""
    number = int((ab_bins() - torch.tensor([30.0, 30.0])).norm(dim=1).argmin())
    far = int((ab_bins() - torch.tensor([-60.0, 60.0])).norm(dim=1).argmin())
    odds = module._palette_factor(F.one_hot(torch.tensor(number), NUM_BINS).float(), EVEN)
    assert float(odds[number]) > 10
    assert int(odds.argmax()) == number
    assert float(odds[far]) == pytest.approx(1 / module.PALETTE_LIMIT)
    assert float(odds.max()) <= module.PALETTE_LIMIT
    torch.testing.assert_close(module._palette_factor(EVEN, EVEN), torch.ones(NUM_BINS))


@pytest.mark.parametrize("wrong", [(0.5, 0.5, (1.0, 2.0)), None, "red"], ids=str)
def test_something_else_among_the_points(wrong: object) -> None:
    """Type checks of the tests would refuse it first, those of people's programs are off."""
    given = SimpleNamespace(points=[POINT, wrong])
    with pytest.raises(ValueError, match=r"points: expected Point\(x, y, \(a, b\)\)"):
        Guidance.__post_init__(given)  # type: ignore[arg-type]


def test_the_paler_an_answer_the_more_it_gains(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chroma 10 becomes 0.8 times that and 5, which is 13; chroma 2 meets the limit."""
    monkeypatch.setattr(module, "VIVID_SHARE", 0.8)
    monkeypatch.setattr(module, "VIVID_CHROMA", 5.0)
    monkeypatch.setattr(module, "VIVID_LIMITS", (1.0, 2.0))
    colors = torch.tensor([3.0, 4.0])[:, None, None].expand(2, 6, 8)  # chroma 5
    gray = torch.full((1, 6, 8), 50.0)
    assert vivid_gain(2 * colors, gray) == pytest.approx(1.3)
    assert [vivid_gain(factor * colors, gray) for factor in (0.4, 0.0, 20.0)] == [2, 2, 1]
    # black borders count for nothing, unless all is black
    bordered, half = gray.clone(), 2 * colors.clone()
    bordered[..., :4], half[..., :4] = 0.0, 0.0
    assert vivid_gain(half, bordered) == pytest.approx(1.3)
    assert vivid_gain(2 * colors, 0 * gray) == pytest.approx(1.3)


def test_an_answer_that_is_paler_than_what_references_lend_gains(
    same: ReferenceMatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FOLLOWED_LIMITS", (1.0, 2.0))
    monkeypatch.setattr(module, "FOLLOWED_SHARE", 1.1)
    lent = same.warped_ab
    assert bool((same.trust > 0.99).all())
    assert followed_gain(lent, same) == pytest.approx(1.1, abs=1e-3)
    assert followed_gain(0.8 * lent, same) == pytest.approx(1.1 / 0.8, abs=1e-3)
    assert [followed_gain(factor * lent, same) for factor in (0.1, 3.0)] == [2.0, 1.0]


def test_a_reference_that_shows_nothing_alike_changes_nothing(
    network: ColorizationNetwork, alone: ReferenceMatch, strange: ReferenceMatch
) -> None:
    """Neither colors nor how vivid they are."""
    assert strange.followed(1.0) < 1e-3
    given, without = (
        network_colors(network, one, Guidance(), ColorizeOptions()) for one in (strange, alone)
    )
    torch.testing.assert_close(given, without, atol=0.05, rtol=0)
