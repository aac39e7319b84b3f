import io
import os
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from retrieval.photos import reader as module
from retrieval.photos.reader import STRETCHED, PictureError, read_picture, read_small_rgb, to_uint8

Image.init()


def turned(upright: np.ndarray, orientation: int) -> np.ndarray:
    """How a camera stores an upright picture under an EXIF orientation."""
    return {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: np.rot90(upright.transpose(1, 0, 2), 2),
        8: np.rot90(upright, -1),
    }[orientation]


def exif(orientation: int) -> Image.Exif:
    data = Image.Exif()
    data[0x0112] = orientation
    data[0x0110] = "a camera"
    return data


@pytest.fixture
def cat(pictures: dict[str, np.ndarray]) -> np.ndarray:
    return pictures["chelsea"]


# Files that cannot be used


@pytest.mark.parametrize(
    "read", [read_picture, lambda path: read_small_rgb(path, 64)], ids=["full", "small"]
)
def test_unusable_files_are_refused_in_one_line(read, odd_files, tmp_path: Path) -> None:
    reasons = {"empty.jpg": "the file is empty", "text.png": "not a picture that can be read"}
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


# Files that can


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


def test_every_orientation_is_turned_upright(cat: np.ndarray, tmp_path: Path) -> None:
    for orientation in range(1, 9):
        path = tmp_path / f"{orientation}.png"
        Image.fromarray(np.ascontiguousarray(turned(cat, orientation))).save(
            path, exif=exif(orientation)
        )
        picture = read_picture(path)
        np.testing.assert_array_equal(picture.rgb, cat)
        np.testing.assert_array_equal(read_small_rgb(path, 512), cat)
        kept = Image.Exif()
        kept.load(picture.metadata["exif"])
        assert kept[0x0112] == 1  # or a viewer would turn the result once more
        assert kept[0x0110] == "a camera"


def test_large_turned_photos_are_upright_when_reduced(cat: np.ndarray, tmp_path: Path) -> None:
    large = np.asarray(Image.fromarray(cat).resize((1200, 800)))
    for suffix in ("png", "jpg"):
        path = tmp_path / f"turned.{suffix}"
        Image.fromarray(np.ascontiguousarray(turned(large, 6))).save(path, exif=exif(6))
        small = read_small_rgb(path, 64)
        assert small.shape[0] < small.shape[1]
        shown = np.asarray(Image.fromarray(small).resize((60, 40), Image.Resampling.BOX)).astype(
            int
        )
        expected = np.asarray(Image.fromarray(large).resize((60, 40), Image.Resampling.BOX)).astype(
            int
        )
        assert np.abs(shown - expected).mean() < 4


@pytest.mark.parametrize(
    ("mode", "suffix"), [("1", "png"), ("1", "tif"), ("P", "png"), ("P", "tif")]
)
def test_dots_of_two_tones_become_grays_when_reduced(
    cat: np.ndarray, tmp_path: Path, mode: str, suffix: str
) -> None:
    large, path = Image.fromarray(cat).convert("L").resize((1200, 800)), tmp_path / f"dots.{suffix}"
    large.convert("1").convert(mode).transpose(Image.Transpose.ROTATE_90).save(path, exif=exif(6))
    small = (
        Image.fromarray(read_small_rgb(path, 64))
        .convert("L")
        .resize((60, 40), Image.Resampling.BOX)
    )
    expected = np.asarray(large.resize((60, 40), Image.Resampling.BOX)).astype(int)
    assert np.abs(np.asarray(small).astype(int) - expected).mean() < 8


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


def test_alpha_is_turned_with_the_picture(cat: np.ndarray, tmp_path: Path) -> None:
    rgba = np.dstack((cat, np.arange(cat.shape[1], dtype=np.uint8)[None].repeat(cat.shape[0], 0)))
    Image.fromarray(np.ascontiguousarray(turned(rgba, 8))).save(tmp_path / "a.png", exif=exif(8))
    picture = read_picture(tmp_path / "a.png")
    np.testing.assert_array_equal(picture.rgb, cat)
    np.testing.assert_array_equal(picture.alpha, rgba[..., 3])


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


def test_first_frame_of_an_animation(odd_files) -> None:
    picture = read_picture(odd_files.usable["animated.gif"])
    assert picture.rgb.shape == (32, 48, 3)
    assert picture.rgb[..., 2].mean() < 200  # the second frame is all blue
    np.testing.assert_array_equal(read_small_rgb(odd_files.usable["animated.gif"], 64), picture.rgb)


def test_pages_are_counted(odd_files, cat: np.ndarray, tmp_path: Path) -> None:
    """Of those that a person would call so: a scan's thumbnail and a telephone's depth map are none."""
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
    """Infrared of a scanner is no transparency; colors stored times their alpha are divided by it."""
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


