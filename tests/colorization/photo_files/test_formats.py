"""Photos through ``rechroma colorize`` and back: color is added, and a note that it was."""

from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from click.testing import Result
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from skimage.color import rgb2lab

from retrieval.photos.embedded.tiff_tags import DESCRIPTION, FOLDERS, ORIENTATION, SOFTWARE
from retrieval.photos.metadata import load_exif
from retrieval.photos.reader import Picture, read_picture

Cli = Callable[..., Result]
Colorize = Callable[..., Picture]
TITLE, MAKER, TAKEN, LATITUDE = (
    "Gro\u00dfmutter in Pozna\u0144".encode(),
    "Epson",
    "1936:07:01 10:00:00",
    (52.0, 30.0, 12.0),
)
MAKER_TAG, TAKEN_TAG, LATITUDE_TAG = 0x010F, 0x9003, 2
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description dc:creator="Frau M\xc3\xbcller"'
    b' tiff:Orientation="1"/></x:xmpmeta>'
)
DPI = (300.0, 300.0)
TURN = {1: None, 3: "ROTATE_180", 6: "ROTATE_90", 8: "ROTATE_270"}


def carried(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[DESCRIPTION], exif[MAKER_TAG], exif[SOFTWARE], exif[ORIENTATION] = (
        TITLE,
        MAKER,
        "VueScan",
        orientation,
    )
    for folder, tags in ((FOLDERS[0], {TAKEN_TAG: TAKEN}), (FOLDERS[1], {LATITUDE_TAG: LATITUDE})):
        exif.get_ifd(folder).update(tags)
    return load_exif(exif.tobytes())  # with folders that Pillow writes into TIFFs, too


def scan(path: Path, gray: np.ndarray, profile: bytes, orientation: int = 1) -> Path:
    """Write a gray scan with all that photos carry, stored turned."""
    turn = TURN[orientation]
    image = Image.fromarray(gray)
    image = image.transpose(Image.Transpose[turn]) if turn else image
    exif = carried(orientation)
    settings: dict[str, object] = {"exif": exif, "icc_profile": profile, "dpi": DPI}
    if path.suffix == ".png":
        settings["pnginfo"] = PngInfo()
        settings["pnginfo"].add_itxt("XML:com.adobe.xmp", XMP.decode())  # type: ignore[attr-defined]
    elif path.suffix == ".tif":
        exif[700] = XMP
    else:
        settings["xmp"] = XMP
    if path.suffix in (".webp", ".avif"):
        exif[282], exif[283], exif[296] = *DPI, 2
    image.save(path, quality=95, **settings)
    return path


def luminance(rgb: np.ndarray) -> np.ndarray:
    return rgb2lab(rgb / np.iinfo(rgb.dtype).max)[..., 0]


def rounding(rgb: np.ndarray) -> np.ndarray:
    """The most that rounding can change L, by pixel: half a step of each times the slope."""
    values, half = rgb / np.iinfo(rgb.dtype).max, 0.5 / np.iinfo(rgb.dtype).max
    most, level = np.zeros(rgb.shape[:2]), rgb2lab(values)[..., 0]
    for channel in range(3):
        low, high = values.copy(), values.copy()
        low[..., channel], high[..., channel] = low[..., channel] - half, high[..., channel] + half
        most += np.maximum(
            rgb2lab(high.clip(0, 1))[..., 0] - level, level - rgb2lab(low.clip(0, 1))[..., 0]
        )
    return most


def is_colored(rgb: np.ndarray) -> bool:
    return float(np.ptp(rgb.astype(float), axis=2).mean()) > 0.01 * np.iinfo(rgb.dtype).max


# --- luminance


@pytest.mark.parametrize(("suffix", "bits"), [(".png", 8), (".png", 16), (".tif", 8), (".tif", 16)])
def test_luminance_is_kept_to_the_last_bit_that_color_allows(
    colorized: Colorize,
    tmp_path: Path,
    grays: dict[int, np.ndarray],
    profile: bytes,
    suffix: str,
    bits: int,
) -> None:
    gray = grays[bits]
    path = scan(tmp_path / f"in{suffix}", gray, profile)
    found = colorized(path, tmp_path / f"x{suffix}")
    assert found.rgb.dtype == gray.dtype and is_colored(found.rgb)
    change = np.abs(luminance(found.rgb) - luminance(np.dstack([gray] * 3)))
    float32 = 1e-4  # of L
    assert (change <= rounding(found.rgb) + float32).all()
    assert change.max() < (0.4 if bits == 8 else 0.003)


@pytest.mark.parametrize(("suffix", "bits"), [(".png", 8), (".png", 16), (".tif", 8), (".tif", 16)])
def test_without_saturation_every_value_is_the_original(
    colorized: Colorize,
    tmp_path: Path,
    grays: dict[int, np.ndarray],
    profile: bytes,
    suffix: str,
    bits: int,
) -> None:
    path = scan(tmp_path / f"in{suffix}", grays[bits], profile)
    found = colorized(path, tmp_path / f"x{suffix}", saturation=0.0)
    np.testing.assert_array_equal(found.rgb, np.dstack([grays[bits]] * 3))


@pytest.mark.parametrize(("suffix", "mean", "most"), [(".jpg", 0.5, 5.0), (".webp", 1.0, 10.0)])
def test_lossy_formats_lose_little_luminance(
    colorized: Colorize,
    tmp_path: Path,
    grays: dict[int, np.ndarray],
    profile: bytes,
    suffix: str,
    mean: float,
    most: float,
) -> None:
    path = scan(tmp_path / f"in{suffix}", grays[8], profile)
    found = colorized(path, tmp_path / f"x{suffix}")
    change = np.abs(luminance(found.rgb) - luminance(read_picture(path).rgb))
    assert change.mean() < mean and change.max() < most
    assert is_colored(found.rgb)


# --- what photos carry


@pytest.mark.parametrize("orientation", TURN)
@pytest.mark.parametrize(
    ("source", "output", "bits"),
    [
        (".jpg", ".jpg", 8),
        (".png", ".png", 8),
        (".png", ".png", 16),
        (".tif", ".png", 16),
        (".tif", ".tif", 8),
        (".tif", ".tif", 16),
        (".webp", ".webp", 8),
        (".avif", ".png", 8),
        (".tif", ".jpg", 16),
        (".jpg", ".tif", 8),
        (".png", ".webp", 8),
    ],
)
def test_all_that_a_photo_carries_comes_out(
    colorized: Colorize,
    tmp_path: Path,
    grays: dict[int, np.ndarray],
    profile: bytes,
    source: str,
    output: str,
    bits: int,
    orientation: int,
) -> None:
    path = scan(tmp_path / f"in{source}", grays[bits], profile, orientation)
    found = colorized(path, tmp_path / f"x{output}")
    with Image.open(tmp_path / f"x{output}") as image:
        assert image.size == grays[8].shape[::-1]
    upright = grays[8].astype(float)
    # turned, it is at 50
    assert np.abs(found.rgb[..., 1] / np.iinfo(found.rgb.dtype).max * 255 - upright).mean() < 20
    exif = load_exif(found.metadata["exif"])
    assert found.metadata["icc_profile"] == profile
    assert found.metadata["xmp"] == XMP
    assert found.metadata["dpi"] == pytest.approx(DPI, abs=0.01)
    assert (exif[ORIENTATION], exif[MAKER_TAG]) == (1, MAKER)
    assert exif.get_ifd(FOLDERS[0])[TAKEN_TAG] == TAKEN
    assert tuple(map(float, exif.get_ifd(FOLDERS[1])[LATITUDE_TAG])) == LATITUDE
    said = exif[DESCRIPTION] if isinstance(exif[DESCRIPTION], bytes) else exif[DESCRIPTION].encode()
    # Pillow writes ASCII into AVIFs that are to be turned
    assert said.startswith(b"Gro" if source == ".avif" else TITLE)
    assert b"Rechroma" in said and b"reference.png" in said
    assert exif[SOFTWARE].startswith("VueScan") and "Rechroma" in exif[SOFTWARE]


@pytest.mark.parametrize(
    ("suffix", "bits"), [(".png", 8), (".png", 16), (".webp", 8), (".tif", 8), (".tif", 16)]
)
def test_alpha_is_kept(
    colorized: Colorize, tmp_path: Path, grays: dict[int, np.ndarray], suffix: str, bits: int
) -> None:
    gray = grays[bits]
    top = np.iinfo(gray.dtype).max
    alpha = np.linspace(0.1, 1, gray.size).reshape(gray.shape) * top
    layers = np.dstack((gray, alpha.astype(gray.dtype)))
    if suffix == ".tif":
        tifffile.imwrite(
            tmp_path / "in.tif",
            layers,
            photometric="minisblack",
            planarconfig="contig",
            extrasamples=["unassalpha"],
        )
    elif bits == 16:
        (tmp_path / "in.png").write_bytes(imagecodecs.png_encode(layers))
    else:
        Image.fromarray(layers, "LA").save(tmp_path / f"in{suffix}", lossless=True)
    found = colorized(tmp_path / f"in{suffix}", tmp_path / f"x{suffix}")
    np.testing.assert_array_equal(found.alpha, layers[..., 1])
    assert is_colored(found.rgb)


@pytest.mark.parametrize(
    "settings",
    [{"tile": (32, 48)}, {"compression": "lzw"}, {"compression": "lzw", "predictor": 2}],
    ids=str,
)
@pytest.mark.parametrize("bits", [8, 16])
def test_tiffs_of_scanners(
    colorized: Colorize,
    tmp_path: Path,
    grays: dict[int, np.ndarray],
    bits: int,
    settings: dict[str, object],
) -> None:
    gray = grays[bits]
    tifffile.imwrite(tmp_path / "in.tif", np.dstack([gray] * 3), photometric="rgb", **settings)  # type: ignore[arg-type]
    found = colorized(tmp_path / "in.tif", tmp_path / "x.tif")
    assert found.rgb.dtype == gray.dtype
    change = np.abs(luminance(found.rgb) - luminance(np.dstack([gray] * 3)))
    assert change.max() < (0.4 if bits == 8 else 0.003)


# --- bombs


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg"])
def test_a_bomb_is_refused_with_the_limit(
    cli: Cli, tmp_path: Path, reference_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    monkeypatch.setattr("retrieval.photos.reader.MAX_PIXELS", 1_000_000)
    Image.new("L", (1001, 1000)).save(tmp_path / f"in{suffix}")
    result = cli(
        "colorize",
        tmp_path / f"in{suffix}",
        "--reference",
        reference_path,
        "--output",
        tmp_path / "x.png",
    )
    assert result.exit_code == 2 and "1001x1000" in result.stderr and "limit of 1" in result.stderr
    assert not (tmp_path / "x.png").exists()
