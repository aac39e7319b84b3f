"""The training-free colorizer, on photos and on pictures of which every match is known."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from painted_pictures import painted
from torch import Tensor

from colorization.inference import color_transfer as module
from colorization.inference import exact_matches
from colorization.inference.color_transfer import transferred_colors
from colorization.inference.matching import match_references
from colorization.inference.picture_features import PictureDescriber, PictureFeatures
from colorization.inference.pictures.working_size import working_lab
from similarity.backbone.backbone import Backbone

Answer = tuple[Tensor, Tensor]
ROWS, COLUMNS = 12, 16  # of the grid at stride 8
KINDS = ROWS * COLUMNS
LEFT, RIGHT = slice(0, 5), slice(11, 16)  # columns far from the middle


@pytest.fixture(scope="module")
def seen(backbone: Backbone, pictures: dict[str, np.ndarray]) -> dict[str, PictureFeatures]:
    """Photos as the default backbone sees them."""
    describe = PictureDescriber(backbone, None)
    names = ("motorcycle_left", "motorcycle_right", "chelsea", "retina")
    with torch.inference_mode():
        return {name: describe(working_lab(pictures[name], 96), 96) for name in names}


@pytest.fixture
def no_details(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is an exact match: no cosine reaches that."""
    monkeypatch.setattr(exact_matches, "SAME_FROM_TO", (5.0, 6.0))


@pytest.fixture
def looks() -> Tensor:
    """Of each kind of thing, nearly at right angles."""
    return torch.randn(KINDS, 256)


def run(target: PictureFeatures, *references: PictureFeatures) -> Answer:
    with torch.inference_mode():
        return transferred_colors(match_references(target, references))


