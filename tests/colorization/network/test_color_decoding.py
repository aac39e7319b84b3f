"""Careful and bold colors from a regression and a distribution of few colors, by hand."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from colorization.network.color_bins import NUM_BINS, ab_bins
from colorization.network.color_decoding import decode
from colorization.options import ColorizeOptions

EVEN = torch.ones(NUM_BINS)
OPTIONS = ColorizeOptions(expected_share=0.5, temperature=0.5)


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


def test_careful_is_halfway_between_the_regression_and_the_mean() -> None:
    ab = torch.tensor([10.0, -6.0]).view(1, 2, 1, 1).expand(1, 2, 4, 4)
    found = decode(ab, scores({(0, 40): 0.75, (40, 0): 0.25}), EVEN, 0.0, OPTIONS)
    assert color_of(found) == [10.0, 12.0]  # between (10, -6) and (10, 30)


def test_bold_is_the_annealed_mean() -> None:
    ab = torch.full((1, 2, 4, 4), 90.0)
    found = decode(ab, scores({(0, 40): 0.75, (40, 0): 0.25}), EVEN, 1.0, OPTIONS)
    assert color_of(found) == [4.0, 36.0]  # shares squared: 9 to 1


def test_between_careful_and_bold() -> None:
    ab = torch.tensor([10.0, -6.0]).view(1, 2, 1, 1).expand(1, 2, 4, 4)
    found = decode(ab, scores({(0, 40): 0.75, (40, 0): 0.25}), EVEN, 0.25, OPTIONS)
    assert color_of(found) == [8.5, 18.0]


def test_rebalancing_is_taken_back_in_the_mean_alone() -> None:
    weights = EVEN.clone()
    weights[number_of(40, 0)] = 3.0  # this rare color was made three times likelier than it is
    odds = scores({(0, 40): 0.5, (40, 0): 0.5})
    only_mean = replace(OPTIONS, expected_share=1.0)
    assert color_of(decode(torch.zeros(1, 2, 4, 4), odds, weights, 0.0, only_mean)) == [10.0, 30.0]
    assert color_of(decode(torch.zeros(1, 2, 4, 4), odds, weights, 1.0, only_mean)) == [20.0, 20.0]


def test_without_a_share_the_regression_stays_as_it_is() -> None:
    ab = torch.randn(2, 2, 4, 4, generator=torch.Generator().manual_seed(0)) * 30
    logits = scores({(0, 40): 1.0}).expand(2, -1, -1, -1)
    assert torch.equal(decode(ab, logits, EVEN, 0.0, replace(OPTIONS, expected_share=0.0)), ab)


def test_each_picture_of_a_batch_has_its_own_boldness() -> None:
    logits = scores({(0, 40): 0.75, (40, 0): 0.25}).expand(2, -1, -1, -1)
    found = decode(torch.zeros(2, 2, 4, 4), logits, EVEN, torch.tensor([0.0, 1.0]), OPTIONS)
    assert color_of(found[:1]) == [5.0, 15.0]
    assert color_of(found[1:]) == [4.0, 36.0]


@pytest.mark.parametrize("boldness", [0.0, 1.0])
def test_the_distribution_learns_and_a_detached_regression_does_not(boldness: float) -> None:
    logits = scores({(0, 40): 0.75, (40, 0): 0.25}).requires_grad_()
    decode(torch.zeros(1, 2, 4, 4), logits, EVEN, boldness, OPTIONS).square().sum().backward()
    assert logits.grad is not None and float(logits.grad.abs().sum()) > 0
