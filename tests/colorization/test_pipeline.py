from dataclasses import replace

import numpy as np
import pytest
import torch
from skimage.color import lab2rgb, rgb2lab

from colorization.evaluation.measures.signal import psnr
from colorization.inference import full_resolution as rendering
from colorization.inference.luminance import luminance_of
from colorization.inference.network_colors import Guidance, network_chroma
from colorization.network.pretrained import load_network
from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline
from similarity.backbone.backbone import Backbone

Pictures = dict[str, np.ndarray]


def luminance(rgb: np.ndarray) -> np.ndarray:
    """L by skimage, in float64."""
    return rgb2lab(rgb.astype(np.float64) / np.iinfo(rgb.dtype).max)[..., 0]


def deep(picture: np.ndarray) -> np.ndarray:
    return picture.astype(np.uint16) * np.uint16(257)


# --- what is kept


@pytest.mark.parametrize("name", ["motorcycle_left", "chelsea", "retina", "rocket"])
@pytest.mark.parametrize("reference", ["astronaut", "coffee"])
def test_the_luminance_of_8_bits_is_kept(
    pipeline: ColorizationPipeline,
    gray_pictures: Pictures,
    pictures: Pictures,
    fast: ColorizeOptions,
    name: str,
    reference: str,
) -> None:
    """Rounding a channel is half of 1/255; one value of gray is about 0.4 in L."""
    gray = gray_pictures[name]
    found = pipeline.colorize(gray, [pictures[reference]], replace(fast, caution=0.0)).rgb
    change = np.abs(luminance(found) - luminance(np.dstack([gray] * 3)))
    assert change.max() < 0.5
    assert change.mean() < 0.15


@pytest.mark.parametrize("name", ["motorcycle_left", "retina"])
def test_the_luminance_of_16_bits_is_kept(
    pipeline: ColorizationPipeline,
    gray_pictures: Pictures,
    pictures: Pictures,
    fast: ColorizeOptions,
    name: str,
) -> None:
    """16 bits must not pass through 8: the allowance is that of float32, a hundredth of the step of 8 bits."""
    gray = deep(gray_pictures[name]) + np.arange(gray_pictures[name].shape[1], dtype=np.uint16) % 97
    gray = np.minimum(gray, 65535).astype(np.uint16)
    found = pipeline.colorize(gray, [pictures["astronaut"]], replace(fast, caution=0.0)).rgb
    assert found.dtype == np.uint16
    change = np.abs(luminance(found) - luminance(np.dstack([gray] * 3)))
    assert change.max() < 0.02
    assert np.abs(found.astype(int) - gray[..., None]).max() > 2000  # it is colored


def test_black_and_white_stay(
    pipeline: ColorizationPipeline, pictures: Pictures, fast: ColorizeOptions
) -> None:
    gray = np.zeros((40, 60), np.uint8)
    gray[:, 30:] = 255
    found = pipeline.colorize(gray, [pictures["chelsea"]], fast).rgb
    np.testing.assert_array_equal(found, np.dstack([gray] * 3))


@pytest.mark.parametrize(
    "size", [(97, 131), (1, 1), (1, 300), (300, 1), (2, 3), (17, 400)], ids=str
)
def test_every_size_is_kept(
    pipeline: ColorizationPipeline,
    pictures: Pictures,
    fast: ColorizeOptions,
    rng: np.random.Generator,
    size: tuple[int, int],
) -> None:
    gray = rng.integers(0, 256, size, dtype=np.uint8)
    found = pipeline.colorize(gray, [pictures["coffee"]], fast)
    assert found.rgb.shape == (*size, 3)
    assert np.isfinite(found.warped_ab).all()
    assert found.confidence.shape == found.warped_ab.shape[1:]


@pytest.mark.parametrize("size", [(1, 1), (1, 200), (3, 2), (31, 33)], ids=str)
def test_references_of_every_size_work(
    pipeline: ColorizationPipeline,
    gray_pictures: Pictures,
    fast: ColorizeOptions,
    rng: np.random.Generator,
    size: tuple[int, int],
) -> None:
    reference = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    reference[..., 0] = 255  # never gray
    gray = gray_pictures["rocket"]
    assert pipeline.colorize(gray, [reference], fast).rgb.shape == (*gray.shape, 3)


# --- types


def test_the_shape_a_gray_picture_comes_in_does_not_matter(
    pipeline: ColorizationPipeline,
    gray_pictures: Pictures,
    pictures: Pictures,
    fast: ColorizeOptions,
) -> None:
    gray = gray_pictures["coffee"]
    three = np.dstack([gray] * 3)
    results = [
        pipeline.colorize(shape, [pictures["coffee"]], fast).rgb
        for shape in (
            gray,
            gray[..., None],
            three,
            np.dstack((three, 255 - gray)),
            np.asfortranarray(three),
        )
    ]
    for result in results:
        assert result.dtype == np.uint8
        np.testing.assert_array_equal(result, results[0])


