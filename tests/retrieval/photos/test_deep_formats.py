"""Pictures of more than 8 bits, by hand."""

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from retrieval.photos.deep_formats import (
    decode_gray,
    decode_jpeg2000,
    decode_otherwise,
    decode_png,
    decode_ppm,
    decode_tiff,
    is_deep_tiff,
    thrice,
)


@pytest.fixture
def deep(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 1 << 16, (6, 8, 3)).astype(np.uint16)


def test_pngs(tmp_path: Path, deep: np.ndarray) -> None:
    (tmp_path / "x.png").write_bytes(imagecodecs.png_encode(deep))
    np.testing.assert_array_equal(decode_png(tmp_path / "x.png").rgb, deep)


def test_jpeg_2000(tmp_path: Path, deep: np.ndarray) -> None:
    path = tmp_path / "x.jp2"
    path.write_bytes(imagecodecs.jpeg2k_encode(deep, level=0, reversible=True, codecformat="jp2"))
    np.testing.assert_array_equal(decode_jpeg2000(path, 16).rgb, deep)


@pytest.mark.parametrize("largest", [1023, 65535])
def test_ppms(tmp_path: Path, deep: np.ndarray, largest: int) -> None:
    values, path = deep & largest, tmp_path / "x.ppm"
    whole = f"P6\n# by hand\n8 6\n{largest}\n".encode() + values.astype(">u2").tobytes()
    path.write_bytes(whole)
    with Image.open(path) as image:
        found = decode_ppm(path, image)
        np.testing.assert_allclose(found.rgb / 65535, values / largest, atol=1e-5)
        path.write_bytes(whole[:-1])
        with pytest.raises(ValueError, match="truncated"):
            decode_ppm(path, image)


@pytest.mark.parametrize("bits", [12, 16])
def test_a_dark_jpeg2000_stays_dark(tmp_path: Path, deep: np.ndarray, bits: int) -> None:
    dark, path = (deep >> (18 - bits)), tmp_path / "x.jp2"
    coded = imagecodecs.jpeg2k_encode(
        dark, level=0, bitspersample=bits, reversible=True, codecformat="jp2"
    )
    path.write_bytes(coded)
    full = (1 << bits) - 1
    np.testing.assert_allclose(decode_jpeg2000(path, bits).rgb / 65535, dark / full, atol=1e-5)


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_tiffs(tmp_path: Path, deep: np.ndarray, planar: str) -> None:
    stored = deep if planar == "contig" else np.moveaxis(deep, -1, 0)
    tifffile.imwrite(tmp_path / "x.tif", stored, photometric="rgb", planarconfig=planar)
    found = decode_tiff(tmp_path / "x.tif", 10_000)
    np.testing.assert_array_equal(found.rgb, deep)
    with pytest.raises(ValueError, match="8x6 is above the limit of 0 megapixels"):
        decode_tiff(tmp_path / "x.tif", 47)
    with Image.open(tmp_path / "x.tif") if planar == "contig" else Image.new("L", (1, 1)) as image:
        assert is_deep_tiff(image) == (planar == "contig")


def test_gray_of_16_bits_keeps_its_values(tmp_path: Path, deep: np.ndarray) -> None:
    Image.fromarray(deep[..., 0]).save(tmp_path / "x.png")
    with Image.open(tmp_path / "x.png") as image:
        found = decode_gray(image)
    np.testing.assert_array_equal(found.rgb, thrice(deep[..., 0]))
    assert found.is_gray and not found.is_stretched


def test_what_no_other_library_reads(tmp_path: Path) -> None:
    Image.new("L", (3, 3)).save(tmp_path / "x.gif")
    assert decode_otherwise(tmp_path / "x.gif", 100) is None
