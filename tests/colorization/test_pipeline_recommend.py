import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorization.evaluation.measures.signal import psnr
from colorization.inference.pictures.luminance import luminance_of
from colorization.network.pretrained import load_network
from colorization.options import ColorizeOptions
from colorization.photo_files.contact_sheet import Cell, write_sheet
from colorization.photo_files.provenance import Sources, credited
from colorization.photo_files.writer import write_picture
from colorization.pipeline import ColorizationPipeline
from retrieval.building.builder import BuildOptions, build_index
from retrieval.building.changes import BuildReport
from retrieval.photos.reader import read_picture
from retrieval.search.photo_index import PhotoIndex
from similarity.backbone.backbone import Backbone

Pictures = dict[str, np.ndarray]


def deep(picture: np.ndarray) -> np.ndarray:
    return picture.astype(np.uint16) * np.uint16(257)


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee", "rocket", "retina"])
def test_a_gray_photo_finds_its_original(
    indexed: ColorizationPipeline, gray_pictures: Pictures, name: str
) -> None:
    found = indexed.recommend(gray_pictures[name], top_k=3)
    assert found[0].path.name == f"{name}.png"
    assert [r.score for r in found] == sorted((r.score for r in found), reverse=True)
    assert len(found) == 3


def test_views_of_one_scene_find_each_other(
    indexed: ColorizationPipeline, gray_pictures: Pictures
) -> None:
    found = indexed.recommend(gray_pictures["motorcycle_left"], top_k=2)
    assert [r.path.name for r in found] == ["motorcycle_left.png", "motorcycle_right.png"]


def test_the_number_of_recommendations(
    indexed: ColorizationPipeline, gray_pictures: Pictures
) -> None:
    assert len(indexed.recommend(gray_pictures["rocket"], top_k=1)) == 1
    assert len(indexed.recommend(gray_pictures["rocket"], top_k=100)) == 8
    with pytest.raises(ValueError, match="top_k must be at least 1"):
        indexed.recommend(gray_pictures["rocket"], top_k=0)


@pytest.mark.parametrize(
    ("suffix", "is_deep"),
    [
        (".jpg", False),
        (".png", False),
        (".tif", False),
        (".webp", False),
        (".png", True),
        (".tif", True),
    ],
)
def test_what_was_colorized_is_no_reference(
    pipeline: ColorizationPipeline, pictures: Pictures, tmp_path: Path, suffix: str, is_deep: bool
) -> None:
    """Its colors are guesses: recommended for its own original, it would confirm them."""
    library, gray_path = tmp_path / "library", tmp_path / "gray.png"
    library.mkdir()
    Image.fromarray(pictures["chelsea"]).save(library / "chelsea.png")
    Image.fromarray(luminance_of(pictures["coffee"])[..., 0]).save(gray_path)
    picture = read_picture(gray_path)
    colors = deep(pictures["coffee"]) if is_deep else pictures["coffee"]
    write_picture(library / f"result{suffix}", colors, credited(picture, Sources()))
    Image.fromarray(pictures["coffee"]).save(library / f"photo{suffix}")
    write_sheet(library / "sheet.png", [[Cell(pictures["coffee"], "a cup")]])
    build_index([library], tmp_path / "index", pipeline.backbone, BuildOptions(workers=0))
    index = PhotoIndex.open(tmp_path / "index")
    assert {index.path(row).name for row in range(len(index)) if index.gray[row]} == {
        f"result{suffix}",
        "sheet.png",
    }


def test_depth_and_shape_of_the_query_do_not_matter(
    indexed: ColorizationPipeline, gray_pictures: Pictures
) -> None:
    gray = gray_pictures["coffee"]
    wanted = indexed.recommend(gray)
    for other in (gray[..., None], np.dstack([gray] * 3), deep(gray), gray / 255):
        assert indexed.recommend(other) == wanted


def test_an_index_gives_references_with_their_influence(
    indexed: ColorizationPipeline, pictures: Pictures, fast: ColorizeOptions
) -> None:
    truth = pictures["coffee"]
    gray = luminance_of(truth)
    found = indexed.colorize(gray, options=fast)
    assert len(found.references) == len(found.influence) == fast.top_k == 2
    assert found.references == indexed.recommend(gray, fast.top_k)
    assert sum(found.influence) == pytest.approx(1, abs=1e-4)
    assert found.influence[0] > 0.7  # the original itself
    assert found.skipped == []
    assert psnr(truth, found.rgb) > psnr(truth, gray) + 3