def test_8_bits_16_bits_and_floats_agree(
    pipeline: ColorizationPipeline,
    gray_pictures: Pictures,
    pictures: Pictures,
    fast: ColorizeOptions,
) -> None:
    gray, references = gray_pictures["chelsea"], [pictures["chelsea"]]
    shallow = pipeline.colorize(gray, references, fast).rgb
    sixteen = pipeline.colorize(deep(gray), references, fast).rgb
    assert np.abs(sixteen / 257 - shallow).max() <= 0.6  # half a step of rounding
    for dtype in (np.float32, np.float64):
        scaled = pipeline.colorize((gray / 255).astype(dtype), references, fast).rgb
        assert scaled.dtype == np.uint16
        np.testing.assert_array_equal(scaled, sixteen)


def test_references_of_8_bits_16_bits_and_with_alpha_agree(
    pipeline: ColorizationPipeline,
    gray_pictures: Pictures,
    pictures: Pictures,
    fast: ColorizeOptions,
) -> None:
    gray, reference = gray_pictures["chelsea"], pictures["coffee"]
    wanted = pipeline.colorize(gray, [reference], fast).rgb
    with_alpha = np.dstack((reference, reference[..., 0]))
    for other in (deep(reference), with_alpha, reference.astype(np.float64) / 255):
        np.testing.assert_array_equal(pipeline.colorize(gray, [other], fast).rgb, wanted)


def test_colors_of_the_target_are_replaced(
    pipeline: ColorizationPipeline, pictures: Pictures, fast: ColorizeOptions
) -> None:
    """Only the luminance of a picture counts: in color or in the gray of the same L, the answer is the same but for rounding."""
    rgb = pictures["motorcycle_left"]
    from_color = pipeline.colorize(rgb, [pictures["chelsea"]], fast).rgb
    from_gray = pipeline.colorize(luminance_of(rgb), [pictures["chelsea"]], fast).rgb
    assert np.abs(from_color.astype(int) - from_gray).mean() < 1.5
    assert psnr(from_color, from_gray) > 35


def test_pictures_given_are_left_alone(
    pipeline: ColorizationPipeline, pictures: Pictures, fast: ColorizeOptions
) -> None:
    target, reference = pictures["chelsea"].copy(), pictures["coffee"].copy()
    pipeline.colorize(target, [reference], fast)
    np.testing.assert_array_equal(target, pictures["chelsea"])
    np.testing.assert_array_equal(reference, pictures["coffee"])


# --- what comes out


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
    monkeypatch.setattr(rendering, "STRIP_PIXELS", strip)
    strips = pipeline.colorize(gray, [pictures["motorcycle_right"]], fast).rgb.astype(int)
    assert np.abs(strips - whole).max() <= (1 if bits == 8 else 20)
    assert np.abs(strips - whole).mean() < (0.001 if bits == 8 else 0.5)


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee"])
def test_a_faded_print_gets_the_colors_of_the_new_one(
    backbone: Backbone, pictures: Pictures, name: str
) -> None:
    """At half the contrast; its own luminance is kept."""
    colorizer, options = (
        ColorizationPipeline(backbone, network=load_network(backbone)),
        ColorizeOptions(),
    )
    lightness = luminance(pictures[name])
    gray, faded = (np.rint(lab2rgb(np.dstack((level, *np.zeros((2, *level.shape))))) * 255).astype(np.uint8)
                   for level in (lightness, 35 + lightness / 2))  # fmt: skip
    new, old = (colorizer.prepare(picture, []) for picture in (gray, faded))
    assert colorizer.network is not None
    wanted, found = (
        network_chroma(colorizer.network, p.matched, Guidance(), options).ab for p in (new, old)
    )
    assert float((found - wanted).norm(dim=0).mean()) < 0.45 * float(wanted.norm(dim=0).mean())
    assert float(found.norm(dim=0).mean()) == pytest.approx(
        float(wanted.norm(dim=0).mean()), rel=0.25
    )
    assert np.abs(luminance(colorizer.apply(old).rgb) - luminance(faded)).max() < 0.5


# --- errors


def test_neither_references_nor_an_index(
    pipeline: ColorizationPipeline, gray_pictures: Pictures
) -> None:
    with pytest.raises(ValueError, match="needs an index"):
        pipeline.recommend(gray_pictures["rocket"])
    alone = ColorizeOptions(method="training-free")
    for references in (None, []):
        with pytest.raises(ValueError, match="at least one reference"):
            pipeline.colorize(gray_pictures["rocket"], references, alone)


def test_a_gray_reference_is_refused_by_number(
    pipeline: ColorizationPipeline,
    gray_pictures: Pictures,
    pictures: Pictures,
    fast: ColorizeOptions,
) -> None:
    references = [pictures["coffee"], np.dstack([gray_pictures["retina"]] * 3), pictures["rocket"]]
    with pytest.raises(ValueError, match="reference 2 of 3 is gray"):
        pipeline.colorize(gray_pictures["rocket"], references, fast)


@pytest.mark.parametrize(
    "wrong", [np.zeros((4, 4, 2), np.uint8), np.full((4, 4), np.nan), np.zeros((4, 4), np.int64)]
)
def test_wrong_pictures_are_named(
    pipeline: ColorizationPipeline, pictures: Pictures, wrong: np.ndarray
) -> None:
    with pytest.raises(ValueError, match=r"^target: "):
        pipeline.colorize(wrong, [pictures["coffee"]])
    with pytest.raises(ValueError, match=r"^reference"):
        pipeline.colorize(pictures["coffee"], [wrong])