def halves(left: int, right: int) -> Tensor:
    """Kinds of a picture that shows one thing at the left and one at the right."""
    kinds = torch.full((ROWS, COLUMNS), left)
    kinds[:, COLUMNS // 2 :] = right
    return kinds


def columns(planes: Tensor, which: slice) -> Tensor:
    """Columns of the grid at stride 8 from planes at half the working size."""
    return planes[..., which.start * 4 : which.stop * 4]


# Photos


def test_shapes_and_ranges(seen: dict[str, PictureFeatures]) -> None:
    target = seen["motorcycle_left"]
    ab, confidence = run(target, seen["chelsea"], seen["retina"], seen["motorcycle_right"])
    half = target.luminance.shape[2] // 2, target.luminance.shape[3] // 2
    assert ab.shape == (2, *half)
    assert confidence.shape == (1, *half)
    assert bool(ab.isfinite().all())
    assert 0 <= float(confidence.min()) <= float(confidence.max()) <= 1 + 1e-6


@pytest.mark.parametrize("name", ["motorcycle_left", "chelsea", "retina"])
def test_a_target_that_is_its_own_reference_gets_its_own_colors(
    seen: dict[str, PictureFeatures], name: str
) -> None:
    picture = seen[name]
    ab, confidence = run(picture, picture)
    own = F.avg_pool2d(picture.ab, 2)
    error = (ab - own).norm(dim=0)
    spread = (own - own.mean((1, 2), keepdim=True)).norm(dim=0)
    assert float(error.mean()) < 0.35 * float(spread.mean())
    assert float(confidence.mean()) > 0.9


def test_one_color_is_carried_over_as_it_is(
    seen: dict[str, PictureFeatures], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Averages of equal colors are that color; references that agree leave no doubt."""
    monkeypatch.setattr(module, "WEAK", 0.0)  # but that of weak matches
    color = torch.tensor([25.0, -40.0]).view(2, 1, 1)
    references = [
        replace(seen[name], ab=color.expand_as(seen[name].ab).contiguous())
        for name in ("chelsea", "retina")
    ]
    ab, confidence = run(seen["motorcycle_left"], *references)
    torch.testing.assert_close(ab, color.expand_as(ab).contiguous(), atol=0.1, rtol=0)
    torch.testing.assert_close(confidence, torch.ones_like(confidence), atol=1e-2, rtol=0)


def test_references_without_color_carry_none(seen: dict[str, PictureFeatures]) -> None:
    gray = replace(seen["chelsea"], ab=torch.zeros_like(seen["chelsea"].ab))
    ab, _ = run(seen["retina"], gray)
    assert float(ab.abs().max()) < 1e-3


def test_more_caution_holds_more_back(
    seen: dict[str, PictureFeatures], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for caution in (0.0, 0.5, 2.0, 8.0):
        monkeypatch.setattr(module, "CAUTION", caution)
        _, confidence = run(seen["motorcycle_left"], seen["chelsea"], seen["retina"])
        found.append(float(confidence.mean()))
    assert found[0] == pytest.approx(1.0, abs=1e-3)  # without any, nothing is held back
    assert found == sorted(found, reverse=True)
    assert found[-1] < found[0] - 0.1


def test_a_reference_of_the_same_scene_is_trusted_more(seen: dict[str, PictureFeatures]) -> None:
    same, other = (
        run(seen["motorcycle_left"], seen[name])[1].mean()
        for name in ("motorcycle_right", "retina")
    )
    assert float(same) > float(other)


def test_the_same_input_gives_the_same_bits(seen: dict[str, PictureFeatures]) -> None:
    first, second = (run(seen["chelsea"], seen["retina"], seen["motorcycle_left"]) for _ in "ab")
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


def test_there_must_be_a_reference(seen: dict[str, PictureFeatures]) -> None:
    with pytest.raises(ValueError, match="at least one reference"):
        run(seen["retina"])


# Painted pictures


def test_what_is_followed_in_detail_is_trusted(
    looks: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much the average of the competing colors says otherwise."""
    kinds = torch.arange(KINDS).view(ROWS, COLUMNS)  # every cell shows something else
    picture = painted(kinds, looks, torch.randn(KINDS, 2) * 30)
    monkeypatch.setattr("colorization.network.input_planes.WARP_TEMPERATURE", 10.0)
    monkeypatch.setattr(module, "CAUTION", 5.0)
    ab, confidence = run(picture, picture)
    assert float(confidence.min()) > 0.99
    torch.testing.assert_close(ab, F.avg_pool2d(picture.ab, 2), atol=0.5, rtol=0)
    monkeypatch.setattr(exact_matches, "SAME_FROM_TO", (5.0, 6.0))
    assert float(run(picture, picture)[1].max()) < 0.5


@pytest.mark.usefixtures("no_details")
def test_colors_on_which_references_disagree_are_held_back(looks: Tensor) -> None:
    kinds, colors = halves(0, 1), torch.zeros(KINDS, 2)
    colors[0], colors[1] = torch.tensor([40.0, 0.0]), torch.tensor([20.0, 30.0])
    other = colors.clone()
    other[1] = -other[1]
    first, second = painted(kinds, looks, colors), painted(kinds, looks, other)
    ab, confidence = run(first, first, second)
    assert float(columns(confidence, LEFT).min()) > 0.95
    assert float(columns(confidence, RIGHT).max()) < 0.05
    assert float(columns(ab, RIGHT).abs().max()) < 1.0


@pytest.mark.usefixtures("no_details")
def test_weak_matches_are_held_back(looks: Tensor) -> None:
    kinds, pale = halves(0, 1), torch.full((KINDS, 2), 4.0)
    resembling = F.normalize(looks, dim=1)
    resembling[1] = 0.6 * resembling[1] + 0.8 * resembling[2]
    target, reference = painted(kinds, resembling, pale), painted(kinds, looks, pale)
    _, confidence = run(target, reference)
    assert float(columns(confidence, LEFT).min()) > 0.9
    assert float(columns(confidence, RIGHT).max()) < 0.8


@pytest.mark.usefixtures("no_details")
def test_what_is_surely_gray_is_trusted(looks: Tensor) -> None:
    picture = painted(halves(0, 1), looks, torch.zeros(KINDS, 2))
    ab, confidence = run(picture, picture)
    assert not ab.any()
    assert float(confidence.min()) > 0.95


@pytest.mark.usefixtures("no_details")
def test_a_place_of_which_references_disagree_takes_the_color_around_it(looks: Tensor) -> None:
    kinds, colors = torch.zeros(ROWS, COLUMNS, dtype=torch.long), torch.zeros(KINDS, 2)
    kinds[5:7, 7:9] = 1
    colors[0], colors[1] = torch.tensor([30.0, 30.0]), torch.tensor([50.0, -50.0])
    other = colors.clone()
    other[1] = torch.tensor([-50.0, 50.0])
    first, second = painted(kinds, looks, colors), painted(kinds, looks, other)
    ab, _ = run(first, first, second)
    assert float(ab[:, 23:25, 31:33].min()) > 20.0
