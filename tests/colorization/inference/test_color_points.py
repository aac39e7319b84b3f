"""How far color points reach, on features that are made so that what is the same thing is known."""

import pytest
import torch
import torch.nn.functional as F
from painted_pictures import apart, painted
from torch import Tensor

from colorization.inference.color_points import blend_points, towards
from colorization.inference.color_points import reach_of as reach_of_all
from colorization.inference.matching import ReferenceMatch
from colorization.network.color_bins import NUM_BINS, nearest_bins
from colorization.network.hints import Point
from similarity.matching.unit_maps import UnitMaps, on_grid

ROWS, COLUMNS = 12, 24  # of the grid at stride 8
UNSURE = torch.full((NUM_BINS, ROWS, COLUMNS), 1 / NUM_BINS)  # any color is likely anywhere
SOFA, WALL = 0, 1


def reach_of(points: list[Point], seen: Tensor, level: Tensor, odds: Tensor) -> Tensor:
    """Where the network colors nothing by itself."""
    told = torch.zeros(len(points), *seen.shape[1:])
    return reach_of_all(points, seen, level, odds, told)


@pytest.fixture
def kinds() -> Tensor:
    """A sofa at the left, a wall, and the same sofa again at the right."""
    kinds = torch.full((ROWS, COLUMNS), SOFA)
    kinds[:, 8:20] = WALL
    return kinds


def joined_of(kinds: Tensor) -> Tensor:
    """The map of cells that each show a kind of thing."""
    return F.normalize(apart(3), dim=1)[kinds].permute(2, 0, 1)


def level_of(kinds: Tensor) -> Tensor:
    """L at half the working size: sofa and cushion are alike, the wall is brighter."""
    return F.interpolate(torch.where(kinds == WALL, 80.0, 40.0)[None, None], scale_factor=4.0)[0]


def cell(planes: Tensor, row: int, column: int) -> float:
    """The mean over a cell of the grid at stride 8."""
    return float(planes[..., 4 * row : 4 * row + 4, 4 * column : 4 * column + 4].mean())


def test_points_reach_the_same_thing_near_and_elsewhere(kinds: Tensor) -> None:
    point = Point(2.5 / COLUMNS, 0.5, (40.0, 0.0))
    reach = reach_of([point], joined_of(kinds), level_of(kinds), UNSURE)
    assert cell(reach, 6, 2) > 0.9 and cell(reach, 6, 22) > 0.9
    assert cell(reach, 6, 13) < 0.05


def test_what_all_of_a_picture_has_in_common_is_no_kinship(kinds: Tensor) -> None:
    """As maps have that are standardised over photos: all of a dark picture is alike in that."""
    common = torch.full((1, ROWS, COLUMNS), 2.0)
    joined = F.normalize(torch.cat((joined_of(kinds), common)), dim=0)
    assert float(joined[:, 6, 2] @ joined[:, 6, 13]) > 0.6
    reach = reach_of([Point(2.5 / COLUMNS, 0.5, (40.0, 0.0))], joined, level_of(kinds), UNSURE)
    assert cell(reach, 6, 2) > 0.9
    assert cell(reach, 6, 13) < 0.05


def test_what_any_of_several_points_is_on_is_reached(kinds: Tensor) -> None:
    points = [Point(2.5 / COLUMNS, 0.5, (40.0, 0.0)), Point(13.5 / COLUMNS, 0.5, (0.0, 40.0))]
    reach = reach_of(points, joined_of(kinds), level_of(kinds), UNSURE)
    assert float(reach.mean()) > 0.9


def test_what_touches_a_point_is_reached_where_nothing_looks_alike() -> None:
    """A texture of which no two places look alike."""
    planes = torch.randn(1, 64, ROWS, COLUMNS)
    levels = [on_grid(F.avg_pool2d(planes, size), (ROWS, COLUMNS)) for size in (4, 2, 1, 1)]
    texture = UnitMaps(tuple(F.normalize(level, dim=1) for level in levels))
    reach = reach_of(
        [Point(4.5 / COLUMNS, 6.5 / ROWS, (40.0, 0.0))],
        texture.joined[0],
        torch.full((1, 4 * ROWS, 4 * COLUMNS), 50.0),
        UNSURE,
    )
    assert cell(reach, 6, 5) > 0.6
    assert cell(reach, 6, 10) < 0.2


