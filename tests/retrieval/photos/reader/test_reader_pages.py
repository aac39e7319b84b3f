"""Files of several pictures: animations, pages, thumbnails."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from retrieval.photos.reader import read_picture, read_small_rgb


def test_first_frame_of_an_animation(odd_files) -> None:
    picture = read_picture(odd_files.usable["animated.gif"])
    assert picture.rgb.shape == (32, 48, 3)
    assert picture.rgb[..., 2].mean() < 200  # the second frame is all blue
    np.testing.assert_array_equal(read_small_rgb(odd_files.usable["animated.gif"], 64), picture.rgb)


def test_pages_are_counted(odd_files, cat: np.ndarray, tmp_path: Path) -> None:
    """What a person would call so: a scan's thumbnail and a telephone's depth map are none."""
    assert read_picture(odd_files.usable["animated.gif"]).pages == 2
    first, second = Image.fromarray(cat), Image.fromarray(cat[::-1].copy())
    first.save(tmp_path / "book.tif", save_all=True, append_images=[second, second])
    book = read_picture(tmp_path / "book.tif")
    assert book.pages == 3
    np.testing.assert_array_equal(book.rgb, cat)
    with tifffile.TiffWriter(tmp_path / "scan.tif") as file:
        file.write(cat, photometric="rgb")
        file.write(cat[::4, ::4], photometric="rgb", subfiletype=1)
    assert read_picture(tmp_path / "scan.tif").pages == 1
    first.save(tmp_path / "phone.jpg", format="MPO", save_all=True, append_images=[second])
    first.save(tmp_path / "one.png")
    assert [read_picture(tmp_path / name).pages for name in ("phone.jpg", "one.png")] == [1, 1]


def test_what_is_wrong_with_other_pages_does_not_matter(cat: np.ndarray, tmp_path: Path) -> None:
    first = Image.fromarray(cat)
    first.save(tmp_path / "book.tif", save_all=True, append_images=[first])
    whole = (tmp_path / "book.tif").read_bytes()
    (tmp_path / "cut.tif").write_bytes(whole[:-40])
    with tifffile.TiffWriter(tmp_path / "odd.tif") as file:
        file.write(cat, photometric="rgb")
        file.write(cat.astype(np.float32), photometric="rgb")  # of which Pillow knows no mode
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    with tifffile.TiffWriter(tmp_path / "profile.tif") as file:
        file.write(cat, photometric="rgb")
        file.write(cat, photometric="rgb", iccprofile=profile)
    for name in ("cut.tif", "odd.tif", "profile.tif"):
        picture = read_picture(tmp_path / name)
        np.testing.assert_array_equal(picture.rgb, cat)
        assert "icc_profile" not in picture.metadata


@pytest.mark.parametrize("depth", ["gray", "deep gray", "color", "deep color"])
def test_a_thumbnail_in_front_is_not_the_picture(
    cat: np.ndarray, tmp_path: Path, depth: str
) -> None:
    stored = cat.astype(np.uint16) * 257 if "deep" in depth else cat
    stored = stored if "color" in depth else stored[..., 0]
    kind = "rgb" if "color" in depth else "minisblack"
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(
            np.ascontiguousarray(stored[::8, ::8]),
            photometric=kind,
            subfiletype=1,
            resolution=(72, 72),
        )
        file.write(stored, photometric=kind, resolution=(300, 300), resolutionunit="INCH")
        file.write(np.ascontiguousarray(stored[::4, ::4]), photometric=kind, subfiletype=1)
    picture = read_picture(tmp_path / "a.tif")
    np.testing.assert_array_equal(picture.rgb if "color" in depth else picture.rgb[..., 0], stored)
    assert picture.pages == 1 and picture.metadata["dpi"] == (300, 300)
    assert read_small_rgb(tmp_path / "a.tif", 64).shape[0] >= 64
    with tifffile.TiffWriter(tmp_path / "only.tif") as file:
        file.write(stored, photometric=kind, subfiletype=1)
    assert read_picture(tmp_path / "only.tif").rgb.shape == cat.shape
