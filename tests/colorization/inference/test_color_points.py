"""How far color points reach, on features that are made so that what is the same thing is known."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from colorization.inference.color_points import pointed, reach_of, towards
from colorization.inference.matching import DirectColors, ReferenceMatch
from colorization.inference.picture_features import PictureFeatures
from colorization.network.hints import Point
from colorization.options import ColorizeOptions

ROWS, COLUMNS = 12, 24  # of the grid at stride 8
SOFA, WALL, CUSHION = 0, 1, 2


@pytest.fixture
def kinds() -> Tensor:
    """A sofa at the left, a wall, and the same sofa again at the right."""
    kinds = torch.full((ROWS, COLUMNS), SOFA)
    kinds[:, 8:20] = WALL
    return kinds


def features_of(kinds: Tensor) -> dict[str, Tensor]:
    """Features by layer of cells that each show a kind of thing."""
    planes = F.one_hot(kinds, 3).float().permute(2, 0, 1)[None]
    return {
        "relu3_4": F.interpolate(planes, scale_factor=2.0),
        "relu4_4": planes,
        "relu5_4": F.avg_pool2d(planes, 2),
    }


def level_of(kinds: Tensor) -> Tensor:
    """L at half the working size: sofa and cushion are alike, the wall is brighter."""
    return F.interpolate(torch.where(kinds == WALL, 80.0, 40.0)[None, None], scale_factor=4.0)[0]


def cell(planes: Tensor, row: int, column: int) -> float:
    """The mean over a cell of the grid at stride 8."""
    return float(planes[..., 4 * row : 4 * row + 4, 4 * column : 4 * column + 4].mean())


def test_points_reach_the_same_thing_near_and_are_told_of_it_elsewhere(kinds: Tensor) -> None:
    near, reach = reach_of(
        [Point(2.5 / COLUMNS, 0.5, (40.0, 0.0))], features_of(kinds), level_of(kinds)
    )
    assert cell(near, 6, 2) > 0.9 and cell(reach, 6, 2) > 0.9
    assert cell(near, 6, 13) < 0.05 and cell(reach, 6, 13) < 0.05
    assert cell(near, 6, 22) < 0.3 and cell(reach, 6, 22) > 0.9


def test_what_any_of_several_points_is_on_is_reached(kinds: Tensor) -> None:
    points = [Point(2.5 / COLUMNS, 0.5, (40.0, 0.0)), Point(13.5 / COLUMNS, 0.5, (0.0, 40.0))]
    _, reach = reach_of(points, features_of(kinds), level_of(kinds))
    assert float(reach.mean()) > 0.9


def test_what_touches_a_point_is_reached_where_nothing_looks_alike() -> None:
    """A texture of which no two places look alike."""
    planes = torch.randn(1, 64, ROWS, COLUMNS)
    texture = {
        "relu3_4": F.interpolate(planes, scale_factor=2.0),
        "relu4_4": planes,
        "relu5_4": F.avg_pool2d(planes, 2),
    }
    near, _ = reach_of(
        [Point(4.5 / COLUMNS, 6.5 / ROWS, (40.0, 0.0))],
        texture,
        torch.full((1, 4 * ROWS, 4 * COLUMNS), 50.0),
    )
    assert cell(near, 6, 5) > 0.6
    assert cell(near, 6, 10) < 0.2


def test_what_lies_within_a_surface_belongs_to_it(kinds: Tensor) -> None:
    """Features alone take a cushion on the sofa for something else; nothing of its luminance says so."""
    point = Point(1.5 / COLUMNS, 0.5, (40.0, 0.0))
    plain, _ = reach_of([point], features_of(kinds), level_of(kinds))
    kinds[4:8, 4:8] = CUSHION
    with_cushion, _ = reach_of([point], features_of(kinds), level_of(kinds))
    assert cell(with_cushion, 5, 5) > 0.5 * cell(plain, 5, 5) > 0.1
    bright = level_of(kinds)
    bright[:, 16:32, 16:32] = 90.0  # now its luminance does
    apart, _ = reach_of([point], features_of(kinds), bright)
    assert cell(apart, 5, 5) < 0.1 * cell(plain, 5, 5)


def test_near_a_point_its_color_counts_and_away_from_all_that_of_the_reference(
    kinds: Tensor,
) -> None:
    level = level_of(kinds)
    luminance = F.interpolate(level[None], scale_factor=2.0)
    target = PictureFeatures(
        luminance, features_of(kinds), luminance.new_zeros(2, *luminance.shape[-2:]), 192
    )
    matched = ReferenceMatch(target, [], None, ColorizeOptions())
    taken, wanted = 30 * torch.randn(2, *matched.size), torch.tensor([50.0, 20.0]).view(2, 1, 1)
    direct = DirectColors(0.0, None, taken, torch.ones(1, *matched.size))
    point = Point(2.5 / COLUMNS, 6.5 / ROWS, (50.0, 20.0))
    answer = wanted.expand(2, *matched.size)
    found = pointed(torch.zeros_like(answer), answer, [point], matched, direct)
    around = found[:, 24:28, 8:12]
    assert float((around - wanted).abs().max()) < 8.0
    torch.testing.assert_close(found[:, :, 44:68], taken[:, :, 44:68], atol=1.0, rtol=0)  # the wall
    half = pointed(torch.zeros_like(answer), answer / 2, [point], matched, None)
    # though the network does not say so
    assert float((half[:, 25:27, 9:11] - wanted).abs().max()) < 2.0
    alone = pointed(torch.zeros_like(answer), answer, [point], matched, None)
    assert float((alone[:, 24:28, 8:12] - wanted).abs().max()) < 1.0
    assert float(alone[:, :, 44:68].abs().max()) < 1.0


def test_points_do_not_drive_colors_away_from_theirs() -> None:
    level = torch.full((1, 24, 32), 50.0)
    ab, change = torch.zeros(2, 24, 32), torch.zeros(2, 24, 32)
    change[0], change[1] = 20.0, 15.0
    change[:, 4:20, 12:20] *= -1  # towards the opposite color
    points = [Point(0.1, 0.5, (40.0, 30.0)), Point(0.9, 0.5, (50.0, 20.0))]
    told = torch.ones_like(level)
    kept = towards(points, ab, change, told, level)
    torch.testing.assert_close(kept[:, :, :12], change[:, :, :12])
    assert bool((kept[:, 4:20, 12:20] > 5.0).all())  # it is what it is around
    told[:, :, 12:] = 0.0  # not concerned: nothing is filled
    assert not bool(towards(points, ab, change, told, level)[:, 6:18, 13:19].any())
    level[:, :, 12:20] = 90.0  # another thing: nothing around it tells
    alone = towards(
        points,
        ab,
        torch.where(level > 60, -1.0, 1.0) * torch.tensor([20.0, 15.0])[:, None, None],
        told,
        level,
    )
    assert float(alone[:, :, 14:18].abs().max()) < 2.0