@pytest.fixture
def match(kinds: Tensor) -> ReferenceMatch:
    """The room, without references."""
    level = torch.where(kinds == WALL, 80.0, 40.0)
    return ReferenceMatch(painted(kinds, apart(3), torch.zeros(3, 2), level=level), [])


def test_near_a_point_its_color_counts_and_elsewhere_what_was_there(match: ReferenceMatch) -> None:
    taken, wanted = 30 * torch.randn(2, *match.size), torch.tensor([50.0, 20.0]).view(2, 1, 1)
    point = Point(2.5 / COLUMNS, 6.5 / ROWS, (50.0, 20.0))
    answer = wanted.expand(2, *match.size)
    found = blend_points(taken, answer, [point], match, UNSURE)
    assert float((found[:, 24:28, 8:12] - wanted).abs().max()) < 8.0
    torch.testing.assert_close(found[:, :, 44:68], taken[:, :, 44:68], atol=1.0, rtol=0)  # the wall
    alone = blend_points(torch.zeros_like(taken), answer, [point], match, UNSURE)
    assert float((alone[:, 24:28, 8:12] - wanted).abs().max()) < 1.0
    assert float(alone[:, :, 44:68].abs().max()) < 1.0


def test_a_point_gets_its_color_though_the_network_does_not_say_so(match: ReferenceMatch) -> None:
    wanted = torch.tensor([50.0, 20.0]).view(2, 1, 1)
    point = Point(2.5 / COLUMNS, 6.5 / ROWS, (50.0, 20.0))
    half = wanted.expand(2, *match.size) / 2
    found = blend_points(torch.zeros_like(half), half, [point], match, UNSURE)
    assert float((found[:, 25:27, 9:11] - wanted).abs().max()) < 2.0


@pytest.mark.parametrize("beside", [1, 3, 20])
def test_points_beside_others_get_their_own_color(match: ReferenceMatch, beside: int) -> None:
    """Three of skin and one of a cupboard gave the cupboard a tone of skin."""
    first = Point(2.5 / COLUMNS, 6.5 / ROWS, (0.0, 0.0))
    others = [
        Point((2.5 + 0.3 * i) / COLUMNS, 8.5 / ROWS, (40.0 + i, 10.0)) for i in range(1, beside + 1)
    ]
    taken = torch.linspace(-20, 20, match.size[1]).expand(2, *match.size).contiguous()
    found = blend_points(taken, taken, [first, *others], match, UNSURE)
    for point in (first, others[-1]):
        row, column = point.cell(*match.size)
        wanted = torch.tensor(point.ab)
        torch.testing.assert_close(found[:, row, column], wanted, atol=2.0, rtol=0)


def test_what_only_the_coarsest_maps_find_alike_is_left_alone() -> None:
    """They see a face in the wall around it."""
    kinds = torch.arange(COLUMNS).div(3, rounding_mode="floor").expand(ROWS, COLUMNS)
    looks, face, wall = apart(8), 0, 1
    blurred = looks.clone()
    blurred[wall] = looks[face]
    photo = painted(kinds, looks, torch.zeros(8, 2), levels=[blurred, looks, looks, looks])
    match = ReferenceMatch(photo, [])
    answer = torch.full((2, *match.size), 30.0)
    point = Point(0.5 / COLUMNS, 6.5 / ROWS, (30.0, 30.0))
    odds = odds_of(kinds, {face: (30.0, 30.0)}, 0.2)
    found = blend_points(torch.zeros_like(answer), answer, [point], match, odds)
    assert cell(found, 6, 0) == pytest.approx(30.0, abs=2.0)
    assert abs(cell(found, 6, 4)) < 3.0


@pytest.mark.parametrize(("gone", "as_likely", "reached"), [(1, 1, 1), (0, 1, 0), (1, 0, 0)])
def test_parts_that_look_different_are_reached_where_the_network_colors_them_too(
    gone: bool, as_likely: bool, reached: bool
) -> None:
    """A suit and its sleeve: a color that is as likely there, and that the network gives them."""
    kinds = torch.arange(COLUMNS).div(6, rounding_mode="floor").expand(ROWS, COLUMNS)
    looks = apart(4)
    looks[1] = looks[1] + 0.4 * looks[0]
    photo = painted(kinds, F.normalize(looks, dim=1), torch.zeros(4, 2))
    match = ReferenceMatch(photo, [])
    orange = torch.tensor([40.0, 50.0]).view(2, 1, 1).expand(2, *match.size).clone()
    orange[:, :, 24:] *= gone
    colors = {0: (40.0, 50.0), 1: (40.0, 50.0)} if as_likely else {0: (40.0, 50.0)}
    point = Point(4.5 / COLUMNS, 0.5, (40.0, 50.0))
    odds = odds_of(kinds, colors, 0.05)
    found = blend_points(torch.zeros_like(orange), orange, [point], match, odds)
    assert cell(found[:1], 6, 1) > 25.0
    assert (cell(found[:1], 6, 7) > 20.0) is bool(reached)


