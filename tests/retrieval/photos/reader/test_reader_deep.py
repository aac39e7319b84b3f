"""Pictures of more than 8 bits, and TIFFs as scanners write them."""

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from retrieval.photos.reader import STRETCHED, PictureError, read_picture, read_small_rgb, to_uint8

LAYOUTS = {
    "gray": (1, {"photometric": "minisblack"}),
    "white is zero": (1, {"photometric": "miniswhite"}),
    "gray with alpha": (
        2,
        {"photometric": "minisblack", "extrasamples": ["unassalpha"], "planarconfig": "contig"},
    ),
    "color": (3, {"photometric": "rgb"}),
    "color in planes": (3, {"photometric": "rgb", "planarconfig": "separate"}),
    "color with alpha": (4, {"photometric": "rgb", "extrasamples": ["unassalpha"]}),
}


@pytest.mark.parametrize("bits", [10, 12, 14])
@pytest.mark.parametrize("kind", ["minisblack", "miniswhite", "rgb"])
def test_scanners_of_fewer_than_16_bits(tmp_path: Path, bits: int, kind: str) -> None:
    values = np.linspace(0, (1 << bits) - 1, 64).round().astype(np.uint16)
    stored = values.reshape(64, *(1,) * (2 if kind == "rgb" else 1)).repeat(8, 1)
    stored = stored.repeat(3, 2) if kind == "rgb" else stored
    tifffile.imwrite(tmp_path / "x.tif", stored, photometric=kind, bitspersample=bits)
    found = read_picture(tmp_path / "x.tif").rgb[:, 0, 0].astype(int)
    expected = np.linspace(0, 65535, 64)[:: -1 if kind == "miniswhite" else 1]
    assert np.abs(found - expected).max() < 65535 / (1 << bits)


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_fourth_channels_of_tiffs(cat: np.ndarray, tmp_path: Path, depth: type) -> None:
    """Infrared is no transparency; colors stored times their alpha are divided by it."""
    scale = 257 if depth is np.uint16 else 1
    half = np.full(cat.shape[:2], 128, np.uint8)
    for name, kind, colors in (
        ("ir", "unspecified", cat),
        ("alpha", "unassalpha", cat),
        ("times", "assocalpha", cat / 255 * 128),
    ):
        stored = (np.dstack((colors, half)).round().astype(np.int64) * scale).astype(depth)
        tifffile.imwrite(tmp_path / f"{name}.tif", stored, photometric="rgb", extrasamples=[kind])
        picture = read_picture(tmp_path / f"{name}.tif")
        assert np.abs(picture.rgb / scale - cat).max() <= 2
        assert (picture.alpha is None) == (name == "ir")
        if picture.alpha is not None:
            np.testing.assert_array_equal(picture.alpha, half.astype(depth) * scale)


def test_32_bits_without_a_sign(tmp_path: Path) -> None:
    values = np.linspace(0, 2**32 - 1, 64).astype(np.uint32)
    tifffile.imwrite(tmp_path / "x.tif", np.tile(values, (8, 1)), photometric="minisblack")
    assert (
        np.abs(
            read_picture(tmp_path / "x.tif").rgb[0, :, 0].astype(int) - np.linspace(0, 65535, 64)
        ).max()
        <= 1
    )


@pytest.mark.parametrize("kind", [np.uint32, np.int32])
def test_32_bits_of_whatever_range_are_stretched(tmp_path: Path, kind: type) -> None:
    values = np.tile(np.arange(256).astype(kind), (8, 1))
    tifffile.imwrite(tmp_path / "x.tif", values, photometric="minisblack")
    picture = read_picture(tmp_path / "x.tif")
    np.testing.assert_allclose(picture.rgb[0, :, 0], np.arange(256) * 257, atol=1)
    assert any("stretched" in note for note in picture.notes)


def test_a_transparent_gray_of_16_bits(tmp_path: Path) -> None:
    gray = np.arange(64 * 96, dtype=np.uint16).reshape(64, 96)
    Image.fromarray(gray).save(tmp_path / "x.png", transparency=500)
    picture = read_picture(tmp_path / "x.png")
    np.testing.assert_array_equal(picture.alpha, np.where(gray == 500, 0, 65535))