def test_xmp_that_is_no_bytes_is_left_out(cat: np.ndarray, tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "x.tif", cat, photometric="rgb", extratags=[(700, 2, 0, "<x:xmpmeta/>", False)]
    )
    picture = read_picture(tmp_path / "x.tif")
    np.testing.assert_array_equal(picture.rgb, cat)
    assert not isinstance(picture.metadata.get("xmp"), str)


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


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("kind", ["gray", "deep gray", "color", "deep color"])
def test_tiffs_are_turned_upright(
    cat: np.ndarray, tmp_path: Path, kind: str, compression: str | None
) -> None:
    stored = cat if "color" in kind else cat[..., 0]
    stored = stored.astype(np.uint16) * 257 if "deep" in kind else stored
    for orientation in range(1, 9):
        path = tmp_path / f"{orientation}.tif"
        lying = np.ascontiguousarray(
            turned(stored[..., None] if stored.ndim == 2 else stored, orientation)
        ).squeeze()
        photometric = "rgb" if "color" in kind else "minisblack"
        tags = [(274, "H", 1, orientation, True)]
        tifffile.imwrite(
            path, lying, photometric=photometric, compression=compression, extratags=tags
        )
        expected = stored if stored.ndim == 3 else stored[..., None].repeat(3, 2)
        np.testing.assert_array_equal(
            read_picture(path).rgb, expected, f"orientation {orientation}"
        )
        np.testing.assert_allclose(read_small_rgb(path, 512), to_uint8(expected), atol=1)


def test_photos_of_telephones(cat: np.ndarray, tmp_path: Path) -> None:
    """HEIC, stored lying, is upright once."""
    heif = pytest.importorskip("pillow_heif")
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Apple"
    stored = Image.fromarray(cat).rotate(90, expand=True)
    heif.from_pillow(stored).save(tmp_path / "a.heic", quality=95, exif=exif.tobytes())
    picture = read_picture(tmp_path / "a.heic")
    assert picture.rgb.shape == cat.shape
    assert np.abs(picture.rgb.astype(int) - cat).mean() < 6
    assert read_small_rgb(tmp_path / "a.heic", 64).shape == cat.shape
    found = Image.Exif()
    found.load(picture.metadata["exif"])  # type: ignore[arg-type]
    assert (found[0x0112], found[0x010F]) == (1, "Apple")


def test_heic_without_its_extra_names_it(
    cat: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrieval.photos.heic._register_heic", lambda: False)
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    with pytest.raises(
        PictureError, match=r'a\.heic: reading HEIC needs pillow-heif: pip install -e "\.\[heic\]"$'
    ):
        read_picture(tmp_path / "a.heic")
    Image.fromarray(cat).save(tmp_path / "b.jpg")
    (tmp_path / "b.jpg").rename(tmp_path / "b.heic")  # what some programs call a JPEG
    assert read_picture(tmp_path / "b.heic").rgb.shape == cat.shape


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


def test_gray_pictures_take_the_memory_of_one_channel(cat: np.ndarray, tmp_path: Path) -> None:
    for name, stored in {
        "a.jpg": cat[..., 0],
        "a.tif": cat[..., 0].astype(np.uint16) * 200,
    }.items():
        Image.fromarray(stored).save(tmp_path / name)
        rgb = read_picture(tmp_path / name).rgb
        assert rgb.strides[2] == 0 and rgb.shape == cat.shape


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


def test_lab_has_no_transparency(cat: np.ndarray, tmp_path: Path) -> None:
    profile = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    lab = ImageCms.applyTransform(
        Image.fromarray(cat), ImageCms.buildTransform(*profile[::-1], "RGB", "LAB")
    )
    assert lab is not None
    lab.save(tmp_path / "lab.tif")
    assert read_picture(tmp_path / "lab.tif").alpha is None


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(tmp_path: Path, value: float) -> None:
    plane = np.linspace(0, 1, 50, dtype=np.float32).reshape(5, 10)
    plane[2, 3] = value
    tifffile.imwrite(tmp_path / "bad.tif", plane)
    with pytest.raises(PictureError, match="values that are not finite"):
        read_picture(tmp_path / "bad.tif")


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


# Depth


def test_to_uint8_rounds() -> None:
    # 257 * k is k; half way, 128, goes up and 127 down
    values = np.array([[[0, 127, 128], [129, 257, 385], [386, 65535, 65406]]], np.uint16)
    assert to_uint8(values).tolist() == [[[0, 0, 0], [1, 1, 1], [2, 255, 254]]]
    every = np.arange(65536, dtype=np.uint16).reshape(256, 256, 1)
    assert np.abs(to_uint8(every) - every / 257).max() <= 0.5
    eight = np.zeros((1, 1, 3), np.uint8)
    assert to_uint8(eight) is eight
