from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from painted_pictures import apart, painted
from PIL import Image

from colorization.inference.pictures.picture_arrays import as_rgb
from colorization.inference.pictures.working_size import working_lab
from colorization.inference.reference_checks import (
    as_references,
    check_described,
    colors_of,
    guidance_of,
    read_reference,
)
from colorization.network.color_bins import NUM_BINS
from colorization.network.hints import Point, palette_of
from colorization.options import ColorizeOptions
from retrieval.photos.reader import PictureError
from retrieval.search.recommendation import Recommendation

Pictures = dict[str, np.ndarray]
TINY = ColorizeOptions(working_side=64)


@pytest.fixture(scope="module")
def prints(gray_pictures: Pictures) -> dict[str, np.ndarray]:
    """A photo in gray, and as a sepia print."""
    gray = as_rgb(gray_pictures["coffee"])
    tone = (gray[..., :1] / 255) ** [0.75, 1.0, 1.45]
    return {"gray": gray, "sepia": (230 * tone).astype(np.uint8)}


# Lists of them


def test_references_become_a_list(pictures: Pictures) -> None:
    given = [pictures["coffee"], "a.png"]
    assert as_references(iter(given)) == given
    assert as_references([]) == as_references(None) == []


@pytest.mark.parametrize("given", ["a.png", np.zeros((4, 4, 3), np.uint8)], ids=["text", "array"])
def test_one_picture_instead_of_a_list_is_told(given: str | np.ndarray) -> None:
    with pytest.raises(ValueError, match="references: expected a list of them"):
        as_references(given)


# Files


def test_a_reference_is_read_in_color(tmp_path: Path, pictures: dict[str, np.ndarray]) -> None:
    Image.fromarray(pictures["coffee"]).save(tmp_path / "coffee.png")
    np.testing.assert_array_equal(read_reference(tmp_path / "coffee.png"), pictures["coffee"])


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_gray_reference_is_refused(
    tmp_path: Path, gray_pictures: dict[str, np.ndarray], suffix: str
) -> None:
    path = tmp_path / f"old{suffix}"
    Image.fromarray(as_rgb(gray_pictures["coffee"])).save(path)
    with pytest.raises(PictureError, match="gray") as error:
        read_reference(path)
    assert str(path) in str(error.value)


def test_a_missing_reference_is_named(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match=r"nowhere\.png: no such file"):
        read_reference(tmp_path / "nowhere.png")


def test_what_a_gray_file_was_meant_to_be_is_told(tmp_path: Path, gray_pictures: Pictures) -> None:
    Image.fromarray(gray_pictures["coffee"]).save(tmp_path / "old.png")
    with pytest.raises(PictureError, match=r"old\.png: this palette is gray"):
        read_reference(tmp_path / "old.png", "palette")


# Any form


@pytest.mark.parametrize("form", ["array", "deep", "float", "path", "text", "pillow", "found"])
def test_the_pixels_of_a_reference(tmp_path: Path, pictures: Pictures, form: str) -> None:
    rgb, path = pictures["coffee"], tmp_path / "coffee.png"
    Image.fromarray(rgb).save(path)
    deep = rgb.astype(np.uint16) * 257
    given = {
        "array": rgb,
        "deep": deep,
        "float": rgb / 255,
        "path": path,
        "text": str(path),
        "pillow": Image.fromarray(rgb),
        "found": Recommendation(path, 1.0, "good", 1.0, 1.0, 1.0),
    }
    found = colors_of(given[form])  # type: ignore[arg-type]
    np.testing.assert_array_equal(found, deep if form in ("deep", "float") else rgb)


@pytest.mark.parametrize("kind", ["gray", "sepia"])
def test_what_has_no_colors_to_lend_is_refused_by_name(
    tmp_path: Path, prints: dict[str, np.ndarray], kind: str
) -> None:
    with pytest.raises(ValueError, match="reference 2 of 3 is gray: it has no colors to lend"):
        colors_of(prints[kind], "reference 2 of 3")
    with pytest.raises(ValueError, match="reference is gray"):
        colors_of(prints[kind].astype(np.uint16) * 257)
    Image.fromarray(prints[kind]).save(tmp_path / "old.png")
    with pytest.raises(PictureError, match=r"old\.png: this reference is gray"):
        colors_of(tmp_path / "old.png")


