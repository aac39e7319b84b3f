"""Colors carried along features that are made so that every match is known."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from colorization.inference.color_transfer import detail_match, transfer
from colorization.inference.exact_matches import smooth_step
from colorization.inference.picture_features import PictureFeatures
from colorization.options import ColorizeOptions
from similarity.matching.correlation import correlate_pictures

ROWS, COLUMNS = 12, 16  # of the grid at stride 8
KINDS = ROWS * COLUMNS
OWN_KIND = torch.arange(KINDS).view(ROWS, COLUMNS)  # every cell shows something else
LEFT, RIGHT = slice(0, 5), slice(11, 16)  # columns far from the middle
NO_DETAIL = {"same_range": (5.0, 6.0)}  # which no cosine reaches


@pytest.fixture
def looks() -> Tensor:
    """Features of each kind of thing, nearly at right angles."""
    return torch.randn(KINDS, 256)


def described(kinds: Tensor, looks: Tensor, colors: Tensor, **others: Tensor) -> PictureFeatures:
    """A picture of cells that each show a kind of thing, at one luminance.

    Args:
        kinds: of each cell.
        looks: features of each kind.
        colors: ab of each kind.
        others: features of each kind at single layers.
    """

    def planes(layer: str) -> Tensor:
        return others.get(layer, looks)[kinds].permute(2, 0, 1)[None]

    features = {
        "relu2_2": F.interpolate(planes("relu2_2"), scale_factor=4.0),
        "relu3_4": F.interpolate(planes("relu3_4"), scale_factor=2.0),
        "relu4_4": planes("relu4_4"),
        "relu5_4": F.avg_pool2d(planes("relu5_4"), 2),
    }
    ab = F.interpolate(colors[kinds].permute(2, 0, 1)[None], scale_factor=8.0)[0]
    return PictureFeatures(torch.full((1, 1, 8 * ROWS, 8 * COLUMNS), 50.0), features, ab, 128)


def halves(left: int, right: int) -> Tensor:
    """Kinds of a picture that shows one thing at the left and one at the right."""
    kinds = torch.full((ROWS, COLUMNS), left)
    kinds[:, COLUMNS // 2 :] = right
    return kinds


def followed(
    target: PictureFeatures, reference: PictureFeatures, **ranges: tuple[float, float]
) -> Tensor:
    """How far fine matches are followed, a column of the grid at stride 8 in each column."""
    correlation = correlate_pictures(target.features, [reference.features])
    options = ColorizeOptions(**ranges)  # type: ignore[arg-type]
    _, detail = detail_match(
        target, [reference], correlation, correlation.best, options.detail_range, options.same_range
    )
    return detail[0]


def columns(planes: Tensor, which: slice) -> Tensor:
    """Columns of the grid at stride 8 from planes at half the working size."""
    return planes[..., which.start * 4 : which.stop * 4]


def test_details_are_followed_where_neighbours_match_neighbours(looks: Tensor) -> None:
    colors = torch.randn(KINDS, 2) * 30
    target = described(OWN_KIND, looks, colors)
    easy = {"same_range": (0.1, 0.2), "detail_range": (0.1, 0.2)}
    assert float(followed(target, target, **easy).min()) > 0.99
    scrambled = OWN_KIND.flatten()[torch.randperm(KINDS)].view(ROWS, COLUMNS)
    assert float(followed(target, described(scrambled, looks, colors), **easy).max()) < 0.2


def test_two_cells_that_have_changed_places_leave_no_holes(looks: Tensor) -> None:
    colors, kinds = torch.randn(KINDS, 2) * 30, OWN_KIND.clone()
    kinds[3, 3], kinds[8, 12] = OWN_KIND[8, 12], OWN_KIND[3, 3]
    easy = {"same_range": (0.1, 0.2), "detail_range": (0.1, 0.2)}
    assert (
        float(
            followed(
                described(OWN_KIND, looks, colors), described(kinds, looks, colors), **easy
            ).min()
        )
        > 0.5
    )


@pytest.mark.parametrize("differing", [("relu4_4", "relu5_4"), ("relu2_2", "relu3_4")])
def test_details_are_followed_where_coarse_and_fine_features_agree(
    looks: Tensor, differing: tuple[str, ...]
) -> None:
    """At the right the reference looks the same from far, or from near, only."""
    colors, elsewhere = torch.randn(KINDS, 2) * 30, looks.clone()
    elsewhere[OWN_KIND[:, COLUMNS // 2 :].flatten()] = torch.randn(KINDS // 2, looks.shape[1])
    reference = described(OWN_KIND, looks, colors, **dict.fromkeys(differing, elsewhere))
    target = described(OWN_KIND, looks, colors)
    detail = followed(target, reference, same_range=(0.5, 0.7))
    assert float(columns(detail, LEFT).min()) > 0.9
    assert float(columns(detail, RIGHT).max()) < 0.1
    gradual = followed(target, reference, same_range=(0.2, 0.8), detail_range=(0.2, 0.9))
    assert float(gradual.diff(dim=1).abs().max()) < 0.6  # no seam


def test_what_is_followed_in_detail_is_trusted(looks: Tensor) -> None:
    """However much the average of the competing colors says otherwise."""
    colors = torch.randn(KINDS, 2) * 30
    target = described(OWN_KIND, looks, colors)
    options = {"warp_temperature": 10.0, "caution": 5.0}
    trusted = transfer(target, [target], None, ColorizeOptions(**options, same_range=(0.1, 0.2)))  # type: ignore[arg-type]
    averaged = transfer(target, [target], None, ColorizeOptions(**options, **NO_DETAIL))  # type: ignore[arg-type]
    assert float(trusted.confidence.min()) > 0.99 > 0.5 > float(averaged.confidence.max())
    torch.testing.assert_close(trusted.warped_ab, F.avg_pool2d(target.ab, 2), atol=0.5, rtol=0)


def test_colors_on_which_references_disagree_are_held_back(looks: Tensor) -> None:
    kinds, colors = halves(0, 1), torch.zeros(KINDS, 2)
    colors[0], colors[1] = torch.tensor([40.0, 0.0]), torch.tensor([20.0, 30.0])
    other = colors.clone()
    other[1] = -other[1]
    first, second = described(kinds, looks, colors), described(kinds, looks, other)
    found = transfer(first, [first, second], None, ColorizeOptions(**NO_DETAIL))  # type: ignore[arg-type]
    assert float(columns(found.confidence, LEFT).min()) > 0.95
    assert float(columns(found.confidence, RIGHT).max()) < 0.05
    assert float(columns(found.warped_ab, RIGHT).abs().max()) < 1.0


def test_weak_matches_are_held_back(looks: Tensor) -> None:
    kinds, pale = halves(0, 1), torch.full((KINDS, 2), 4.0)
    resembling = looks.clone()
    resembling[1] = 0.6 * looks[1] + 0.8 * looks[2]
    target, reference = described(kinds, resembling, pale), described(kinds, looks, pale)
    found = transfer(target, [reference], None, ColorizeOptions(**NO_DETAIL))  # type: ignore[arg-type]
    assert float(columns(found.confidence, LEFT).min()) > 0.9
    assert float(columns(found.confidence, RIGHT).max()) < 0.8


def test_what_is_surely_gray_is_trusted(looks: Tensor) -> None:
    picture = described(halves(0, 1), looks, torch.zeros(KINDS, 2))
    found = transfer(picture, [picture], None, ColorizeOptions(**NO_DETAIL))  # type: ignore[arg-type]
    assert float(found.confidence.min()) > 0.95


def test_a_place_of_which_references_disagree_takes_the_color_around_it(looks: Tensor) -> None:
    kinds, colors = torch.zeros(ROWS, COLUMNS, dtype=torch.long), torch.zeros(KINDS, 2)
    kinds[5:7, 7:9] = 1
    colors[0], colors[1] = torch.tensor([30.0, 30.0]), torch.tensor([50.0, -50.0])
    other = colors.clone()
    other[1] = torch.tensor([-50.0, 50.0])
    first, second = described(kinds, looks, colors), described(kinds, looks, other)
    found = transfer(first, [first, second], None, ColorizeOptions(**NO_DETAIL))  # type: ignore[arg-type]
    assert float(found.warped_ab[:, 23:25, 31:33].min()) > 20.0


def test_a_lower_score_is_no_weaker_match(looks: Tensor) -> None:
    """Only the second shows what is at the right: its score says which is heard, not how sure the match is."""
    pale = torch.full((KINDS, 2), 4.0)
    target = described(halves(0, 1), looks, pale)
    references = [described(halves(0, 2), looks, pale), described(halves(3, 1), looks, pale)]
    found = transfer(target, references, [0.9, 0.4], ColorizeOptions(**NO_DETAIL))  # type: ignore[arg-type]
    assert float(columns(found.confidence, LEFT).min()) > 0.9
    assert float(columns(found.confidence, RIGHT).min()) > 0.9


def test_smooth_steps() -> None:
    values = torch.tensor([-1.0, 0.0, 0.25, 0.5, 0.75, 1.0, 2.0])
    expected = torch.tensor([0.0, 0.0, 0.15625, 0.5, 0.84375, 1.0, 1.0])
    torch.testing.assert_close(smooth_step(values, (0.0, 1.0)), expected)
    torch.testing.assert_close(smooth_step(2 * values + 3, (3.0, 5.0)), expected)
