"""The bundled network behind the pipeline: color points and palettes."""

from dataclasses import replace

import numpy as np
import skimage.color

from colorization.network.hints import Point
from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline

Pictures = dict[str, np.ndarray]


def ab_of(rgb: np.ndarray) -> np.ndarray:
    return skimage.color.rgb2lab(rgb)[..., 1:]


def test_a_point_colors_its_place(
    colorizer: ColorizationPipeline, gray_pictures: Pictures, fast: ColorizeOptions
) -> None:
    gray = gray_pictures["coffee"]
    height, width = gray.shape[:2]
    near = np.s_[int(0.4 * height) : int(0.6 * height), int(0.4 * width) : int(0.6 * width)]
    plain = ab_of(colorizer.colorize(gray, [], fast).rgb)
    for wanted in ((50.0, 30.0), (-30.0, 30.0), (10.0, -50.0)):
        pointed = ab_of(colorizer.colorize(gray, [], fast, [Point(0.5, 0.5, wanted)]).rgb)
        moved = (pointed - plain)[near].mean((0, 1))
        assert moved @ (np.array(wanted) - plain[near].mean((0, 1))) > 0


def test_a_point_leaves_what_is_unlike_it_alone(
    colorizer: ColorizationPipeline, fast: ColorizeOptions
) -> None:
    y, x = np.mgrid[0:160, 0:240]
    stripes = 110 + 50 * np.sin(x / 2.0)
    smooth = 110 + 20 * np.sin(y / 60.0)
    gray = np.where(x < 120, stripes, smooth).astype(np.uint8)
    before = ab_of(colorizer.colorize(gray, [], fast).rgb)
    after = ab_of(colorizer.colorize(gray, [], fast, [Point(0.25, 0.5, (55.0, 35.0))]).rgb)
    change = np.abs(after - before).mean(2)
    assert change[60:100, 40:80].mean() > 15  # at the point
    assert change[:, 160:].mean() < 0.3 * change[60:100, 40:80].mean()


def test_a_point_on_a_thing_leaves_the_plain_background_near_it_alone(
    colorizer: ColorizationPipeline, fast: ColorizeOptions
) -> None:
    y, x = np.mgrid[0:192, 0:192]
    is_thing = (abs(x - 96) < 40) & (abs(y - 96) < 40)
    gray = np.where(is_thing, 130 + 60 * np.sign(np.sin(x / 3.0) * np.sin(y / 3.0)), 130).astype(
        np.uint8
    )
    plain, pointed = (
        ab_of(colorizer.colorize(gray, [], fast, points).rgb)
        for points in ([], [Point(0.5, 0.5, (60.0, 50.0))])
    )
    moved = np.linalg.norm(pointed - plain, axis=2)
    background = (abs(x - 96) > 56) & (abs(y - 96) < 40)
    assert moved[background].mean() < 0.3 * moved[is_thing].mean()


def test_a_point_leaves_the_reference_where_it_does_not_reach(
    colorizer: ColorizationPipeline, pictures: Pictures, gray_pictures: Pictures
) -> None:
    gray, truth, options = (
        gray_pictures["coffee"],
        pictures["coffee"],
        ColorizeOptions(working_side=192),
    )
    x, y, wanted = 0.1, 0.12, (-12.0, 10.0)
    plain, pointed, alone = (
        ab_of(colorizer.colorize(gray, references, options, points).rgb)
        for references, points in (([truth], []), ([truth], [Point(x, y, wanted)]), ([], []))
    )
    height, width = gray.shape[:2]
    row, column = int(y * height), int(x * width)
    assert np.abs(pointed - np.array(wanted))[row - 2 : row + 3, column - 2 : column + 3].mean() < 6
    far = np.s_[height // 2 :, width // 2 :]
    kept, lost = np.abs(pointed - plain)[far].mean(), np.abs(alone - plain)[far].mean()
    assert kept < 0.3 * lost


def test_a_palette_moves_the_colors_towards_it(
    colorizer: ColorizationPipeline, gray_pictures: Pictures, fast: ColorizeOptions
) -> None:
    gray = gray_pictures["coffee"]
    means = []
    for color in ((200, 60, 40), (40, 80, 200)):
        palette = np.tile(np.array(color, np.uint8), (64, 64, 1))
        means.append(ab_of(colorizer.colorize(gray, [], fast, palette=palette).rgb).mean((0, 1)))
    # b: the warm palette gives warmer pictures than the blue one
    assert means[0][1] > means[1][1] + 2.0


def test_a_palette_overrules_a_reference(
    colorizer: ColorizationPipeline, pictures: Pictures, fast: ColorizeOptions
) -> None:
    """Even the very same picture, whose colors would be taken as they are."""
    truth, palette = pictures["coffee"], pictures["rocket"]
    gray = truth[..., 1]
    both, alone = (
        ab_of(colorizer.colorize(gray, lent, fast, palette=palette).rgb) for lent in ([truth], [])
    )
    reference = ab_of(colorizer.colorize(gray, [truth], fast).rgb)
    assert np.abs(both - alone).mean() < 0.5 * np.abs(both - reference).mean()


def test_a_palette_counts_in_a_careful_answer_too(
    colorizer: ColorizationPipeline, gray_pictures: Pictures, fast: ColorizeOptions
) -> None:
    palette = np.tile(np.array((200, 60, 40), np.uint8), (64, 64, 1))
    gray, careful = gray_pictures["coffee"], replace(fast, vividness=0.0)
    vivid, shy, without = (
        ab_of(colorizer.colorize(gray, [], options, palette=given).rgb).mean((0, 1))
        for options, given in ((fast, palette), (careful, palette), (careful, None))
    )
    assert np.abs(shy - without).mean() > 0.9 * np.abs(vivid - without).mean()
