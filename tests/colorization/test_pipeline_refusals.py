"""What the pipeline refuses, and how it says so."""

import numpy as np
import pytest

from colorization.network.hints import Point
from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline

Pictures = dict[str, np.ndarray]


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


@pytest.mark.parametrize("wrong", [np.zeros((4, 4, 2), np.uint8), np.full((4, 4, 3), np.nan)])
def test_a_wrong_palette_is_named(
    colorizer: ColorizationPipeline, pictures: Pictures, tiny: ColorizeOptions, wrong: np.ndarray
) -> None:
    with pytest.raises(ValueError, match=r"^palette picture: "):
        colorizer.colorize(pictures["coffee"], [], tiny, palette=wrong)


def test_one_reference_without_brackets_is_told(
    pipeline: ColorizationPipeline, pictures: Pictures, gray_pictures: Pictures
) -> None:
    with pytest.raises(ValueError, match="put the one into brackets"):
        pipeline.colorize(gray_pictures["coffee"], pictures["coffee"])  # type: ignore[arg-type]


def test_the_training_free_method_takes_no_wishes(
    pipeline: ColorizationPipeline,
    pictures: Pictures,
    gray_pictures: Pictures,
    tiny: ColorizeOptions,
) -> None:
    gray, references = gray_pictures["coffee"], [pictures["coffee"]]
    with pytest.raises(ValueError, match="takes no points or palette"):
        pipeline.colorize(gray, references, tiny, [Point(0.5, 0.5, (40.0, 0.0))])
    with pytest.raises(ValueError, match="takes no points or palette"):
        pipeline.colorize(gray, references, tiny, palette=pictures["coffee"])


def test_suggestions_need_the_network_and_a_place_in_the_picture(
    pipeline: ColorizationPipeline,
    colorizer: ColorizationPipeline,
    gray_pictures: Pictures,
    tiny: ColorizeOptions,
) -> None:
    gray = gray_pictures["coffee"]
    with pytest.raises(ValueError, match="needs the colorization network"):
        pipeline.suggest_colors(gray, 0.5, 0.5, options=tiny)
    with pytest.raises(ValueError, match=r"1\.5"):
        colorizer.suggest_colors(gray, 1.5, 0.5, options=tiny)
    with pytest.raises(ValueError, match="count"):
        colorizer.suggest_colors(gray, 0.5, 0.5, count=0, options=tiny)
    with pytest.raises(ValueError, match="on the border of the print"):
        colorizer.suggest_colors(np.pad(gray, 40, constant_values=240), 0.01, 0.5)
