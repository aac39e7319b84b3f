import numpy as np
import pytest
import skimage.color
import torch

from colorization.inference import color_suggestions as suggested
from colorization.inference.color_suggestions import Suggestion, suggestions
from colorization.network.color_bins import NUM_BINS, ab_bins, rebalancing_weights
from colorization.network.colorization_network import Prediction
from colorization.network.hints import Point

EVEN = torch.full((NUM_BINS,), 1 / NUM_BINS)  # a corpus with all colors alike
MIDDLE = Point(0.5, 0.5, (0.0, 0.0))
PLAIN = torch.full((1, 32, 32), 60.0)


def number_of(a: float, b: float) -> int:
    return int((ab_bins() - torch.tensor([a, b])).norm(dim=1).argmin())


def certain(*bins: tuple[int, float]) -> Prediction:
    """The same few possible colors everywhere."""
    logits = torch.full((1, NUM_BINS, 8, 8), -30.0)
    for number, share in bins:
        logits[:, number] = float(np.log(share))
    return Prediction(torch.zeros(1, 2, 16, 16), logits)


WARM, COLD = number_of(30, 30), number_of(-10, -30)


def test_suggestions_are_the_likely_colors_in_order_of_their_share() -> None:
    bins = ab_bins()
    found = suggestions(certain((WARM, 0.7), (COLD, 0.3)), EVEN, PLAIN, MIDDLE, 2)
    assert [one.share for one in found] == pytest.approx([0.7, 0.3], abs=0.03)
    for one, number in zip(found, (WARM, COLD), strict=True):
        assert np.linalg.norm(np.array(one.ab) - bins[number].numpy()) < 2.0
        level, a, b = skimage.color.rgb2lab(np.array(one.rgb, np.uint8)[None, None])[0, 0]
        assert (level, a, b) == pytest.approx((60.0, *one.ab), abs=1.0)


def test_a_color_that_was_rare_in_training_is_as_likely_as_it_is() -> None:
    """Training let rare colors count more, which what the network says still holds."""
    prior = torch.full((NUM_BINS,), 0.1 / NUM_BINS)
    prior[COLD] += 0.9
    weights = rebalancing_weights(prior)
    likely = 0.5 / weights[WARM], 0.5 / weights[COLD]
    found = suggestions(certain((WARM, 0.5), (COLD, 0.5)), prior, PLAIN, MIDDLE, 2)
    cold, warm = (one.share for one in found)
    assert found[0].ab[1] < 0  # the common one is the likelier
    assert warm / cold == pytest.approx(float(likely[0] / likely[1]), rel=0.1)


def test_what_is_hardly_likely_is_not_suggested() -> None:
    """Training made it frequent enough to be drawn."""
    prior = torch.full((NUM_BINS,), 0.01 / NUM_BINS)
    prior[COLD] += 0.99
    (one,) = suggestions(certain((WARM, 0.02), (COLD, 0.98)), prior, PLAIN, MIDDLE, 2)
    assert one.ab[1] < 0


def test_suggestions_fit_the_gamut_of_their_luminance() -> None:
    bright = torch.full((1, 32, 32), 97.0)
    (one,) = suggestions(certain((NUM_BINS - 1, 1.0)), EVEN, bright, Point(0.1, 0.9, (0.0, 0.0)), 1)
    level = skimage.color.rgb2lab(np.array(one.rgb, np.uint8)[None, None])[0, 0, 0]
    assert level == pytest.approx(97.0, abs=0.6)
    assert np.linalg.norm(one.ab) < 40


def test_the_place_decides() -> None:
    prediction = certain((WARM, 1.0))
    prediction.logits[:, :, :, 4:] = certain((COLD, 1.0)).logits[:, :, :, 4:]
    luminance = PLAIN.clone()
    luminance[..., 16:] = 30.0
    (left,), (right,) = (
        suggestions(prediction, EVEN, luminance, Point(x, 0.5, (0.0, 0.0)), 1) for x in (0.1, 0.9)
    )
    assert left.ab[1] > 20 > -20 > right.ab[1]
    levels = [
        skimage.color.rgb2lab(np.array(one.rgb, np.uint8)[None, None])[0, 0, 0]
        for one in (left, right)
    ]
    assert levels == pytest.approx([60, 30], abs=0.6)


@pytest.mark.parametrize("place", [(0.0, 0.0), (1.0, 1.0), (0.0, 1.0)], ids=str)
def test_the_corners_are_places(place: tuple[float, float]) -> None:
    (one,) = suggestions(certain((WARM, 1.0)), EVEN, PLAIN, Point(*place, (0.0, 0.0)), 1)
    assert np.linalg.norm(np.array(one.ab) - ab_bins()[WARM].numpy()) < 2.0


def test_the_same_place_gets_the_same_suggestions() -> None:
    prediction = Prediction(torch.zeros(1, 2, 16, 16), torch.randn(1, NUM_BINS, 8, 8))
    first, again = (suggestions(prediction, EVEN, PLAIN, MIDDLE, 5) for _ in range(2))
    assert first == again
    assert first == sorted(first, key=lambda one: -one.share)
    assert sum(one.share for one in first) <= 1 + 1e-6
    assert len({one.rgb for one in first}) == len(first) <= 5


def test_what_looks_alike_is_suggested_once() -> None:
    """On black there is one color, however many the network holds possible."""
    prediction = certain((WARM, 0.5), (COLD, 0.5))
    (one,) = suggestions(prediction, EVEN, torch.zeros(1, 32, 32), MIDDLE, 4)
    assert one.rgb == (0, 0, 0)
    assert one.share == pytest.approx(1.0)


def test_what_looks_alike_is_as_likely_as_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Warm and green clusters look the same here: 0.35 + 0.25 and 0.4 + 0.25."""
    shown = suggested._shown

    def coarse(level: float, ab: np.ndarray, share: float) -> Suggestion:
        return shown(level, np.array([30.0, 30.0]) if ab[1] > 0 else ab, share)

    monkeypatch.setattr(suggested, "_shown", coarse)
    other = number_of(-40, 40)
    shares = [(COLD, 0.4), (WARM, 0.35), (other, 0.25)]
    warm, cold = suggestions(certain(*shares), EVEN, PLAIN, MIDDLE, 3)
    assert [warm.share, cold.share] == pytest.approx([0.6, 0.4], abs=0.03)
    shares = [(WARM, 0.4), (COLD, 0.35), (other, 0.25)]
    warm, cold = suggestions(certain(*shares), EVEN, PLAIN, MIDDLE, 3)
    assert [warm.share, cold.share] == pytest.approx([0.65, 0.35], abs=0.03)
    assert warm.ab[1] > 0 > cold.ab[1]


def test_colors_as_a_page_writes_them() -> None:
    assert Suggestion((255, 8, 160), (0.0, 0.0), 1.0).hex == "#ff08a0"


@pytest.mark.parametrize("count", [0, -1])
def test_count_must_be_positive(count: int) -> None:
    with pytest.raises(ValueError, match=f"positive count, not {count}"):
        suggestions(certain((WARM, 1.0)), EVEN, PLAIN, MIDDLE, count)