def test_sixteen_bits_are_kept(odd_files) -> None:
    expected = np.arange(64 * 96, dtype=np.uint16).reshape(64, 96) * 10
    picture = read_picture(odd_files.usable["deep.png"])
    assert picture.rgb.dtype == np.uint16
    assert picture.is_gray
    np.testing.assert_array_equal(picture.rgb, expected[..., None].repeat(3, 2))
    small = read_small_rgb(odd_files.usable["deep.png"], 64)
    assert small.dtype == np.uint8
    np.testing.assert_array_equal(small[..., 0], np.rint(expected / 257))


def test_sixteen_bit_tiffs(tmp_path: Path) -> None:
    gray = np.arange(64 * 96, dtype=np.uint16).reshape(64, 96) * 10
    tifffile.imwrite(tmp_path / "gray.tif", gray)
    tifffile.imwrite(tmp_path / "big.tif", gray.astype(">u2"), byteorder=">")
    for name in ("gray.tif", "big.tif"):
        np.testing.assert_array_equal(
            read_picture(tmp_path / name).rgb, gray[..., None].repeat(3, 2)
        )


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_sixteen_bit_color_tiffs(tmp_path: Path, compression: str | None) -> None:
    rgb = np.stack(
        (np.arange(64 * 96).reshape(64, 96) * 10, np.full((64, 96), 300), np.full((64, 96), 65535)),
        2,
    ).astype(np.uint16)
    tifffile.imwrite(tmp_path / "deep.tif", rgb, photometric="rgb", compression=compression)
    picture = read_picture(tmp_path / "deep.tif")
    assert picture.rgb.dtype == np.uint16
    assert not picture.is_gray
    np.testing.assert_array_equal(picture.rgb, rgb)
    assert np.abs(read_small_rgb(tmp_path / "deep.tif", 64) - rgb / 257).max() <= 1


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_sixteen_bit_color_pngs(tmp_path: Path, rng: np.random.Generator, channels: int) -> None:
    stored = rng.integers(0, 65536, (20, 30, channels), dtype=np.uint16)
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(stored))
    picture = read_picture(tmp_path / "a.png")
    assert picture.rgb.dtype == np.uint16
    assert picture.is_gray == (channels == 2)
    np.testing.assert_array_equal(
        picture.rgb, stored[..., :3] if channels > 2 else stored[..., :1].repeat(3, 2)
    )
    if channels != 3:
        np.testing.assert_array_equal(picture.alpha, stored[..., -1])
    assert np.abs(read_small_rgb(tmp_path / "a.png", 64) - picture.rgb / 257).max() <= 1


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"tile": (32, 32)},
        {"compression": "lzw"},
        {"compression": "lzw", "predictor": True},
        {"compression": "lzw", "tile": (32, 48)},
        {"compression": "zlib", "predictor": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_tiffs_as_scanners_write_them(
    tmp_path: Path, rng: np.random.Generator, dtype: type, layout: str, settings: dict[str, object]
) -> None:
    channels, kind = LAYOUTS[layout]
    stored = rng.integers(0, np.iinfo(dtype).max, (70, 90, channels), endpoint=True).astype(dtype)
    pixels = (
        stored[..., 0]
        if channels == 1
        else np.moveaxis(stored, -1, 0)
        if "planes" in layout
        else stored
    )
    tifffile.imwrite(tmp_path / "a.tif", pixels, **kind, **settings)  # type: ignore[arg-type]
    picture = read_picture(tmp_path / "a.tif")
    colors = stored[..., :3] if channels > 2 else stored[..., :1].repeat(3, 2)
    assert picture.rgb.dtype == dtype
    np.testing.assert_array_equal(
        picture.rgb, np.iinfo(dtype).max - colors if "white" in layout else colors
    )
    assert picture.is_gray == (channels < 3)
    if "alpha" in layout:
        np.testing.assert_array_equal(picture.alpha, stored[..., -1])
    else:
        assert picture.alpha is None
    assert (
        np.abs(read_small_rgb(tmp_path / "a.tif", 64).astype(int) - to_uint8(picture.rgb)).max()
        <= 1
    )


def test_tiffs_of_inks_are_refused_at_16_bits(tmp_path: Path) -> None:
    """Four channels need not be RGB and alpha."""
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((8, 8, 4), np.uint16), photometric="separated")
    with pytest.raises(PictureError, match="SEPARATED uint16"):
        read_picture(tmp_path / "a.tif")