def test_given_references_go_before_the_index(
    indexed: ColorizationPipeline,
    pipeline: ColorizationPipeline,
    pictures: Pictures,
    gray_pictures: Pictures,
    fast: ColorizeOptions,
) -> None:
    with_index = indexed.colorize(gray_pictures["coffee"], [pictures["rocket"]], fast)
    without = pipeline.colorize(gray_pictures["coffee"], [pictures["rocket"]], fast)
    assert with_index.references == []
    np.testing.assert_array_equal(with_index.rgb, without.rgb)


def test_photos_that_have_moved_are_skipped_with_a_line(
    backbone: Backbone,
    photo_dir: Path,
    tmp_path: Path,
    build: Callable[..., BuildReport],
    gray_pictures: Pictures,
    fast: ColorizeOptions,
) -> None:
    build(photo_dir, tmp_path / "index")
    moving = ColorizationPipeline(backbone, PhotoIndex.open(tmp_path / "index"))
    best, second = moving.recommend(gray_pictures["chelsea"], 2)
    best.path.rename(tmp_path / "elsewhere.png")
    Image.fromarray(gray_pictures["rocket"]).save(second.path)  # replaced by a gray photo since
    found = moving.colorize(gray_pictures["chelsea"], options=fast)
    assert len(found.references) == 2
    assert not {best.path, second.path} & {r.path for r in found.references}
    assert [line.split(":")[0] for line in found.skipped] == [str(best.path), str(second.path)]

    for photo in photo_dir.iterdir():
        photo.unlink()
    with pytest.raises(
        ValueError, match=r"none of the recommended photos can be read.*moved"
    ) as error:
        moving.colorize(gray_pictures["chelsea"], options=fast)
    assert str(tmp_path / "index") in str(error.value)


def test_however_many_photos_are_gone_the_others_serve(
    backbone: Backbone,
    library_dir: Path,
    tmp_path: Path,
    build: Callable[..., BuildReport],
    gray_pictures: Pictures,
    fast: ColorizeOptions,
) -> None:
    photos = shutil.copytree(library_dir, tmp_path / "photos")
    build(photos, tmp_path / "index")
    pipeline = ColorizationPipeline(backbone, PhotoIndex.open(tmp_path / "index"))
    *gone, last = pipeline.recommend(gray_pictures["chelsea"], 7)
    for one in gone:
        one.path.unlink()
    found = pipeline.colorize(gray_pictures["chelsea"], options=replace(fast, top_k=1))
    assert [one.path for one in found.references] == [last.path]
    (told,) = found.skipped
    assert "and 5 others are gone; find what was moved: rechroma index relink" in told


def test_an_index_of_gray_photos_says_so(
    backbone: Backbone,
    tmp_path: Path,
    build: Callable[..., BuildReport],
    gray_pictures: Pictures,
    fast: ColorizeOptions,
) -> None:
    (tmp_path / "photos").mkdir()
    for name in ("rocket", "chelsea"):
        Image.fromarray(gray_pictures[name]).save(tmp_path / "photos" / f"{name}.png")
    build(tmp_path / "photos", tmp_path / "index")
    network, index = load_network(backbone), PhotoIndex.open(tmp_path / "index")
    by_network = ColorizationPipeline(backbone, index, network)
    result = by_network.colorize(gray_pictures["rocket"], options=fast)
    assert result.references == [] and "and lend no colors" in result.note
    assert np.array_equal(result.rgb, by_network.colorize(gray_pictures["rocket"], [], fast).rgb)
    gray_only = ColorizationPipeline(backbone, index)
    for ask in (
        by_network.recommend,
        gray_only.recommend,
        partial(gray_only.colorize, options=fast),
    ):
        with pytest.raises(ValueError, match="holds no color photo") as error:
            ask(gray_pictures["rocket"])
        assert str(tmp_path / "index") in str(error.value)


def test_an_index_of_other_weights_is_refused(
    backbone: Backbone, photo_dir: Path, tmp_path: Path, build: Callable[..., BuildReport]
) -> None:
    build(photo_dir, tmp_path / "index")
    manifest = json.loads((tmp_path / "index" / "index.json").read_text())
    (tmp_path / "index" / "index.json").write_text(
        json.dumps(manifest | {"weights_hash": "0123456789abcdef"})
    )
    with pytest.raises(ValueError, match="0123456789abcdef") as error:
        ColorizationPipeline(backbone, PhotoIndex.open(tmp_path / "index"))
    assert backbone.weights_hash in str(error.value)


def test_loading_by_folder(index_dir: Path, tmp_path: Path, gray_pictures: Pictures) -> None:
    loaded = ColorizationPipeline.load(str(index_dir))
    assert loaded.recommend(gray_pictures["rocket"], 1)[0].path.name == "rocket.png"
    assert ColorizationPipeline.load().index is None
    with pytest.raises(FileNotFoundError, match="no index here"):
        ColorizationPipeline.load(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="unknown backbone 'vgg16'"):
        ColorizationPipeline.load(backbone="vgg16")
