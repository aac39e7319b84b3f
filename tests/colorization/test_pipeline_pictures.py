"""Pictures of every form and size, and what is kept of them."""

import numpy as np
import pytest
from picture_levels import deep, luminance
from PIL import Image

from colorization.evaluation.measures.signal import psnr
from colorization.inference.pictures.luminance import luminance_of
from colorization.network.hints import Point
from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline

Pictures = dict[str, np.ndarray]


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
    found = pipeline.colorize(gray, [pictures[reference]], fast).rgb
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
    """16 bits must not pass through 8.

    The allowance is that of float32, a hundredth of the step of 8 bits.
    """
    gray = deep(gray_pictures[name]) + np.arange(gray_pictures[name].shape[1], dtype=np.uint16) % 97
    gray = np.minimum(gray, 65535).astype(np.uint16)
    found = pipeline.colorize(gray, [pictures["astronaut"]], fast).rgb
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
    """Only the luminance of a picture counts.

    In color or in the gray of the same L, the answer is the same but for rounding.
    """
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


def test_pictures_of_pillow_are_upright_whether_targets_or_references(
    pipeline: ColorizationPipeline,
    gray_pictures: Pictures,
    pictures: Pictures,
    tiny: ColorizeOptions,
) -> None:
    gray, lender = gray_pictures["chelsea"], pictures["coffee"]
    lying = [Image.fromarray(np.rot90(picture)) for picture in (gray, lender)]
    for picture in lying:
        picture.getexif()[274] = 6  # to be turned to the right
    wanted = pipeline.colorize(gray, [lender], tiny)
    found = pipeline.colorize(lying[0], [lying[1]], tiny)
    np.testing.assert_array_equal(found.rgb, wanted.rgb)
    described = pipeline.describe(lying[1], tiny)
    np.testing.assert_array_equal(pipeline.colorize(gray, [described], tiny).rgb, wanted.rgb)


def test_the_border_of_a_print_stays_gray_or_gets_the_color_of_a_point(
    colorizer: ColorizationPipeline, gray_pictures: Pictures
) -> None:
    wide = 40
    scan = np.pad(gray_pictures["chelsea"], wide, constant_values=235)
    inner = (slice(wide + 8, -wide - 8),) * 2
    border = np.ones(scan.shape, bool)
    border[wide - 8 : -wide + 8, wide - 8 : -wide + 8] = False

    plain = colorizer.colorize(scan, []).rgb
    assert np.ptp(plain[border].astype(int), axis=1).max() == 0
    assert np.ptp(plain[inner].astype(int), axis=2).mean() > 10

    point = Point.of_color(0.01, 0.5, (0xE6, 0xD8, 0xB0))
    cream = colorizer.colorize(scan, [], points=[point]).rgb
    red, _, blue = cream[border].astype(int).mean(0)
    assert red - blue > 40
    np.testing.assert_array_equal(cream[inner], plain[inner])
