"""Files that can be read come as they are."""

import io
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from retrieval.photos.reader import PictureError, pixels_of, read_picture, read_small_rgb


def test_lossless_formats_come_back_exactly(cat: np.ndarray, tmp_path: Path) -> None:
    for suffix in ("png", "tif", "bmp", "ppm", "webp"):
        path = tmp_path / f"cat.{suffix}"
        Image.fromarray(cat).save(path, **({"lossless": True} if suffix == "webp" else {}))
        picture = read_picture(path)
        np.testing.assert_array_equal(picture.rgb, cat)
        assert picture.rgb.dtype == np.uint8
        assert picture.alpha is None
        assert not picture.is_gray
        np.testing.assert_array_equal(read_small_rgb(path, 512), cat)


@pytest.mark.parametrize("suffix", ["jpg", "png", "gif", "tif"])
@pytest.mark.parametrize("side", [50, 224, 400])
def test_reduced_sides_are_at_least_what_was_asked(
    cat: np.ndarray, tmp_path: Path, suffix: str, side: int
) -> None:
    path = tmp_path / f"large.{suffix}"
    Image.fromarray(cat).resize((1505, 1003)).save(path)
    small = read_small_rgb(path, side)
    assert side <= min(small.shape[:2]) <= 1003
    assert small.shape[1] / small.shape[0] == pytest.approx(1505 / 1003, rel=0.02)
    if side == 50:
        assert min(small.shape[:2]) < 500


def test_the_head_of_a_file_tells_its_pixels(cat: np.ndarray, tmp_path: Path) -> None:
    Image.fromarray(cat).save(tmp_path / "cat.png")
    tifffile.imwrite(tmp_path / "deep.tif", np.zeros((30, 40), np.uint16))
    (tmp_path / "text.jpg").write_text("no picture")
    assert pixels_of(tmp_path / "cat.png") == cat.shape[0] * cat.shape[1]
    assert pixels_of(tmp_path / "deep.tif") == 1200
    assert pixels_of(tmp_path / "text.jpg") == len("no picture")
    assert pixels_of(tmp_path / "missing.png") == 0


