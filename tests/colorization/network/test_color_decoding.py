"""Colors from a regression and a distribution of few colors, by hand."""

import pytest
import torch
from torch import Tensor

from colorization.network import color_decoding as module
from colorization.network.color_bins import NUM_BINS, ab_bins
from colorization.network.color_decoding import likely_colors, palette_colors

EVEN = torch.ones(NUM_BINS)


@pytest.fixture(autouse=True)
def _round_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CAREFUL_TEMPERATURE", 1.0)
    monkeypatch.setattr(module, "VIVID_TEMPERATURE", 0.5)
    monkeypatch.setattr(module, "PALETTE_TEMPERATURE", 0.5)
    monkeypatch.setattr(module, "LIKELY_SHARE", 0.5)
    monkeypatch.setattr(module, "PALETTE_SHARE", 0.75)


def number_of(a: float, b: float) -> int:
    return int((ab_bins() - torch.tensor([a, b])).norm(dim=1).argmin())


def scores(odds: dict[tuple[float, float], float], cells: int = 2) -> Tensor:
    """Logits of a picture with the same few possible colors everywhere."""
    logits = torch.full((1, NUM_BINS, cells, cells), -50.0)
    for color, share in odds.items():
        logits[:, number_of(*color)] = torch.tensor(share).log()
    return logits


def color_of(ab: Tensor) -> list[float]:
    """The one color of a picture."""
    torch.testing.assert_close(ab, ab[..., :1, :1].expand_as(ab))
    return [round(value, 3) for value in ab[0, :, 0, 0].tolist()]


def plain(a: float, b: float) -> Tensor:
    """A regression of one color on a grid twice as fine as the bins'."""
    return torch.tensor([a, b]).float().view(1, 2, 1, 1).expand(1, 2, 4, 4).contiguous()


# Likely colors


@pytest.mark.parametrize(
    ("sharpness", "likely"),
    # odds of 3 to 1 become 3 to the power of 4/3, and 9, to 1
    [(0.0, (10.0, 30.0)), (0.5, (7.508, 32.492)), (1.0, (4.0, 36.0))],
)
def test_the_sharper_the_less_of_what_is_unlikely(
    sharpness: float, likely: tuple[float, float]
) -> None:
    logits = scores({(0, 40): 0.75, (40, 0): 0.25})
    found = color_of(likely_colors(plain(10, -6), logits, EVEN, sharpness))
    assert found == pytest.approx([(10 + likely[0]) / 2, (-6 + likely[1]) / 2], abs=2e-3)


def test_what_is_likely_gray_becomes_gray_and_not_pale() -> None:
    logits = scores({(0, 0): 0.75, (40, 0): 0.25})
    careful, sharp = (color_of(likely_colors(plain(0, 0), logits, EVEN, x)) for x in (0.0, 1.0))
    assert careful == [5.0, 0.0] and sharp == [2.0, 0.0]


def test_each_cell_has_its_own_sharpness() -> None:
    logits = scores({(0, 0): 0.75, (40, 0): 0.25})
    sharpness = torch.tensor([[0.0, 0.0], [1.0, 1.0]]).view(1, 1, 2, 2)
    found = likely_colors(plain(0, 0), logits, EVEN, sharpness)
    torch.testing.assert_close(found[0, 0, [0, -1], 0], torch.tensor([5.0, 2.0]))


def test_rebalancing_is_taken_back() -> None:
    weights = EVEN.clone()
    weights[number_of(40, 0)] = 3.0  # this rare color was made three times likelier than it is
    odds = scores({(0, 40): 0.5, (40, 0): 0.5})
    # 3/4 of (0, 40) and 1/4 of (40, 0) is (10, 30), and half of that beside a gray regression
    assert color_of(likely_colors(plain(0, 0), odds, weights, 0.0)) == [5.0, 15.0]


@pytest.mark.parametrize(
    ("decode", "share"),
    [(lambda ab, s: likely_colors(ab, s, EVEN, 0.5), 0.5), (palette_colors, 0.75)],
)
def test_what_is_finer_than_the_bins_comes_from_the_regression(decode, share: float) -> None:
    """A cell of bins holds four of the regression: of their mean a share is left, all of relief."""
    ab = plain(5, 5)
    ab[:, 0, ::2, ::2] += 8  # 13, 5, 5, 5: relief 6, -2, -2, -2 about 7
    found = decode(ab, scores({(0, 40): 1.0}))
    mean = 7 * (1 - share)
    wanted = torch.tensor([[mean + 6, mean - 2], [mean - 2, mean - 2]])
    torch.testing.assert_close(found[0, 0, :2, :2], wanted)
    torch.testing.assert_close(found[:, 1], torch.full((1, 4, 4), 5 + share * 35))


def test_sure_colors_stay_as_they_are() -> None:
    ab = plain(0, 40)
    assert color_of(likely_colors(ab, scores({(0, 40): 1.0}), EVEN, 1.0)) == [0.0, 40.0]
    assert color_of(palette_colors(ab, scores({(0, 40): 1.0}))) == [0.0, 40.0]


# A palette


def test_a_palette_sharpens_the_odds() -> None:
    """Shares squared are 9 to 1: (4, 36), three quarters of it beside a regression of (8, 0)."""
    found = palette_colors(plain(8, 0), scores({(0, 40): 0.75, (40, 0): 0.25}))
    assert color_of(found) == [5.0, 27.0]


def test_a_color_that_a_palette_excludes_does_not_come() -> None:
    logits = scores({(0, 40): 0.5, (40, 0): 0.5})
    logits[:, number_of(40, 0)] -= 30
    assert color_of(palette_colors(plain(0, 0), logits)) == [0.0, 30.0]


# Both


@pytest.mark.parametrize("decode", [lambda ab, s: likely_colors(ab, s, EVEN, 0.5), palette_colors])
def test_pictures_of_a_batch_do_not_see_each_other(decode) -> None:
    ab, logits = torch.randn(3, 2, 8, 4) * 30, torch.randn(3, NUM_BINS, 4, 2) * 3
    together = decode(ab, logits)
    assert together.shape == (3, 2, 8, 4)
    for i in range(3):
        torch.testing.assert_close(decode(ab[i : i + 1], logits[i : i + 1])[0], together[i])


@pytest.mark.parametrize("decode", [lambda ab, s: likely_colors(ab, s, EVEN, 0.5), palette_colors])
def test_regression_and_distribution_learn(decode) -> None:
    ab, logits = plain(3, 4).requires_grad_(), torch.randn(1, NUM_BINS, 2, 2).requires_grad_()
    decode(ab, logits).square().sum().backward()
    for given in (ab, logits):
        assert given.grad is not None and bool(given.grad.isfinite().all())
        assert float(given.grad.abs().sum()) > 0
