"""The tables of the README, done: every cell is what really happens."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms
from skimage import data

from colorization.batch.target_colors import HAS_COLORS, has_colors
from colorization.photo_files.writer import FORMATS, output_suffix, what_is_lost, write_picture
from retrieval.photos.formats import READ, READ_BY_NAME
from retrieval.photos.metadata import COMMENT
from retrieval.photos.reader import Picture, read_picture

README = Path(__file__).parents[3] / "colorization" / "photo_files" / "README.md"
SUFFIX = {"JPEG": ".jpg", "PNG": ".png", "TIFF": ".tif", "WEBP": ".webp"}
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description dc:creator="A"/></x:xmpmeta>'
IPTC = b"\x1c\x02\x78\x00\x05title"
MAKER = 0x010F


def rows(first: str) -> list[list[str]]:
    """Cells of the table whose head begins with a word, below the head."""
    text = README.read_text("utf-8")
    table = text[text.index(f"| {first} |") :].partition("\n\n")[0]
    lines = [[cell.strip() for cell in line[1:-1].split("|")] for line in table.splitlines()]
    return [lines[0], *lines[2:]]


def test_formats_are_those_that_are_read() -> None:
    table = {cells[0]: (tuple(cells[1].split()), cells[2]) for cells in rows("format")[1:]}
    known = {**READ, **READ_BY_NAME}
    assert {name: suffixes for name, (suffixes, _) in table.items()} == known
    for suffixes, result in table.values():
        own = [suffix for suffix in suffixes if suffix in FORMATS]
        assert [output_suffix(s) for s in suffixes] == [s if s in own else result for s in suffixes]


@pytest.mark.parametrize("name", [*READ, *READ_BY_NAME])
def test_every_format_is_read(name: str, tmp_path: Path, gray_picture: np.ndarray) -> None:
    Image.init()
    if name == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    if name not in Image.SAVE:
        pytest.skip("Pillow does not write it; it is read in test_formats of retrieval")
    path = tmp_path / f"x{ {**READ, **READ_BY_NAME}[name][0] }"
    kind = "RGB" if name in ("QOI", "DDS", "ICNS", "HEIF", "AVIF", "ICO") else "L"
    Image.fromarray(gray_picture).resize((64, 64)).convert(kind).save(path, name)
    found = read_picture(path)
    assert found.rgb.shape[2] == 3 and found.rgb.std() > 5


@pytest.fixture
def gray_picture() -> np.ndarray:
    return np.asarray(Image.fromarray(data.coffee()).convert("L").resize((96, 64)))


def carrying(what: str, gray: np.ndarray) -> Picture:
    rgb = np.dstack([gray] * 3)
    exif = Image.Exif()
    exif[MAKER] = "Kodak"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    metadata: dict[str, object] = {
        "EXIF": {"exif": exif.tobytes()},
        "XMP": {"xmp": XMP},
        "ICC profile": {"icc_profile": profile},
        "IPTC captions": {"iptc": IPTC},
        "resolution": {"dpi": (300.0, 300.0)},
        "comment": {"texts": {COMMENT: "in summer"}},
        "other texts": {"texts": {"Author": "A"}},
    }.get(what, {})  # type: ignore[assignment]
    if what == "16 bits":
        rgb = rgb.astype(np.uint16) * 257 + 5
    alpha = gray if what == "transparency" else None
    return Picture(rgb, alpha, True, metadata)


def is_there(what: str, found: Picture) -> bool:
    metadata = found.metadata
    if what == "16 bits":
        return found.rgb.dtype == np.uint16
    if what == "transparency":
        return found.alpha is not None
    if what == "EXIF":
        return b"Kodak" in bytes(metadata.get("exif", b""))  # type: ignore[call-overload]
    if what == "resolution":
        dpi = metadata.get("dpi", (0.0, 0.0))
        return bool(np.allclose(dpi, 300, atol=1))  # type: ignore[arg-type]
    if what in ("comment", "other texts"):
        return bool(metadata.get("texts"))
    key = {"XMP": "xmp", "ICC profile": "icc_profile", "IPTC captions": "iptc"}[what]
    return bool(metadata.get(key))


@pytest.mark.parametrize("cells", rows("what")[1:], ids=lambda cells: cells[0])
def test_kept_or_told(cells: list[str], tmp_path: Path, gray_picture: np.ndarray) -> None:
    source = carrying(cells[0], gray_picture)
    for name, cell in zip(rows("what")[0][1:], cells[1:], strict=True):
        path = tmp_path / f"x{SUFFIX[name]}"
        write_picture(path, source.rgb, source)
        lost = what_is_lost(source, path)
        assert (is_there(cells[0], read_picture(path)), bool(lost)) == (
            cell == "kept",
            cell == "told",
        ), (name, lost)
    assert set(SUFFIX) == set(FORMATS.values())


def turned(path: Path, gray: np.ndarray) -> Path:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(gray).save(path.with_suffix(".jpg"), exif=exif)
    return path.with_suffix(".jpg")


def two_levels(path: Path, gray: np.ndarray) -> Path:
    Image.fromarray(gray).convert("1").save(path.with_suffix(".tif"), compression="group4")
    return path.with_suffix(".tif")


def layers(path: Path, gray: np.ndarray) -> Path:
    block = b"Adobe Photoshop Document Data Block\0" + bytes(1000)
    tag = (37724, 7, len(block), block, True)
    tifffile.imwrite(path.with_suffix(".tif"), gray, metadata=None, extratags=[tag])
    return path.with_suffix(".tif")


def pages(path: Path, gray: np.ndarray) -> Path:
    one = Image.fromarray(gray)
    one.save(path.with_suffix(".tif"), save_all=True, append_images=[one, one])
    return path.with_suffix(".tif")


def stretched(path: Path, gray: np.ndarray) -> Path:
    tifffile.imwrite(path.with_suffix(".tif"), gray.astype(np.float32) * 1000)
    return path.with_suffix(".tif")


def motion(path: Path, gray: np.ndarray) -> Path:
    xmp = XMP.replace(b"dc:creator", b'GCamera:MotionPhoto="1" dc:creator')
    Image.fromarray(gray).save(path.with_suffix(".jpg"), xmp=xmp)
    return path.with_suffix(".jpg")


def hdr(path: Path, gray: np.ndarray) -> Path:
    Image.fromarray(np.dstack([gray] * 3)).save(path.with_suffix(".png"))
    png = path.with_suffix(".png").read_bytes()
    body = b"cICP" + bytes((9, 16, 0, 1))
    chunk = struct.pack(">I", 4) + body + struct.pack(">I", zlib.crc32(body))
    path.with_suffix(".png").write_bytes(png[:33] + chunk + png[33:])
    return path.with_suffix(".png")


def colors(path: Path, gray: np.ndarray) -> Path:
    Image.fromarray(data.astronaut()).save(path.with_suffix(".jpg"))
    return path.with_suffix(".jpg")


MAKERS: dict[str, Callable[[Path, np.ndarray], Path]] = {
    "turned by EXIF": turned,
    "two levels": two_levels,
    "layers of Photoshop": layers,
    "several pages": pages,
    "values beyond 16 bits": stretched,
    "motion photo": motion,
    "HDR": hdr,
    "colors": colors,
}


def test_every_row_is_made() -> None:
    assert [cells[0] for cells in rows("in the file")[1:]] == list(MAKERS)


@pytest.mark.parametrize("cells", rows("in the file")[1:], ids=lambda cells: cells[0])
def test_converted_or_dropped(cells: list[str], tmp_path: Path, gray_picture: np.ndarray) -> None:
    path = MAKERS[cells[0]](tmp_path / "x", gray_picture)
    picture = read_picture(path)
    told = [*what_is_lost(picture, path), *([HAS_COLORS] if has_colors(picture) else [])]
    assert told == ([cells[1]] if cells[1] else [])
