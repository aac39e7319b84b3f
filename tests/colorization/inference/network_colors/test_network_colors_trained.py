"""The bundled network behind the pipeline: what it has learned about references and none."""

from dataclasses import replace

import numpy as np
import pytest
import skimage.color

from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline

Pictures = dict[str, np.ndarray]


def ab_of(rgb: np.ndarray) -> np.ndarray:
    return skimage.color.rgb2lab(rgb)[..., 1:]


def test_luminance_is_kept(
    colorizer: ColorizationPipeline, gray_pictures: Pictures, fast: ColorizeOptions
) -> None:
    for name, gray in gray_pictures.items():
        result = colorizer.colorize(gray, [], fast)
        assert result.rgb.shape == (*gray.shape[:2], 3), name
        before = skimage.color.rgb2lab(np.dstack([gray] * 3) if gray.ndim == 2 else gray)[..., 0]
        assert np.abs(skimage.color.rgb2lab(result.rgb)[..., 0] - before).mean() < 0.3, name


def test_automatic_colors_are_colors_and_no_reference_is_named(
    colorizer: ColorizationPipeline, gray_pictures: Pictures, fast: ColorizeOptions
) -> None:
    result = colorizer.colorize(gray_pictures["coffee"], [], fast)
    assert np.abs(ab_of(result.rgb)).mean() > 2.0
    assert (result.references, result.influence) == ([], [])
    assert not result.warped_ab.any() and not result.confidence.any()
    np.testing.assert_array_equal(
        result.rgb, colorizer.colorize(gray_pictures["coffee"], None, fast).rgb
    )


def test_the_same_picture_as_reference_gives_its_colors_back(
    colorizer: ColorizationPipeline, pictures: Pictures, gray_pictures: Pictures
) -> None:
    options = ColorizeOptions(working_side=192)
    truth = pictures["coffee"]
    with_itself = np.abs(
        ab_of(colorizer.colorize(gray_pictures["coffee"], [truth], options).rgb) - ab_of(truth)
    ).mean()
    alone = np.abs(
        ab_of(colorizer.colorize(gray_pictures["coffee"], [], options).rgb) - ab_of(truth)
    ).mean()
    assert with_itself < 0.5 * alone


@pytest.mark.parametrize("reference", ["coffee", "motorcycle_right"])
def test_faithfulness_holds_for_the_same_thing_too(
    colorizer: ColorizationPipeline,
    pictures: Pictures,
    gray_pictures: Pictures,
    fast: ColorizeOptions,
    reference: str,
) -> None:
    gray = gray_pictures["coffee" if reference == "coffee" else "motorcycle_left"]
    alone = ab_of(colorizer.colorize(gray, [], fast).rgb)
    away = [
        np.abs(
            ab_of(
                colorizer.colorize(
                    gray, [pictures[reference]], replace(fast, faithfulness=asked)
                ).rgb
            )
            - alone
        ).mean()
        for asked in (0.0, 0.3, 0.6, 1.0)
    ]
    assert away[0] == 0.0
    assert away == sorted(away) and away[1] < 0.65 * away[3]


def test_saturation_scales_chroma(
    colorizer: ColorizationPipeline, gray_pictures: Pictures, fast: ColorizeOptions
) -> None:
    results = [
        colorizer.colorize(gray_pictures["rocket"], [], replace(fast, saturation=s)).rgb
        for s in (0.0, 0.5, 1.0)
    ]
    chroma = [np.abs(ab_of(rgb)).mean() for rgb in results]
    assert chroma[0] < 0.5
    assert chroma[1] == pytest.approx(chroma[2] / 2, rel=0.15)


def test_vividness_adds_color(
    colorizer: ColorizationPipeline, gray_pictures: Pictures, fast: ColorizeOptions
) -> None:
    careful, vivid = (
        [
            np.abs(ab_of(colorizer.colorize(gray, [], replace(fast, vividness=v)).rgb)).mean()
            for gray in gray_pictures.values()
        ]
        for v in (0.0, 1.0)
    )
    assert np.mean(vivid) > np.mean(careful)


# How far references are followed


def test_a_picture_of_noise_is_not_followed(
    colorizer: ColorizationPipeline,
    pictures: Pictures,
    gray_pictures: Pictures,
    fast: ColorizeOptions,
    rng: np.random.Generator,
) -> None:
    noise = rng.integers(0, 255, (96, 128, 3), dtype=np.uint8)
    noise[..., 0] |= 0xC0  # reddish
    gray = gray_pictures["coffee"]
    alone, told, shown = (
        colorizer.colorize(gray, references, fast).rgb.astype(int)
        for references in ([], [noise], [pictures["coffee"]])
    )
    assert np.abs(told - alone).mean() < 0.5 * np.abs(shown - alone).mean()


def test_a_reference_that_shows_a_part_of_the_picture_is_followed_there(
    colorizer: ColorizationPipeline, pictures: Pictures, gray_pictures: Pictures
) -> None:
    rng = np.random.default_rng(0)
    gray, truth = (p["chelsea"][:128, 32:160] for p in (gray_pictures, pictures))
    noise = rng.integers(0, 256, (128, 384), dtype=np.uint8)
    target = np.hstack((gray, noise))
    options = ColorizeOptions(working_side=192, vividness=0.0)  # vivid ones go beyond
    here = np.s_[16:112, 16:112]
    errors = [
        np.abs(ab_of(colorizer.colorize(target, references, options).rgb[:, :128]) - ab_of(truth))[
            here
        ].mean()
        for references in ([truth], [])
    ]
    assert errors[0] < 0.6 * errors[1]
