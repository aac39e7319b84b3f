"""Regions led by given references, by hand."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from colorization.inference.regional_colors import TAKEN_FROM_TO, TAKEN_SHARE, regional_colors
from colorization.network.input_planes import ReferencePlanes
from similarity.matching.correlation import Correlation

ROWS, COLUMNS = 6, 8  # cells of stride 8; colors have four times as many a side


def planes_of(cosine: float | Tensor, lent: tuple[float, float]) -> ReferencePlanes:
    """What a reference of one color says that matches everywhere as well."""
    count = ROWS * COLUMNS
    values = torch.as_tensor(cosine).expand(ROWS, COLUMNS).reshape(1, count, 1)
    correlation = Correlation(values, (ROWS, COLUMNS), ((1, 1),))
    warped = torch.tensor(lent, dtype=torch.float32).view(1, 2, 1, 1).expand(1, 2, ROWS, COLUMNS)
    similarity = torch.zeros(1, 8, ROWS, COLUMNS)
    return ReferencePlanes(warped, similarity, correlation, torch.ones(1, count, 1))


def plain(a: float, b: float) -> Tensor:
    return torch.tensor([a, b], dtype=torch.float32).view(2, 1, 1).repeat(1, 4 * ROWS, 4 * COLUMNS)


def test_a_region_moves_towards_what_it_is_lent_up_to_its_edges() -> None:
    found = regional_colors(plain(10, 0), planes_of(0.6, (30, -20)))
    wanted = plain(10 + TAKEN_SHARE * 20, -TAKEN_SHARE * 20)
    torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("cosine", [-0.2, 0.0, 0.3])
def test_what_does_not_match_lends_nothing(cosine: float) -> None:
    ab = torch.randn(2, 4 * ROWS, 4 * COLUMNS) * 20
    assert torch.equal(regional_colors(ab, planes_of(cosine, (30, -20))), ab)


def test_details_stay() -> None:
    detail = torch.zeros(2, 4 * ROWS, 4 * COLUMNS)
    detail[0, ::2], detail[0, 1::2] = 5, -5  # stripes finer than a cell
    planes = planes_of(0.6, (30, -20))
    found = regional_colors(plain(10, 0) + detail, planes)
    torch.testing.assert_close(found, regional_colors(plain(10, 0), planes) + detail)


def test_one_wrong_match_counts_little_among_others() -> None:
    """In the middle of 5 x 5 cells it is a 25th of the region."""
    planes = planes_of(0.6, (30, 0))
    warped = planes.warped_ab.clone()
    warped[0, 0, 2, 3] = -20
    planes = replace(planes, warped_ab=warped)
    found = regional_colors(plain(30, 0), planes)
    assert float(found[0, 9, 13]) == pytest.approx(30 - TAKEN_SHARE * 50 / 25, abs=0.1)


def test_trust_grows_with_the_match() -> None:
    low, high = TAKEN_FROM_TO
    taken = [
        float(
            regional_colors(plain(0, 0), planes_of(low + share * (high - low), (20, 0)))[0].mean()
        )
        for share in (0.25, 0.5, 0.75, 1.0)
    ]
    assert 0 < taken[0] < taken[1] < taken[2] < taken[3] == pytest.approx(20 * TAKEN_SHARE)
