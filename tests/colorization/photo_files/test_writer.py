import os
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from colorization.evaluation.measures.signal import psnr
from colorization.photo_files.writer import (
    FORMATS,
    check_output,
    check_size,
    output_suffix,
    takes_quality,
    write_picture,
)
from retrieval.photos.reader import Picture, read_picture


def test_the_suffix_of_a_result() -> None:
    assert [output_suffix(s) for s in (".jpg", ".JPG", ".tiff", ".webp")] == [
        ".jpg",
        ".JPG",
        ".tiff",
        ".webp",
    ]
    assert [output_suffix(s) for s in (".bmp", ".gif", ".pgm", "", ".heic")] == [".png"] * 5


@pytest.mark.parametrize("suffix", FORMATS)
def test_which_results_may_be_compressed_more_finely(
    suffix: str, tmp_path: Path, pictures: dict[str, np.ndarray]
) -> None:
    sizes = set()
    for quality in (20, 90):
        path = tmp_path / f"{quality}{suffix}"
        write_picture(path, pictures["chelsea"], Picture(pictures["chelsea"]), quality)
        sizes.add(path.stat().st_size)
    assert takes_quality(Path(f"x{suffix.upper()}")) == (len(sizes) == 2)


# --- check_output


@pytest.mark.parametrize("name", ["x.bmp", "x.gif", "x", "x.png.txt", ".png"])
def test_formats_that_cannot_be_written_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"cannot write .* use \.jpg") as error:
        check_output(tmp_path / name)
    assert str(tmp_path / name) in str(error.value)


@pytest.mark.parametrize(
    ("name", "largest"), [("x.jpg", 65_500), ("x.JPEG", 65_500), ("x.webp", 16_383), ("x.png", 0)]
)
def test_pictures_that_a_format_cannot_hold_are_refused(
    tmp_path: Path, name: str, largest: int
) -> None:
    fitting, long = (np.zeros((1, width, 3), np.uint8) for width in (largest or 1, 65_501))
    check_size(tmp_path / name, fitting)
    if not largest:
        check_size(tmp_path / name, long)
        return
    with pytest.raises(ValueError, match=rf"up to {largest:,} pixels.*65,501 x 1;.*png"):
        check_size(tmp_path / name, long)
    with pytest.raises(ValueError, match=r"use \.png or \.tif"):
        write_picture(tmp_path / name, long, Picture(long))
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_a_broken_link_is_refused(tmp_path: Path) -> None:
    """As one on a drive that is not there; else it would be told as one that exists already."""
    (tmp_path / "link").symlink_to(tmp_path / "unplugged")
    with pytest.raises(ValueError, match="link is a link that leads nowhere"):
        check_output(tmp_path / "link" / "sub" / "x.png")


def test_a_folder_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="cannot be written") as error:
        check_output(tmp_path / "file" / "sub" / "x.png")
    assert str(tmp_path / "file") in str(error.value)


def test_a_folder_without_permission_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *args, **kwargs: False)
    with pytest.raises(ValueError, match="cannot be written"):
        check_output(tmp_path / "x.png")


def test_good_outputs_pass_and_nothing_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for suffix in (*FORMATS, ".JPG", ".Png"):
        check_output(tmp_path / "new" / "folder" / f"x{suffix}")
        check_output(Path(f"x{suffix}"))
    assert list(tmp_path.iterdir()) == []


# --- write_picture


