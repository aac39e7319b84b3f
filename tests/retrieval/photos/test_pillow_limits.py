"""Limits of Pillow are ours while a picture is read, and its own again afterwards."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, PngImagePlugin

from retrieval.photos.pillow_limits import own_limits
from retrieval.photos.reader import PictureError, read_picture


def test_they_come_back() -> None:
    before = (Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK)
    with own_limits():
        pass
    assert before == (Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK)


def test_a_long_text_is_read(tmp_path: Path) -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_itxt("Description", "a" * 3_000_000)
    Image.new("L", (20, 10), 90).save(tmp_path / "x.png", pnginfo=texts)
    found = read_picture(tmp_path / "x.png")
    assert found.rgb.shape == (10, 20, 3)
    assert len(found.metadata["texts"]["Description"]) == 3_000_000  # type: ignore[index]


def test_premultiplied_gray_is_read(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Pillow 13 fails at it, and its library prints on the terminal."""
    gray = np.arange(0, 200, 2, np.uint8).reshape(10, 10)
    pixels = np.dstack([gray // 2, np.full_like(gray, 128)])
    tifffile.imwrite(
        tmp_path / "la.tif", pixels, photometric="minisblack", planarconfig="contig",
        extrasamples=["assocalpha"], metadata=None,
    )  # fmt: skip
    found = read_picture(tmp_path / "la.tif")
    assert found.alpha is not None and set(found.alpha.ravel().tolist()) == {128}
    assert np.abs(found.rgb[..., 0].astype(int) - gray).max() <= 2
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("count", [1 << 20, (1 << 32) - 1])
@pytest.mark.parametrize("tag", [33723, 700, 34377, 37724])
def test_tags_of_absurd_sizes(tmp_path: Path, tag: int, count: int) -> None:
    """A directory entry promises more bytes than the file has."""
    gray = np.arange(0, 200, 2, np.uint8).reshape(10, 10)
    body = b"text" * 4
    extra = [(tag, 7, len(body), body, True)]
    tifffile.imwrite(tmp_path / "x.tif", gray, metadata=None, extratags=extra)
    data = bytearray((tmp_path / "x.tif").read_bytes())
    place = data.index(tag.to_bytes(2, "little") + b"\x07\0")
    data[place + 4 : place + 8] = count.to_bytes(4, "little")
    (tmp_path / "x.tif").write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            found = read_picture(tmp_path / "x.tif")
        except PictureError as error:
            assert "\n" not in str(error)
        else:
            np.testing.assert_array_equal(found.rgb[..., 0], gray)
