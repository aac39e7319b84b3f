"""Photos of all kinds keep what they are."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from click.testing import Result
from PIL import Image
from skimage.color import rgb2lab

from colorization.photo_files.writer import FORMATS
from retrieval.photos.reader import read_picture

Cli = Callable[..., Result]


OddFiles = tuple[dict[str, Path], dict[str, Path]]


ORIENTATION, MAKER, EXIF_IFD, TAKEN = 0x0112, 0x010F, 0x8769, 0x9003


def same_luminance(rgb: np.ndarray, gray: np.ndarray, tolerance: float) -> bool:
    change = rgb2lab(rgb / np.iinfo(rgb.dtype).max) - rgb2lab(
        np.dstack([gray] * 3) / np.iinfo(gray.dtype).max
    )
    return float(np.abs(change[..., 0]).max()) < tolerance


def test_odd_files_keep_size_and_transparency(odd_run: tuple[Result, Path, Path]) -> None:
    _, inputs, out = odd_run
    for path in (path for path in out.iterdir() if path.suffix in FORMATS):
        source = next(inputs.glob(f"{path.stem}{path.suffix}"), inputs / f"{path.stem}.gif")
        with Image.open(path) as found, Image.open(source) as original:
            size = original.size[::-1] if path.stem == "rotated" else original.size
            assert found.size == size, path.name
            transparent = path.stem in ("alpha", "gray_alpha")
            if path.suffix != ".tif":
                assert found.mode == ("RGBA" if transparent else "RGB"), path.name
            if transparent:
                np.testing.assert_array_equal(
                    np.asarray(found)[..., 3], np.asarray(original.getchannel("A"))
                )


def test_animations_give_their_first_frame(odd_run: tuple[Result, Path, Path]) -> None:
    _, inputs, out = odd_run
    first = np.asarray(Image.open(inputs / "animated.gif").convert("RGB"))
    luminance = rgb2lab(first)[..., 0]
    assert (
        np.abs(rgb2lab(np.asarray(Image.open(out / "animated.png")))[..., 0] - luminance).max()
        < 0.5
    )


def test_deep_files_stay_deep(odd_run: tuple[Result, Path, Path]) -> None:
    result, inputs, out = odd_run
    for name in ("deep.tif", "deep.png"):
        found = read_picture(out / name).rgb
        assert found.dtype == np.uint16
        assert same_luminance(found, read_picture(inputs / name).rgb[..., 0], 0.02)
    assert "16 bits" not in result.stderr


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_rotated_photos_come_out_upright(
    cli: Cli,
    reference_path: Path,
    tmp_path: Path,
    gray_pictures: dict[str, np.ndarray],
    suffix: str,
    orientation: int,
) -> None:
    """Stored as each of the eight EXIF orientations, the same picture comes out.

    Only the lossy ones differ a little.
    """
    upright = Image.fromarray(gray_pictures["coffee"][:64, :96])
    turn = {
        2: "FLIP_LEFT_RIGHT",
        3: "ROTATE_180",
        4: "FLIP_TOP_BOTTOM",
        5: "TRANSPOSE",
        6: "ROTATE_90",
        7: "TRANSVERSE",
        8: "ROTATE_270",
    }
    stored = upright if orientation == 1 else upright.transpose(Image.Transpose[turn[orientation]])
    exif = Image.Exif()
    exif[ORIENTATION], exif[MAKER] = orientation, "Kodak"
    stored.save(tmp_path / f"in{suffix}", exif=exif, quality=95)
    result = cli(
        "colorize",
        tmp_path / f"in{suffix}",
        "--reference",
        reference_path,
        "--output",
        tmp_path / f"x{suffix}",
    )
    assert (result.exit_code, result.stderr) == (0, "")
    found = Image.open(tmp_path / f"x{suffix}")
    assert found.size == upright.size
    difference = np.asarray(found.convert("L")).astype(int) - np.asarray(upright)
    # Pillow's luma is not quite L; a turned picture is at 40 and more
    assert np.abs(difference).mean() < 12
    assert found.getexif().get(ORIENTATION, 1) == 1
    assert found.getexif()[MAKER] == "Kodak"


@pytest.mark.parametrize("output", ["x.jpg", "x.png", "x.webp", "x.tif"])
def test_camera_data_of_a_jpeg_is_kept(
    cli: Cli, reference_path: Path, tmp_path: Path, gray_path: Path, output: str
) -> None:
    exif = Image.Exif()
    exif[MAKER] = "Kodak"
    exif.get_ifd(EXIF_IFD)[TAKEN] = "1936:07:01 10:00:00"
    Image.open(gray_path).save(tmp_path / "in.jpg", exif=exif, dpi=(300, 300))
    result = cli(
        "colorize",
        tmp_path / "in.jpg",
        "--reference",
        reference_path,
        "--output",
        tmp_path / output,
    )
    assert (result.exit_code, result.stderr) == (0, "")
    found = Image.open(tmp_path / output).getexif()
    assert found[MAKER] == "Kodak"
    assert found.get_ifd(EXIF_IFD)[TAKEN] == "1936:07:01 10:00:00"


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_rotated_16_bit_scans_come_out_upright_and_deep(
    cli: Cli, reference_path: Path, tmp_path: Path, suffix: str, orientation: int
) -> None:
    upright = np.linspace(500, 65000, 64 * 96).reshape(64, 96).astype(np.uint16)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    stored = upright if orientation == 1 else np.rot90(upright).copy()
    Image.fromarray(stored).save(tmp_path / f"in{suffix}", exif=exif)
    result = cli(
        "colorize",
        tmp_path / f"in{suffix}",
        "--reference",
        reference_path,
        "--output",
        tmp_path / "x.tif",
    )
    assert (result.exit_code, result.stderr) == (0, "")
    found = tifffile.imread(tmp_path / "x.tif")
    assert found.shape == (64, 96, 3) and found.dtype == np.uint16
    assert same_luminance(found, upright, 0.02)


def test_16_bit_color_scans_stay_deep(cli: Cli, reference_path: Path, tmp_path: Path) -> None:
    """Gray scans are often stored as RGB. Pillow reads 8 bits of them."""
    gray = np.linspace(500, 65000, 64 * 96).reshape(64, 96).astype(np.uint16)
    tifffile.imwrite(tmp_path / "in.tif", np.dstack([gray] * 3), photometric="rgb")
    result = cli(
        "colorize",
        tmp_path / "in.tif",
        "--reference",
        reference_path,
        "--output",
        tmp_path / "x.tif",
    )
    assert (result.exit_code, result.stderr) == (0, "")
    found = tifffile.imread(tmp_path / "x.tif")
    assert found.dtype == np.uint16
    assert same_luminance(found, gray, 0.02)
