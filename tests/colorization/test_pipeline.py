"""What the pipeline answers."""

import numpy as np
import pytest
import torch
from picture_levels import deep, gray_of, luminance

from colorization.evaluation.measures.signal import psnr
from colorization.inference.network_colors import Guidance, network_colors
from colorization.inference.pictures import strips as strip_module
from colorization.inference.pictures.luminance import luminance_of
from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline

Pictures = dict[str, np.ndarray]


@pytest.mark.parametrize("name", ["motorcycle_left", "chelsea", "coffee", "astronaut"])
def test_the_truth_as_reference_gives_nearly_the_truth(
    pipeline: ColorizationPipeline, pictures: Pictures, name: str
) -> None:
    truth = pictures[name]
    gray = luminance_of(truth)
    found = pipeline.colorize(gray, [truth], ColorizeOptions(working_side=192)).rgb
    assert psnr(truth, found) > psnr(truth, gray) + 6
    assert psnr(truth, found) > 26


def test_another_view_of_the_scene_helps(
    pipeline: ColorizationPipeline, pictures: Pictures
) -> None:
    truth = pictures["motorcycle_left"]
    gray = luminance_of(truth)
    found = pipeline.colorize(
        gray, [pictures["motorcycle_right"]], ColorizeOptions(working_side=192)
    ).rgb
    assert psnr(truth, found) > psnr(truth, gray) + 3


def test_a_good_reference_wins_over_a_wrong_one(
    pipeline: ColorizationPipeline, pictures: Pictures, fast: ColorizeOptions
) -> None:
    truth = pictures["motorcycle_left"]
    gray = luminance_of(truth)
    found = pipeline.colorize(gray, [pictures["retina"], pictures["motorcycle_right"]], fast)
    assert found.influence[1] > 0.7
    assert sum(found.influence) == pytest.approx(1, abs=1e-4)
    assert psnr(truth, found.rgb) > psnr(truth, gray) + 2
    assert found.references == [] and found.skipped == []


def test_references_may_differ_in_size_and_type(
    pipeline: ColorizationPipeline,
    pictures: Pictures,
    gray_pictures: Pictures,
    fast: ColorizeOptions,
) -> None:
    references = [
        pictures["rocket"],
        deep(pictures["retina"])[:50],
        pictures["coffee"][:, :40] / 255,
    ]
    found = pipeline.colorize(gray_pictures["astronaut"], references, fast)
    assert len(found.influence) == 3
    assert found.rgb.shape == (*gray_pictures["astronaut"].shape, 3)


def test_nothing_is_kept_between_calls(
    pipeline: ColorizationPipeline,
    gray_pictures: Pictures,
    pictures: Pictures,
    fast: ColorizeOptions,
) -> None:
    """The same call gives the same bits, whatever was asked in between."""
    first = pipeline.colorize(gray_pictures["chelsea"], [pictures["coffee"]], fast)
    pipeline.colorize(gray_pictures["rocket"], [pictures["retina"], pictures["rocket"]], fast)
    torch.rand(7)
    again = pipeline.colorize(gray_pictures["chelsea"], [pictures["coffee"]], fast)
    np.testing.assert_array_equal(again.rgb, first.rgb)
    np.testing.assert_array_equal(again.warped_ab, first.warped_ab)
    assert again.influence == first.influence


@pytest.mark.parametrize("strip", [1, 1000, 5000])
@pytest.mark.parametrize("bits", [8, 16])
def test_the_result_does_not_depend_on_the_strips(
    pipeline: ColorizationPipeline,
    gray_pictures: Pictures,
    pictures: Pictures,
    fast: ColorizeOptions,
    monkeypatch: pytest.MonkeyPatch,
    strip: int,
    bits: int,
) -> None:
    """But for rounding: one value of 8 bits at a few pixels, some values of 16 bits."""
    gray = gray_pictures["motorcycle_left"] if bits == 8 else deep(gray_pictures["motorcycle_left"])
    whole = pipeline.colorize(gray, [pictures["motorcycle_right"]], fast).rgb.astype(int)
    monkeypatch.setattr(strip_module, "STRIP_PIXELS", strip)
    strips = pipeline.colorize(gray, [pictures["motorcycle_right"]], fast).rgb.astype(int)
    assert np.abs(strips - whole).max() <= (1 if bits == 8 else 20)
    assert np.abs(strips - whole).mean() < (0.001 if bits == 8 else 0.5)


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee"])
def test_a_faded_print_gets_the_colors_of_the_new_one(
    colorizer: ColorizationPipeline, pictures: Pictures, name: str
) -> None:
    """At half the contrast; its own luminance is kept."""
    lightness = luminance(pictures[name])
    gray, faded = gray_of(lightness), gray_of(35 + lightness / 2)
    new, old = (colorizer.prepare(picture, []) for picture in (gray, faded))
    assert colorizer.network is not None
    wanted, found = (
        network_colors(colorizer.network, p.match, Guidance(), p.options) for p in (new, old)
    )
    assert float((found - wanted).norm(dim=0).mean()) < 0.45 * float(wanted.norm(dim=0).mean())
    assert float(found.norm(dim=0).mean()) == pytest.approx(
        float(wanted.norm(dim=0).mean()), rel=0.25
    )
    assert np.abs(luminance(colorizer.apply(old).rgb) - luminance(faded)).max() < 0.5
