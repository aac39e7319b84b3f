"""Decoded pictures: turned as Pillow turns, rounded as by hand."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from retrieval.photos.picture import Picture, is_neutral, to_uint8, turned


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned_as_pillow_does(tmp_path: Path, rng: np.random.Generator, orientation: int) -> None:
    rgb = rng.integers(0, 255, (3, 5, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(rgb).save(tmp_path / "x.png", exif=exif)
    with Image.open(tmp_path / "x.png") as image:
        wanted = np.asarray(ImageOps.exif_transpose(image))
    found = turned(Picture(rgb, rgb[..., 0]), orientation)
    np.testing.assert_array_equal(found.rgb, wanted)
    np.testing.assert_array_equal(found.alpha, wanted[..., 0])


def test_rounding_by_hand() -> None:
    deep = np.array([[[0, 128, 129], [257, 65535, 65407]]], np.uint16)
    assert to_uint8(deep).tolist() == [[[0, 0, 1], [1, 255, 255]]]
    assert to_uint8(to_uint8(deep)) is not None


def test_equal_channels_are_neutral() -> None:
    gray = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert is_neutral(np.broadcast_to(gray[..., None], (3, 4, 3)))
    for channel in range(3):
        rgb = np.dstack([gray] * 3)
        assert is_neutral(rgb)
        rgb[2, 1, channel] += 1
        assert not is_neutral(rgb)
