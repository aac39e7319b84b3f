"""Pictures that are stored lying come upright."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from retrieval.photos.reader import read_picture, read_small_rgb, to_uint8


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


def test_alpha_is_turned_with_the_picture(cat: np.ndarray, tmp_path: Path) -> None:
    rgba = np.dstack((cat, np.arange(cat.shape[1], dtype=np.uint8)[None].repeat(cat.shape[0], 0)))
    Image.fromarray(np.ascontiguousarray(turned(rgba, 8))).save(tmp_path / "a.png", exif=exif(8))
    picture = read_picture(tmp_path / "a.png")
    np.testing.assert_array_equal(picture.rgb, cat)
    np.testing.assert_array_equal(picture.alpha, rgba[..., 3])


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
