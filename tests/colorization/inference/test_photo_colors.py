import numpy as np
import pytest
import torch

from colorization.inference import matching
from colorization.inference.color_transfer import transferred_colors
from colorization.inference.matching import RECOMMENDED_SHARE, ReferenceMatch, match_references
from colorization.inference.network_colors import Guidance, belief_of, network_colors
from colorization.inference.photo_colors import photo_colors
from colorization.inference.pictures.paper import Paper
from colorization.network.color_bins import NUM_BINS
from colorization.network.hints import Point
from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline

Pictures = dict[str, np.ndarray]
EVEN = torch.full((NUM_BINS,), 1 / NUM_BINS)


@pytest.fixture(scope="module")
def match(colorizer: ColorizationPipeline, pictures: Pictures) -> ReferenceMatch:
    options = ColorizeOptions(working_side=96)
    return colorizer.prepare(pictures["motorcycle_left"], [pictures["coffee"]], options).match


def test_by_the_network(colorizer: ColorizationPipeline, match: ReferenceMatch) -> None:
    options = ColorizeOptions(faithfulness=0.5)
    found = photo_colors(colorizer.network, match, Guidance(), options)
    wanted = network_colors(colorizer.network, match, Guidance(), options)
    torch.testing.assert_close(found.ab, wanted)
    assert found.shares == match.shares(0.5)
    assert torch.equal(found.confidence, match.confidence)


def test_recommended_references_have_a_little_less_say(
    colorizer: ColorizationPipeline, match: ReferenceMatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matching, "LEAST_HEARD", 1e-6)  # or these two have too little in common
    belief = belief_of(colorizer.network, match.target)
    recommended = match_references(match.target, match.references, belief)
    ours, given = (
        photo_colors(colorizer.network, one, Guidance(), ColorizeOptions()).shares
        for one in (recommended, match)
    )
    # at least: given ones lead regions, too
    assert 0 < ours[0] <= RECOMMENDED_SHARE * given[0] + 1e-6


def test_a_palette_overrules_references(
    colorizer: ColorizationPipeline, match: ReferenceMatch
) -> None:
    found = photo_colors(colorizer.network, match, Guidance(palette=EVEN), ColorizeOptions())
    assert found.shares == [0.0]


def test_from_references_alone(match: ReferenceMatch) -> None:
    found = photo_colors(None, match, Guidance(), ColorizeOptions())
    warped, confidence = transferred_colors(match)
    torch.testing.assert_close(found.ab, warped * confidence)
    assert found.shares == pytest.approx([1.0])


@pytest.mark.parametrize(
    "asked", [Guidance(points=[Point(0.5, 0.5, (10.0, 10.0))]), Guidance(palette=EVEN)]
)
def test_without_the_network_points_and_palettes_are_refused(
    match: ReferenceMatch, asked: Guidance
) -> None:
    with pytest.raises(ValueError, match="takes no points or palette"):
        photo_colors(None, match, asked, ColorizeOptions())


def test_without_the_network_there_must_be_a_reference(match: ReferenceMatch) -> None:
    with pytest.raises(ValueError, match="at least one reference"):
        photo_colors(None, match_references(match.target, []), Guidance(), ColorizeOptions())


def test_the_very_same_picture_has_all_the_say_though_it_was_recommended(
    colorizer: ColorizationPipeline, pictures: Pictures
) -> None:
    options = ColorizeOptions(working_side=96)
    prepared = colorizer.prepare(pictures["coffee"], [pictures["coffee"]], options).match
    belief = belief_of(colorizer.network, prepared.target)
    match = match_references(prepared.target, prepared.references, belief)
    (share,) = photo_colors(colorizer.network, match, Guidance(), options).shares
    assert share > 0.95


def test_a_border_is_told_apart_from_its_picture(
    colorizer: ColorizationPipeline, pictures: Pictures
) -> None:
    options = ColorizeOptions(working_side=96, saturation=0.5)
    scan = np.pad(pictures["coffee"], ((40, 40), (40, 40), (0, 0)), constant_values=240)
    match = colorizer.prepare(scan, [pictures["motorcycle_left"]], options).match
    border = match.target.border
    assert border is not None
    outside = ~border.inside(match.size)

    plain = photo_colors(colorizer.network, match, Guidance(), options)
    assert plain.paper == Paper(border)
    for planes in (plain.warped_ab, plain.confidence):
        assert (planes[:, outside] == 0).all()
        assert planes[:, ~outside].abs().mean() > 0

    cream = Guidance([Point(0.02, 0.5, (0.0, 10.0)), Point(0.5, 0.02, (2.0, 20.0))])
    colored = photo_colors(colorizer.network, match, cream, options)
    assert colored.paper == Paper(border, (0.5, 7.5))
    torch.testing.assert_close(colored.ab, plain.ab)
    with pytest.raises(ValueError, match="takes no points"):
        photo_colors(None, match, cream, options)