def test_float_tiffs_are_stretched(tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "float.tif", np.linspace(-2.0, 3.0, 50, dtype=np.float32).reshape(5, 10)
    )
    picture = read_picture(tmp_path / "float.tif")
    # -2 becomes 0 and 3 becomes 65535
    np.testing.assert_allclose(picture.rgb[..., 0].ravel(), np.linspace(0, 65535, 50), atol=1)
    assert picture.notes == (STRETCHED,)
    tifffile.imwrite(tmp_path / "flat.tif", np.full((5, 10), 2.5, np.float32))
    assert read_picture(tmp_path / "flat.tif").rgb.shape == (5, 10, 3)


def test_floats_from_0_to_1_are_black_to_white(tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "float.tif", np.linspace(0.25, 0.5, 50, dtype=np.float32).reshape(5, 10)
    )
    picture = read_picture(tmp_path / "float.tif")
    np.testing.assert_allclose(
        picture.rgb[..., 0].ravel(), np.linspace(0.25, 0.5, 50) * 65535, atol=0.51
    )
    assert not picture.notes


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(tmp_path: Path, value: float) -> None:
    plane = np.linspace(0, 1, 50, dtype=np.float32).reshape(5, 10)
    plane[2, 3] = value
    tifffile.imwrite(tmp_path / "bad.tif", plane)
    with pytest.raises(PictureError, match="values that are not finite"):
        read_picture(tmp_path / "bad.tif")


# Depth


def test_to_uint8_rounds() -> None:
    # 257 * k is k; half way, 128, goes up and 127 down
    values = np.array([[[0, 127, 128], [129, 257, 385], [386, 65535, 65406]]], np.uint16)
    assert to_uint8(values).tolist() == [[[0, 0, 0], [1, 1, 1], [2, 255, 254]]]
    every = np.arange(65536, dtype=np.uint16).reshape(256, 256, 1)
    assert np.abs(to_uint8(every) - every / 257).max() <= 0.5
    eight = np.zeros((1, 1, 3), np.uint8)
    assert to_uint8(eight) is eight


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_a_bright_jpeg2000_is_as_bright_when_it_is_read_small(tmp_path: Path, bits: int) -> None:
    """Pillow lets its brightest values begin at black again."""
    full, path = (1 << bits) - 1, tmp_path / "x.jp2"
    bright = np.full((64, 64, 3), (full, full - 1, full // 2), np.uint16)
    path.write_bytes(
        imagecodecs.jpeg2k_encode(bright, level=0, bitspersample=bits, reversible=True)
    )
    small, whole = read_small_rgb(path, 16), to_uint8(read_picture(path).rgb)
    assert np.abs(small.astype(int) - whole.astype(int)).max() <= 1
    assert small[0, 0].tolist()[:2] == [255, 255]


def test_a_ppm_of_16_bits_keeps_them(tmp_path: Path, rng: np.random.Generator) -> None:
    values = rng.integers(0, 1 << 16, (8, 12, 3)).astype(">u2")
    (tmp_path / "x.ppm").write_bytes(b"P6 12 8 65535\n" + values.tobytes())
    picture = read_picture(tmp_path / "x.ppm")
    np.testing.assert_array_equal(picture.rgb, values)
    assert picture.rgb.dtype == np.uint16 and picture.notes == ()


@pytest.mark.parametrize("suffix", [".sgi", ".avif"])
def test_bits_that_are_lost_are_told(tmp_path: Path, cat: np.ndarray, suffix: str) -> None:
    path, bits = tmp_path / f"x{suffix}", 16 if suffix == ".sgi" else 10
    if suffix == ".sgi":
        Image.fromarray(cat).save(path, bpc=2)
    else:
        deep = cat.astype(np.uint16) << 2
        path.write_bytes(imagecodecs.avif_encode(deep, level=100, bitspersample=10))
    assert read_picture(path).notes == (f"{bits} bits became 8",)


def test_a_ppm_of_text_is_no_binary_one(tmp_path: Path) -> None:
    (tmp_path / "x.ppm").write_text("P3 2 1 65535\n65535 32768 0 0 0 65535\n")
    picture = read_picture(tmp_path / "x.ppm")
    assert picture.rgb.tolist() == [[[255, 128, 0], [0, 0, 255]]]
    assert picture.notes == ("16 bits became 8",)
