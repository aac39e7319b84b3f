"""Exact matches on pictures that are made so that every match is known."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from painted_pictures import painted
from torch import Tensor

from colorization.inference import exact_matches as module
from colorization.inference.exact_matches import ExactColors, exact_colors
from colorization.inference.picture_features import PictureDescriber, PictureFeatures
from colorization.inference.pictures.working_size import working_lab
from similarity.backbone.backbone import Backbone
from similarity.matching.correlation import correlate
from similarity.matching.refinement import refine

ROWS, COLUMNS = 12, 16  # of the grid at stride 8
KINDS = ROWS * COLUMNS
OWN_KIND = torch.arange(KINDS).view(ROWS, COLUMNS)  # every cell shows something else
LEFT, RIGHT = slice(0, 5), slice(11, 16)  # columns far from the middle


@pytest.fixture
def known_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cosines and shares from which a match counts, whatever the product has been tuned to."""
    monkeypatch.setattr(module, "SAME_FROM_TO", (0.5, 0.7))
    monkeypatch.setattr(module, "COHERENT_FROM_TO", (0.5, 0.8))
    monkeypatch.setattr(module, "FINE_FROM_TO", (0.5, 0.75))


@pytest.fixture
def looks(known_limits: None) -> Tensor:
    """Of each kind of thing, nearly at right angles."""
    return torch.randn(KINDS, 256)


@pytest.fixture
def colors() -> Tensor:
    return torch.randn(KINDS, 2) * 30


def found_between(target: PictureFeatures, *references: PictureFeatures) -> ExactColors | None:
    correlation = correlate(target.maps, [one.maps for one in references])
    return exact_colors(target, references, correlation)


def share_between(target: PictureFeatures, reference: PictureFeatures) -> Tensor:
    found = found_between(target, reference)
    assert found is not None
    return found.share[0]


def columns(planes: Tensor, which: slice) -> Tensor:
    """Columns of the grid at stride 8 from planes at half the working size."""
    return planes[..., which.start * 4 : which.stop * 4]


def test_a_picture_lends_itself_its_own_colors(looks: Tensor, colors: Tensor) -> None:
    picture = painted(OWN_KIND, looks, colors)
    found = found_between(picture, picture)
    assert found is not None
    assert found.ab.shape == (2, 4 * ROWS, 4 * COLUMNS)
    assert float(found.share.min()) > 0.99
    torch.testing.assert_close(found.ab, F.avg_pool2d(picture.ab, 2), atol=1e-3, rtol=0)


def test_details_are_followed_where_neighbours_match_neighbours(
    looks: Tensor, colors: Tensor
) -> None:
    scrambled = OWN_KIND.flatten()[torch.randperm(KINDS)].view(ROWS, COLUMNS)
    target = painted(OWN_KIND, looks, colors)
    assert found_between(target, painted(scrambled, looks, colors)) is None


def test_two_cells_that_have_changed_places_leave_no_holes(looks: Tensor, colors: Tensor) -> None:
    kinds = OWN_KIND.clone()
    kinds[3, 3], kinds[8, 12] = OWN_KIND[8, 12], OWN_KIND[3, 3]
    share = share_between(painted(OWN_KIND, looks, colors), painted(kinds, looks, colors))
    assert float(share.min()) > 0.5


@pytest.mark.parametrize("differing", ["from far", "from near"])
def test_details_are_followed_where_coarse_and_fine_looks_agree(
    looks: Tensor, colors: Tensor, differing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the right the reference looks the same from far, or from near, only."""
    elsewhere = looks.clone()
    elsewhere[OWN_KIND[:, COLUMNS // 2 :].flatten()] = torch.randn(KINDS // 2, looks.shape[1])
    others = {"levels": [elsewhere] * 4} if differing == "from far" else {"fine": elsewhere}
    target, reference = (
        painted(OWN_KIND, looks, colors),
        painted(OWN_KIND, looks, colors, **others),  # type: ignore[arg-type]
    )
    share = share_between(target, reference)
    assert float(columns(share, LEFT).min()) > 0.9
    assert float(columns(share, RIGHT).max()) < 0.1
    monkeypatch.setattr(module, "SAME_FROM_TO", (0.2, 0.8))
    monkeypatch.setattr(module, "FINE_FROM_TO", (0.2, 0.9))
    gradual = share_between(target, reference)
    assert float(gradual.diff(dim=1).abs().max()) < 0.6  # no seam


def test_of_two_references_the_one_that_shows_it_lends(looks: Tensor, colors: Tensor) -> None:
    target = painted(OWN_KIND, looks, colors)
    strange = painted(OWN_KIND, torch.randn(KINDS, 256), -colors)
    found = found_between(target, strange, target)
    assert found is not None
    torch.testing.assert_close(found.ab, F.avg_pool2d(target.ab, 2), atol=1e-3, rtol=0)


def test_details_are_looked_for_only_where_the_same_thing_is_shown(
    looks: Tensor, colors: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def refine_and_tell(*arguments: object) -> object:
        asked.append(None)
        return refine(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "refine", refine_and_tell)
    target = painted(OWN_KIND, looks, colors)
    strange = painted(OWN_KIND, torch.randn(KINDS, 256), colors)
    assert found_between(target, strange) is None
    assert not asked
    assert found_between(target, strange, target) is not None
    assert asked


def test_photos_of_one_scene_match_exactly_and_others_do_not(
    backbone: Backbone, pictures: dict[str, np.ndarray]
) -> None:
    describe = PictureDescriber(backbone, None)
    with torch.inference_mode():
        target, same, other = (
            describe(working_lab(pictures[name], 192), 192)
            for name in ("motorcycle_left", "motorcycle_right", "retina")
        )
        assert found_between(target, other) is None
        found = found_between(target, same)
        own = found_between(target, target)
    assert found is not None and 0.03 < float(found.share.mean()) < 0.9
    assert own is not None and float(own.share.mean()) > 0.8
    assert float(found.ab.isfinite().float().min()) == 1


def test_colors_are_replaced_as_far_as_they_are_to_be_followed_by_hand() -> None:
    """Share 1/2 of 10 beside 30 is 20; at half the faithfulness, a quarter: 25."""
    exact = ExactColors(torch.full((2, 1, 2), 10.0), torch.tensor([[[0.5, 0.0]]]))
    ab = torch.full((2, 1, 2), 30.0)
    assert exact.over(ab)[0].tolist() == [[20.0, 30.0]]
    assert exact.over(ab, 0.5)[0].tolist() == [[25.0, 30.0]]
    assert torch.equal(exact.over(ab, 0.0), ab)
