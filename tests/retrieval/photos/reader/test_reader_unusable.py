"""Files that cannot be used are refused in one line."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retrieval.photos import reader as module
from retrieval.photos.reader import PictureError, check_file, read_picture, read_small_rgb


@pytest.mark.parametrize(
    "read", [read_picture, lambda path: read_small_rgb(path, 64)], ids=["full", "small"]
)
def test_unusable_files_are_refused_in_one_line(read, odd_files, tmp_path: Path) -> None:
    readable = "JPEG, PNG, TIFF, WebP, HEIC and others can"
    reasons = {
        "empty.jpg": "the file is empty",
        "text.png": f"not a picture that can be read ({readable})",
    }
    assert len(odd_files.unusable) == 4
    for name, path in odd_files.unusable.items():
        with pytest.raises(PictureError) as caught:
            read(path)
        line = str(caught.value)
        assert line.startswith(f"{path}: ")
        assert reasons.get(name, "") in line
        assert len(line) > len(f"{path}: ") + 5
        assert "\n" not in line
    with pytest.raises(PictureError, match=r"missing\.png: no such file"):
        read(tmp_path / "missing.png")
    with pytest.raises(PictureError, match="it is a folder"):
        read(tmp_path)


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp", "bmp", "gif", "ppm"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_truncated_files_are_never_half_decoded(
    cat: np.ndarray, tmp_path: Path, suffix: str, share: float
) -> None:
    path = tmp_path / f"cut.{suffix}"
    Image.fromarray(cat).save(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    for read in (read_picture, lambda p: read_small_rgb(p, 64)):
        with pytest.raises(PictureError, match=rf"cut\.{suffix}: "):
            read(path)


@pytest.mark.parametrize("name", ["photo.dng", "photo.NEF"])
def test_the_preview_of_a_raw_file_is_not_taken_for_the_photo(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    Image.new("RGB", (110, 77), (90, 60, 30)).save(path, "TIFF")
    for read in (read_picture, lambda path: read_small_rgb(path, 64)):
        with pytest.raises(PictureError, match=f"{name}: camera raw files cannot be read: develop"):
            read(path)


def test_content_decides_beside_a_misleading_name(tmp_path: Path) -> None:
    path = tmp_path / "drawing.svg"
    Image.new("RGB", (110, 77), (90, 60, 30)).save(path, "PNG")
    assert read_picture(path).rgb.shape == (77, 110, 3)
    path.write_text("<svg/>")
    with pytest.raises(PictureError, match="drawings cannot be read: export them as PNG first"):
        read_picture(path)


def test_damaged_bytes_never_raise_anything_else(
    cat: np.ndarray, tmp_path: Path, rng: np.random.Generator
) -> None:
    refused = 0
    for suffix in ("jpg", "png", "tif", "webp", "gif"):
        Image.fromarray(cat).save(tmp_path / f"whole.{suffix}")
        whole = (tmp_path / f"whole.{suffix}").read_bytes()
        for _ in range(25):
            data = bytearray(whole)
            for position in rng.integers(2, min(len(data), 400), 12):
                data[position] = rng.integers(256)
            path = tmp_path / f"damaged.{suffix}"
            path.write_bytes(data)
            try:
                read_picture(path)
            except PictureError:
                refused += 1
    assert refused > 20


def test_limit_on_pixels_comes_before_decoding(
    cat: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(cat).save(tmp_path / "large.png")
    height, width, _ = cat.shape
    monkeypatch.setattr(module, "MAX_PIXELS", height * width)
    assert read_picture(tmp_path / "large.png").rgb.shape == cat.shape
    monkeypatch.setattr(module, "MAX_PIXELS", height * width - 1)
    monkeypatch.setattr(module, "_decode", lambda *_: pytest.fail("it was decoded"))
    for read in (read_picture, lambda p: read_small_rgb(p, 64)):
        with pytest.raises(
            PictureError, match=rf"{width}x{height} is 0 megapixels, above the limit"
        ):
            read(tmp_path / "large.png")


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything"
)
def test_no_permission(cat: np.ndarray, tmp_path: Path) -> None:
    Image.fromarray(cat).save(tmp_path / "secret.png")
    (tmp_path / "secret.png").chmod(0)
    with pytest.raises(PictureError, match="no permission to read it"):
        read_picture(tmp_path / "secret.png")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_pipes_and_devices_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    for path in (tmp_path / "pipe.png", Path(os.devnull)):
        for read in (read_picture, lambda path: read_small_rgb(path, 64), check_file):
            with pytest.raises(OSError if read is check_file else PictureError) as caught:
                read(path)
            assert "it is a pipe or a device; save what comes from it as a file" in str(
                caught.value
            )
