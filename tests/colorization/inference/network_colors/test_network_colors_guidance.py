"""What is asked for, without any network."""

from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F

from colorization.inference import network_colors as module
from colorization.inference.network_colors import Guidance
from colorization.network.color_bins import NUM_BINS, ab_bins
from colorization.network.hints import Point

POINT = Point(0.4, 0.6, (40.0, -20.0))
EVEN = torch.full((NUM_BINS,), 1 / NUM_BINS)


def test_odds_by_hand() -> None:
    """A palette of one color is likelier there, at most by the limit, and unlikelier far off."""
    number = int((ab_bins() - torch.tensor([30.0, 30.0])).norm(dim=1).argmin())
    far = int((ab_bins() - torch.tensor([-60.0, 60.0])).norm(dim=1).argmin())
    odds = module._odds(F.one_hot(torch.tensor(number), NUM_BINS).float(), EVEN)
    assert float(odds[number]) > 10
    assert int(odds.argmax()) == number
    assert float(odds[far]) == pytest.approx(1 / module.PALETTE_LIMIT)
    assert float(odds.max()) <= module.PALETTE_LIMIT
    torch.testing.assert_close(module._odds(EVEN, EVEN), torch.ones(NUM_BINS))


@pytest.mark.parametrize("wrong", [(0.5, 0.5, (1.0, 2.0)), None, "red"], ids=str)
def test_something_else_among_the_points(wrong: object) -> None:
    """Type checks of the tests would refuse it first, those of people's programs are off."""
    given = SimpleNamespace(points=[POINT, wrong])
    with pytest.raises(ValueError, match=r"points: expected Point\(x, y, \(a, b\)\)"):
        Guidance.__post_init__(given)  # type: ignore[arg-type]
