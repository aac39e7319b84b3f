"""Bits a channel, by files of each kind."""

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from retrieval.photos.bit_depth import bits_of


def written(folder: Path, kind: str, bits: int) -> Path:
    """A color picture of a kind."""
    path, height, width = folder / f"x.{kind}", 32, 48
    full = (1 << bits) - 1
    rgb = np.linspace(0, full, 3 * height * width).reshape(height, width, 3).round()
    rgb = rgb.astype(np.uint8 if bits == 8 else np.uint16)
    if kind == "ppm":
        path.write_bytes(f"P6 {width} {height} {full}\n".encode() + rgb.astype(">u2").tobytes())
        if bits == 8:
            Image.fromarray(rgb).save(path)
    elif kind == "png":
        path.write_bytes(imagecodecs.png_encode(rgb))
    elif kind == "jp2":
        coded = imagecodecs.jpeg2k_encode(rgb, level=0, bitspersample=bits, reversible=True)
        path.write_bytes(coded)
    elif kind == "avif":
        path.write_bytes(imagecodecs.avif_encode(rgb, level=100, bitspersample=bits))
    else:
        Image.fromarray((rgb >> (bits - 8)).astype(np.uint8)).save(path, bpc=bits // 8)
    return path


@pytest.mark.parametrize(
    ("kind", "bits"),
    [
        *[("ppm", bits) for bits in (8, 10, 16)],
        *[("png", bits) for bits in (8, 16)],
        *[("jp2", bits) for bits in (8, 10, 12, 16)],
        *[("avif", bits) for bits in (8, 10, 12)],
        *[("sgi", bits) for bits in (8, 16)],
        ("jpg", 8),
        ("tif", 8),
    ],
)
def test_bits_are_those_of_the_file(tmp_path: Path, kind: str, bits: int) -> None:
    path = written(tmp_path, kind, bits)
    with Image.open(path) as image:
        assert bits_of(path, image) == bits


def test_a_header_that_says_nothing_is_of_8_bits(tmp_path: Path) -> None:
    path = written(tmp_path, "jp2", 8)
    with Image.open(path) as image:
        path.write_bytes(b"\0" * 100)
        assert bits_of(path, image) == 8