def test_a_point_of_the_color_that_is_there_changes_nothing(match: ReferenceMatch) -> None:
    color = torch.tensor([12.0, -7.0]).view(2, 1, 1).expand(2, *match.size).contiguous()
    found = blend_points(color, color, [Point(0.1, 0.5, (12.0, -7.0))], match, UNSURE)
    torch.testing.assert_close(found, color, atol=1e-4, rtol=0)


def test_gray_stays_gray_around_a_gray_point(match: ReferenceMatch) -> None:
    gray = torch.zeros(2, *match.size)
    assert not blend_points(gray, gray, [Point(0.1, 0.5, (0.0, 0.0))], match, UNSURE).any()


def test_points_do_not_drive_colors_away_from_theirs() -> None:
    ab, change = torch.zeros(2, 24, 32), torch.zeros(2, 24, 32)
    change[0], change[1] = 20.0, 15.0
    change[:, 4:20, 12:20] *= -1  # towards the opposite color
    points = [Point(0.1, 0.5, (40.0, 30.0)), Point(0.9, 0.5, (50.0, 20.0))]
    kept = towards(points, ab, change)
    torch.testing.assert_close(kept[:, :, :12], change[:, :, :12])
    assert not bool(kept[:, 4:20, 12:20].any())


def odds_of(kinds: Tensor, colors: dict[int, tuple[float, float]], sure: float) -> Tensor:
    """Each kind of thing has a color with so much certainty, and any with the rest."""
    odds = torch.full((NUM_BINS, *kinds.shape), (1 - sure) / NUM_BINS)
    for kind, ab in colors.items():
        odds[nearest_bins(torch.tensor(ab)), kinds == kind] += sure
    return odds


@pytest.mark.parametrize(("sure", "is_reached"), [(0.95, False), (0.05, True)])
def test_what_is_sure_of_another_color_is_not_reached(sure: float, is_reached: bool) -> None:
    """Skin beside a dress, of which a picture of one tone shows no difference."""
    kinds = torch.zeros((ROWS, COLUMNS), dtype=torch.long)
    kinds[:, 12:] = 1
    joined = joined_of(torch.zeros_like(kinds)) + 0.01 * torch.randn(3, ROWS, COLUMNS)
    level = torch.full((1, 4 * ROWS, 4 * COLUMNS), 60.0)
    blue = Point(2.5 / COLUMNS, 0.5, (0.0, -30.0))
    odds = odds_of(kinds, {0: (0.0, -30.0), 1: (20.0, 20.0)}, sure)
    without = reach_of([blue], torch.ones_like(joined), level, UNSURE)
    found = reach_of([blue], torch.ones_like(joined), level, odds)
    assert cell(found, 6, 2) == pytest.approx(cell(without, 6, 2), abs=0.05)
    assert (cell(found, 6, 22) > 0.9 * cell(without, 6, 22)) is is_reached


def test_a_color_that_no_screen_shows_is_compared_as_it_is_shown() -> None:
    """A deep blue on white cloth is a pale one: cloth may have it, skin may not."""
    kinds = torch.zeros((ROWS, COLUMNS), dtype=torch.long)
    kinds[:, 12:] = 1
    level = torch.full((1, 4 * ROWS, 4 * COLUMNS), 92.0)
    odds = odds_of(kinds, {0: (0.0, -8.0), 1: (15.0, 18.0)}, 0.9)
    deep = Point(2.5 / COLUMNS, 0.5, (20.0, -60.0))
    flat = torch.ones(3, ROWS, COLUMNS)
    without = reach_of([deep], flat, level, UNSURE)
    found = reach_of([deep], flat, level, odds)
    assert cell(found, 6, 2) == pytest.approx(cell(without, 6, 2), abs=0.02)
    assert cell(found, 6, 22) < 0.02 < 0.1 < cell(without, 6, 22)
