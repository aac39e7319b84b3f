"""What a caller may choose: references, an index, points, a palette, and what is held ready."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_network import tiny_network

from colorization.inference.pictures.picture_arrays import as_rgb
from colorization.network.hints import Point
from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline
from retrieval.building.changes import BuildReport
from retrieval.search.photo_index import PhotoIndex
from similarity.backbone.backbone import Backbone

Pictures = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def library(backbone: Backbone, index_dir: Path) -> ColorizationPipeline:
    """With a network that was never trained, and an index."""
    return ColorizationPipeline(backbone, PhotoIndex.open(index_dir), tiny_network())


@pytest.fixture
def own(
    backbone: Backbone, build: Callable[..., BuildReport], tmp_path: Path, photo_dir: Path
) -> ColorizationPipeline:
    """With an index of photos that a test may change."""
    build(photo_dir, tmp_path / "index")
    return ColorizationPipeline(backbone, PhotoIndex.open(tmp_path / "index"))


# References


def test_no_references_are_recommended_and_an_empty_list_uses_none(
    library: ColorizationPipeline, gray_pictures: Pictures, tiny: ColorizeOptions
) -> None:
    gray = gray_pictures["motorcycle_left"]
    recommended = library.colorize(gray, None, replace(tiny, top_k=2))
    assert [r.path.stem for r in recommended.references] == [
        r.path.stem for r in library.recommend(gray, 2)
    ]
    assert len(recommended.influence) == 2 and recommended.warped_ab.any()
    alone = library.colorize(gray, [], tiny)
    assert alone.references == [] and alone.influence == []
    assert not alone.warped_ab.any() and not alone.confidence.any()
    assert (alone.rgb != recommended.rgb).any()


def test_without_an_index_nothing_is_recommended(
    backbone: Backbone, gray_pictures: Pictures, tiny: ColorizeOptions
) -> None:
    single = ColorizationPipeline(backbone, None, tiny_network())
    assert single.index is None
    unasked = single.colorize(gray_pictures["coffee"], None, tiny)
    assert unasked.references == []
    np.testing.assert_array_equal(
        unasked.rgb, single.colorize(gray_pictures["coffee"], [], tiny).rgb
    )


@pytest.mark.parametrize("form", ["path", "text", "PIL", "described", "iterator"])
def test_every_form_of_a_reference_gives_the_same(
    pipeline: ColorizationPipeline,
    pictures: Pictures,
    gray_pictures: Pictures,
    tiny: ColorizeOptions,
    tmp_path: Path,
    form: str,
) -> None:
    gray, path = gray_pictures["coffee"], tmp_path / "reference.png"
    Image.fromarray(pictures["chelsea"]).save(path)
    given: dict[str, object] = {
        "path": [path],
        "text": [str(path)],
        "PIL": [Image.open(path)],
        "described": [pipeline.describe(pictures["chelsea"], tiny)],
        "iterator": iter([pictures["chelsea"]]),
    }
    wanted = pipeline.colorize(gray, [pictures["chelsea"]], tiny)
    found = pipeline.colorize(gray, given[form], tiny)  # type: ignore[arg-type]
    np.testing.assert_array_equal(found.rgb, wanted.rgb)


def test_a_target_may_be_a_file(
    pipeline: ColorizationPipeline,
    pictures: Pictures,
    gray_pictures: Pictures,
    gray_path: Path,
    tiny: ColorizeOptions,
) -> None:
    reference = [pictures["motorcycle_right"]]
    wanted = pipeline.colorize(gray_pictures["motorcycle_left"], reference, tiny).rgb
    for form in (gray_path, str(gray_path), Image.open(gray_path)):
        np.testing.assert_array_equal(pipeline.colorize(form, reference, tiny).rgb, wanted)


def test_candidates_go_on_to_the_last_photo_each_once(
    indexed: ColorizationPipeline, gray_pictures: Pictures
) -> None:
    query = indexed.search.query(as_rgb(gray_pictures["coffee"]))
    names = [r.path.stem for r in indexed.search.candidates(query, 1)]
    assert len(names) == len(set(names)) == 8
    assert names[0] == "coffee"


def test_a_rebuilt_index_is_opened_by_refresh_only(
    own: ColorizationPipeline,
    build: Callable[..., BuildReport],
    photo_dir: Path,
    pictures: Pictures,
) -> None:
    assert own.index is not None
    before, folder = own.index, own.index.index_dir
    own.refresh()
    assert own.index is before
    Image.fromarray(pictures["retina"]).save(photo_dir / "retina.png")
    build(photo_dir, folder)
    assert len(own.index) == 4
    own.refresh()
    assert len(own.index) == 5


# Wishes


def test_a_point_colors_its_place(
    colorizer: ColorizationPipeline, gray_pictures: Pictures, tiny: ColorizeOptions
) -> None:
    gray = gray_pictures["coffee"]
    height, width = gray.shape
    place = slice(height // 2 - 4, height // 2 + 4), slice(width // 2 - 4, width // 2 + 4)
    plain = colorizer.colorize(gray, [], tiny).rgb.astype(int)
    for color, channel in (((230, 40, 40), 0), ((40, 40, 230), 2)):
        asked = colorizer.colorize(gray, [], tiny, [Point.of_color(0.5, 0.5, color)]).rgb
        change = asked[place].astype(int) - plain[place]
        others = np.delete(change.mean((0, 1)), channel)
        assert change[..., channel].mean() > others.min() + 10


def test_a_palette_pulls_the_colors_towards_its_own(
    colorizer: ColorizationPipeline, gray_pictures: Pictures, tiny: ColorizeOptions
) -> None:
    gray, found = gray_pictures["chelsea"], []
    for color in ((220, 60, 40), (40, 80, 220)):
        palette = np.full((32, 32, 3), color, np.uint8)
        rgb = colorizer.colorize(gray, [], tiny, palette=palette).rgb.astype(int)
        found.append((rgb[..., 0] - rgb[..., 2]).mean())
    assert found[0] > found[1] + 10


def test_saturation_scales_the_colors(
    colorizer: ColorizationPipeline, gray_pictures: Pictures, tiny: ColorizeOptions
) -> None:
    gray = gray_pictures["chelsea"]
    spreads = [
        np.ptp(colorizer.colorize(gray, [], replace(tiny, saturation=s)).rgb.astype(int), 2).mean()
        for s in (0.0, 0.5, 1.0, 1.5)
    ]
    assert spreads[0] == 0
    assert spreads == sorted(spreads)


def test_suggestions_of_a_picture_and_of_a_prepared_photo_agree(
    colorizer: ColorizationPipeline, gray_pictures: Pictures, tiny: ColorizeOptions
) -> None:
    gray = gray_pictures["coffee"]
    found = colorizer.suggest_colors(gray, 0.4, 0.6, 4, tiny)
    assert 1 <= len(found) <= 4
    shares = [s.share for s in found]
    assert shares == sorted(shares, reverse=True)
    assert found == colorizer.suggest_colors(colorizer.prepare(gray, [], tiny), 0.4, 0.6, 4, tiny)


# What is held ready


def test_load_gives_the_network_and_the_index(index_dir: Path) -> None:
    loaded = ColorizationPipeline.load(index_dir)
    assert loaded.network is not None and loaded.index is not None
    assert loaded.index.index_dir == index_dir
    assert loaded.network_for(ColorizeOptions()) is loaded.network
    assert loaded.network_for(ColorizeOptions(method="training-free")) is None
    with pytest.raises(FileNotFoundError, match="nowhere"):
        ColorizationPipeline.load(index_dir / "nowhere")