def test_a_file_that_nobody_may_look_at_has_no_pixels(
    cat: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its error is told when it is read, and stops no other."""
    Image.fromarray(cat).save(tmp_path / "cat.png")

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", refused)
    monkeypatch.setattr(Path, "open", refused)
    monkeypatch.setattr(Image, "open", refused)
    assert pixels_of(tmp_path / "cat.png") == 0


def test_content_given_is_not_read_again(cat: np.ndarray, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(cat).save(buffer, "PNG")
    np.testing.assert_array_equal(
        read_small_rgb(tmp_path / "not there.png", 64, buffer.getvalue()), cat
    )
    with pytest.raises(PictureError, match=r"x\.png: the file is empty"):
        read_small_rgb(tmp_path / "x.png", 64, b"")


def test_alpha_is_kept_apart(odd_files, cat: np.ndarray) -> None:
    picture = read_picture(odd_files.usable["alpha.png"])
    np.testing.assert_array_equal(picture.rgb, cat)
    np.testing.assert_array_equal(
        picture.alpha,
        np.linspace(0, 255, cat.shape[1]).astype(np.uint8)[None].repeat(cat.shape[0], 0),
    )
    np.testing.assert_array_equal(read_small_rgb(odd_files.usable["alpha.png"], 512), cat)


def test_gray_with_alpha(gray_pictures: dict[str, np.ndarray], tmp_path: Path) -> None:
    gray = gray_pictures["coffee"]
    alpha = np.full_like(gray, 77)
    Image.merge("LA", [Image.fromarray(gray), Image.fromarray(alpha)]).save(tmp_path / "la.png")
    picture = read_picture(tmp_path / "la.png")
    assert picture.is_gray
    np.testing.assert_array_equal(picture.rgb, gray[..., None].repeat(3, 2))
    np.testing.assert_array_equal(picture.alpha, alpha)


def test_gray_files(gray_pictures: dict[str, np.ndarray], tmp_path: Path) -> None:
    gray = gray_pictures["coffee"]
    Image.fromarray(gray).save(tmp_path / "gray.png")
    picture = read_picture(tmp_path / "gray.png")
    assert picture.is_gray
    np.testing.assert_array_equal(picture.rgb, gray[..., None].repeat(3, 2))


def test_palette(odd_files, cat: np.ndarray) -> None:
    expected = np.asarray(Image.open(odd_files.usable["palette.png"]).convert("RGB"))
    picture = read_picture(odd_files.usable["palette.png"])
    np.testing.assert_array_equal(picture.rgb, expected)
    assert np.abs(expected.astype(int) - cat).mean() < 10
    assert picture.alpha is None
    assert not picture.is_gray


def test_palette_with_a_transparent_color(cat: np.ndarray, tmp_path: Path) -> None:
    palette = Image.fromarray(cat).quantize(8)
    palette.save(tmp_path / "clear.png", transparency=3)
    picture = read_picture(tmp_path / "clear.png")
    np.testing.assert_array_equal(picture.alpha, np.where(np.asarray(palette) == 3, 0, 255))


def test_cmyk(odd_files, cat: np.ndarray) -> None:
    for rgb in (
        read_picture(odd_files.usable["cmyk.jpg"]).rgb,
        read_small_rgb(odd_files.usable["cmyk.jpg"], 512),
    ):
        assert rgb.shape == cat.shape
        assert np.abs(rgb.astype(int) - cat).mean() < 6


def test_xmp_that_is_no_bytes_is_left_out(cat: np.ndarray, tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "x.tif", cat, photometric="rgb", extratags=[(700, 2, 0, "<x:xmpmeta/>", False)]
    )
    picture = read_picture(tmp_path / "x.tif")
    np.testing.assert_array_equal(picture.rgb, cat)
    assert not isinstance(picture.metadata.get("xmp"), str)


def test_heic_without_its_extra_names_it(
    cat: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrieval.photos.heic.can_read_heic", lambda: False)
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    with pytest.raises(
        PictureError, match=r'a\.heic: reading HEIC needs pillow-heif: pip install -e "\.\[heic\]"$'
    ):
        read_picture(tmp_path / "a.heic")
    Image.fromarray(cat).save(tmp_path / "b.jpg")
    (tmp_path / "b.jpg").rename(tmp_path / "b.heic")  # what some programs call a JPEG
    assert read_picture(tmp_path / "b.heic").rgb.shape == cat.shape


def test_gray_pictures_take_the_memory_of_one_channel(cat: np.ndarray, tmp_path: Path) -> None:
    for name, stored in {
        "a.jpg": cat[..., 0],
        "a.tif": cat[..., 0].astype(np.uint16) * 200,
    }.items():
        Image.fromarray(stored).save(tmp_path / name)
        rgb = read_picture(tmp_path / name).rgb
        assert rgb.strides[2] == 0 and rgb.shape == cat.shape


def test_lab_has_no_transparency(cat: np.ndarray, tmp_path: Path) -> None:
    profile = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    lab = ImageCms.applyTransform(
        Image.fromarray(cat), ImageCms.buildTransform(*profile[::-1], "RGB", "LAB")
    )
    assert lab is not None
    lab.save(tmp_path / "lab.tif")
    assert read_picture(tmp_path / "lab.tif").alpha is None


def test_extreme_shapes(odd_files) -> None:
    one = read_picture(odd_files.usable["one_pixel.png"])
    assert one.rgb.tolist() == [[[200, 30, 40]]]
    assert read_small_rgb(odd_files.usable["one_pixel.png"], 224).tolist() == [[[200, 30, 40]]]
    assert read_picture(odd_files.usable["long.png"]).rgb.shape == (100, 20000, 3)
    assert min(read_small_rgb(odd_files.usable["long.png"], 224).shape[:2]) == 100


def test_metadata_for_the_writer(cat: np.ndarray, tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(cat).save(tmp_path / "a.jpg", icc_profile=profile, dpi=(300, 300))
    metadata = read_picture(tmp_path / "a.jpg").metadata
    assert metadata["icc_profile"] == profile
    assert metadata["dpi"] == (300, 300)
    Image.fromarray(cat).convert("CMYK").save(
        tmp_path / "b.jpg", icc_profile=b"a press profile", dpi=(300, 300)
    )
    # a CMYK profile would misread the result
    assert read_picture(tmp_path / "b.jpg").metadata.keys() == {"dpi"}


def test_all_odd_but_usable_files_can_be_read(odd_files) -> None:
    assert len(odd_files.usable) >= 10
    for path in odd_files.usable.values():
        for rgb in (read_picture(path).rgb, read_small_rgb(path, 224)):
            assert rgb.ndim == 3
            assert rgb.shape[2] == 3
            assert rgb.size