def test_a_reference_of_a_wrong_shape_is_named() -> None:
    with pytest.raises(ValueError, match=r"^reference 1: expected \(height, width\)"):
        colors_of(np.zeros((4, 4, 2), np.uint8), "reference 1")


# Described references


def test_another_working_size_is_refused() -> None:
    one = painted(torch.zeros(4, 4, dtype=torch.long), apart(2), torch.zeros(2, 2))
    small, large = (replace(one, working_side=side) for side in (64, 96))
    check_described([small, small], small)
    check_described([], small)
    with pytest.raises(
        ValueError, match="reference 2 was described for working_side=96: describe it again"
    ):
        check_described([small, large], small)


def test_another_backbone_is_refused() -> None:
    one = painted(torch.zeros(4, 4, dtype=torch.long), apart(2), torch.zeros(2, 2))
    with pytest.raises(ValueError, match="reference 1 was described by a pipeline of another"):
        check_described([replace(one, backbone="other")], one)


# Points and palettes


def test_points_alone() -> None:
    point = Point(0.5, 0.5, (1.0, 2.0))
    found = guidance_of([point], None, TINY)
    assert (list(found.points), found.palette) == ([point], None)


def test_a_palette_is_counted_at_the_working_size(pictures: Pictures) -> None:
    found = guidance_of([], pictures["coffee"], TINY).palette
    assert found is not None and found.shape == (NUM_BINS,)
    wanted = palette_of(working_lab(pictures["coffee"], 64)[0, 1:])
    torch.testing.assert_close(found, wanted)
    assert float(found.sum()) == pytest.approx(1, abs=1e-4)


def test_the_paper_around_a_palette_does_not_count(pictures: Pictures) -> None:
    plain = pictures["coffee"]
    scan = np.pad(plain, ((40, 40), (40, 40), (0, 0)), constant_values=245)
    wanted, found = (guidance_of([], one, ColorizeOptions()).palette for one in (plain, scan))
    assert wanted is not None and found is not None
    assert (found - wanted).abs().sum() < 0.25
    counted = palette_of(working_lab(scan, 256)[0, 1:])
    assert (counted - wanted).abs().sum() > 0.35


def test_the_colors_of_a_palette_file_are_those_that_its_profile_says(
    tmp_path: Path, pictures: Pictures, wide_profile: Callable[[float], bytes]
) -> None:
    path = tmp_path / "palette.png"
    Image.fromarray(pictures["coffee"]).save(path, icc_profile=wide_profile(2.2))
    found, meant, raw = (
        guidance_of([], palette, TINY).palette
        for palette in (path, read_reference(path), pictures["coffee"])
    )
    assert found is not None and torch.equal(found, meant) and not torch.equal(found, raw)


def test_the_colors_of_a_pil_picture_are_those_that_its_profile_says(
    tmp_path: Path, pictures: Pictures, wide_profile: Callable[[float], bytes]
) -> None:
    path = tmp_path / "reference.png"
    Image.fromarray(pictures["coffee"]).save(path, icc_profile=wide_profile(2.2))
    found = colors_of(Image.open(path))
    np.testing.assert_array_equal(found, colors_of(path))
    assert (found != pictures["coffee"]).any()


def test_a_gray_palette_is_refused(gray_pictures: Pictures) -> None:
    with pytest.raises(ValueError, match="palette picture is gray: it has no colors to lend"):
        guidance_of([], as_rgb(gray_pictures["coffee"]), TINY)


@pytest.mark.parametrize("wrong", [np.zeros((4, 4, 2), np.uint8), np.full((4, 4, 3), np.nan)])
def test_a_palette_of_a_wrong_shape_or_type_is_named(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"^palette picture: "):
        guidance_of([], wrong, TINY)


def test_points_come_in_any_row_of_points() -> None:
    point = Point(0.5, 0.5, (10.0, 20.0))
    assert guidance_of((one for one in [point]), None, TINY).points == [point]
    assert guidance_of(None, None, TINY).points == []
    with pytest.raises(ValueError, match=r"put it into brackets, as in \[point\]"):
        guidance_of(point, None, TINY)