@pytest.mark.parametrize(
    "suffix", [".png", ".PNG", ".tif", ".tiff", ".jpg", ".jpeg", ".jfif", ".webp"]
)
def test_pictures_come_back(tmp_path: Path, rgb: np.ndarray, suffix: str) -> None:
    path = tmp_path / "new" / f"x{suffix}"
    write_picture(path, rgb, Picture(rgb))
    with Image.open(path) as image:
        assert (image.format, image.mode) == (FORMATS[suffix.lower()], "RGB")
        found = np.asarray(image)
    if suffix.lower() in (".png", ".tif", ".tiff"):
        np.testing.assert_array_equal(found, rgb)
    else:
        assert psnr(rgb, found) > 34  # lossy
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", [".tif", ".TIFF", ".png"])
def test_16_bits_stay_16_bits_in_tiff_and_png(
    tmp_path: Path, rng: np.random.Generator, suffix: str
) -> None:
    deep, alpha = (
        rng.integers(0, 65536, (15, 21, 3), dtype=np.uint16),
        rng.integers(0, 65536, (15, 21), dtype=np.uint16),
    )
    for source in (Picture(deep), Picture(deep, alpha)):
        write_picture(tmp_path / f"x{suffix}", deep, source)
        found = read_picture(tmp_path / f"x{suffix}")
        assert found.rgb.dtype == np.uint16
        np.testing.assert_array_equal(found.rgb, deep)
        assert (found.alpha is None) == (source.alpha is None)
        assert found.alpha is None or np.array_equal(found.alpha, alpha)


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_16_bits_are_rounded_elsewhere(tmp_path: Path, suffix: str) -> None:
    """129 of 65535 is above half a step of 257, 128 below."""
    deep = np.full((16, 16, 3), 100 * 257, np.uint16) + np.uint16(129)
    write_picture(tmp_path / f"x{suffix}", deep, Picture(deep))
    assert (np.asarray(Image.open(tmp_path / f"x{suffix}")) == 101).all()


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
def test_alpha_is_kept(tmp_path: Path, rgb: np.ndarray, suffix: str) -> None:
    alpha = np.linspace(1, 255, rgb[..., 0].size).reshape(rgb.shape[:2]).astype(np.uint8)
    write_picture(tmp_path / f"x{suffix}", rgb, Picture(rgb, alpha))
    found = Image.open(tmp_path / f"x{suffix}")
    assert found.mode == "RGBA"
    np.testing.assert_array_equal(np.asarray(found)[..., 3], alpha)


def test_jpeg_drops_alpha(tmp_path: Path, rgb: np.ndarray) -> None:
    write_picture(tmp_path / "x.jpg", rgb, Picture(rgb, np.zeros(rgb.shape[:2], np.uint8)))
    assert psnr(rgb, np.asarray(Image.open(tmp_path / "x.jpg"))) > 34


def test_an_existing_file_is_replaced(tmp_path: Path, rgb: np.ndarray) -> None:
    (tmp_path / "x.png").write_bytes(b"old")
    write_picture(tmp_path / "x.png", rgb, Picture(rgb))
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "x.png")), rgb)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_write_that_fails_leaves_nothing_and_keeps_the_old_file(
    tmp_path: Path, rgb: np.ndarray, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def disk_full(*args: object, **kwargs: object) -> None:
        path = next(a for a in args if isinstance(a, (str, Path)))
        Path(path).write_text("half")
        raise OSError(28, "No space left on device")

    path = tmp_path / f"x{suffix}"
    path.write_bytes(b"old")
    monkeypatch.setattr(Path, "write_bytes", disk_full)
    monkeypatch.setattr(tifffile, "imwrite", disk_full)
    with pytest.raises(OSError, match="No space"):
        write_picture(path, rgb if suffix == ".png" else rgb.astype(np.uint16), Picture(rgb))
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {path.name: b"old"}


def test_the_longest_file_names_can_be_written(tmp_path: Path, rgb: np.ndarray) -> None:
    """The temporary name must not be longer than the file system allows."""
    path = tmp_path / f"{'x' * 251}.png"
    write_picture(path, rgb, Picture(rgb))
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_the_same_picture_is_written_to_the_same_bytes(tmp_path: Path, rgb: np.ndarray) -> None:
    for suffix in FORMATS:
        for name in ("a", "b"):
            write_picture(tmp_path / f"{name}{suffix}", rgb, Picture(rgb))
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()
