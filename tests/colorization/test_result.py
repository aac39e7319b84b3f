"""What a pipeline gives back can be read without knowing how it was made."""

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from picture_levels import deep

from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline
from colorization.result import Colorized

Pictures = dict[str, np.ndarray]


def made() -> Colorized:
    """Of nothing but what every result has."""
    pixels = np.zeros((4, 6, 3), np.uint8)
    grid = np.zeros((2, 2, 3), np.float32)
    return Colorized(pixels, grid, grid[0])


def test_a_plain_result_names_no_reference_and_tells_nothing() -> None:
    found = made()
    assert (found.references, found.influence, found.skipped, found.note) == ([], [], [], "")


def test_results_share_no_lists() -> None:
    first, second = made(), made()
    first.influence.append(0.5)
    first.skipped.append("a.jpg: the file is empty")
    assert second.influence == [] and second.skipped == []


def test_a_result_stays_what_it_is() -> None:
    found = made()
    with pytest.raises(FrozenInstanceError):
        found.note = "another"  # type: ignore[misc]


@pytest.mark.parametrize("bits", [8, 16])
def test_maps_lie_on_one_grid_and_the_picture_is_as_large_and_deep_as_the_photo(
    colorizer: ColorizationPipeline,
    gray_pictures: Pictures,
    pictures: Pictures,
    fast: ColorizeOptions,
    bits: int,
) -> None:
    gray = gray_pictures["coffee"] if bits == 8 else deep(gray_pictures["coffee"])
    prepared = colorizer.prepare(gray, [pictures["coffee"]], fast)
    found = colorizer.apply(prepared)
    assert (found.rgb.shape, found.rgb.dtype) == ((*gray.shape, 3), gray.dtype)
    assert found.warped_ab.shape == (2, *found.confidence.shape)
    assert found.confidence.shape == tuple(side // 2 for side in prepared.luminance.shape[2:])
    assert found.confidence.min() >= 0 and found.confidence.max() <= 1
    assert len(found.influence) == 1 and 0.5 < found.influence[0] <= 1
    assert found.references == []  # they were given
    assert np.abs(found.warped_ab).max() > 5


def test_without_references_nothing_is_lent(
    colorizer: ColorizationPipeline, gray_pictures: Pictures, fast: ColorizeOptions
) -> None:
    found = colorizer.colorize(gray_pictures["coffee"], [], fast)
    assert not found.warped_ab.any() and not found.confidence.any()
    assert found.influence == []


def test_recommended_references_are_those_that_were_used(
    indexed: ColorizationPipeline, gray_pictures: Pictures, fast: ColorizeOptions
) -> None:
    found = indexed.colorize(gray_pictures["coffee"], options=fast)
    assert found.references[0].path.name == "coffee.png"
    assert len(found.influence) == len(found.references) <= fast.top_k
    assert found.note == "" and found.skipped == []


def test_what_comes_from_references_follows_faithfulness_and_palette(
    pictures: Pictures, gray_pictures: Pictures, fast: ColorizeOptions
) -> None:
    """An unrelated reference gives little, however faithful; half faithful is half of it."""
    pipeline = ColorizationPipeline.load()
    gray = gray_pictures["motorcycle_left"]

    def share(
        reference: str, faithfulness: float = 1.0, palette: np.ndarray | None = None
    ) -> float:
        options = replace(fast, faithfulness=faithfulness)
        found = pipeline.colorize(gray, [pictures[reference]], options, palette=palette)
        return sum(found.influence)

    whole = share("motorcycle_right")
    assert whole > 0.9
    assert share("motorcycle_right", 0.5) == pytest.approx(whole / 2)
    assert share("motorcycle_right", 0.0) == 0.0
    assert share("motorcycle_right", palette=pictures["coffee"]) == 0.0  # which overrules it
    assert 0 <= share("hubble") < 0.5
