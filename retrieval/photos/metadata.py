"""What a photograph carries beside its pixels: EXIF, ICC profile, XMP, resolution."""

import os
import re
import struct
from contextlib import suppress
from io import BufferedIOBase
from pathlib import Path
from typing import IO, cast

import tifffile
from PIL import Image

from retrieval.photos.pillow_limits import own_limits

ORIENTATION, DESCRIPTION, SOFTWARE = 0x0112, 0x010E, 0x0131
X_RESOLUTION, Y_RESOLUTION, UNIT, XMP, IPTC, ICC_PROFILE = 282, 283, 296, 700, 33723, 34675
WIDTH, HEIGHT = 0xA002, 0xA003  # of the picture in pixels, in the camera's folder
FOLDERS = (0x8769, 0x8825, 0xA005)  # of the camera, of the place, of interoperability
INCH, CENTIMETRE = 2, 3
# in the description of what the program has made
COLORIZED, SHEET = "Colorized by Rechroma", "contact sheet of Rechroma"
SNIFFED = 1 << 17  # bytes at both ends of a file: more than the EXIF of a JPEG can take
MAX_DPI = 1 << 16  # what a JPEG can hold
# what a TIFF says of its own layout, which Pillow counts among its EXIF, what is kept beside EXIF,
# and what other programs keep there for themselves
_LAYOUT = frozenset((*range(254, 267), 273, *range(277, 285), *range(288, 294), UNIT, 297, 301, *range(317, 348), *range(512, 533),
                     XMP, IPTC, 34377, ICC_PROFILE, 50341))  # fmt: skip
IPTC_RESOURCE = 0x0404  # of Photoshop's block in a JPEG
COMMENT = "Comment"  # the name that PNG gives to what JPEG and GIF have one of
_SHAPE = '{"shape":'  # how tifffile describes the layout of a file
# texts of a PNG that hold what is read as XMP, EXIF, ...
_OTHERWISE = re.compile("XML:com.adobe.xmp|Raw profile type")
_XMP_TURN = re.compile(rb"(tiff:Orientation(?:=[\"']|>))[2-8]")

Metadata = dict[str, object]


def is_made(data: bytes) -> bool:
    """Whether a picture file says that this program has made it; every format holds its EXIF as it is."""
    return COLORIZED.encode() in data or SHEET.encode() in data


def is_made_file(path: Path) -> bool:
    """The same of a file, of which little is read; what cannot be read is not ours."""
    try:
        with path.open("rb") as file:
            size, head = os.fstat(file.fileno()).st_size, file.read(SNIFFED)
            file.seek(max(SNIFFED, size - SNIFFED))
            if is_made(head + file.read()):
                return True
        return size > 2 * SNIFFED and is_made(_description(path))
    except Exception:  # of Pillow, whatever a damaged file makes it raise
        return False


def _description(path: Path) -> bytes:
    """What EXIF says of a picture, wherever in the file it lies: a large XMP or profile may stand before it."""
    # a PNG would decode its pixels to look for EXIF behind them
    with own_limits(), Image.open(path) as image:
        exif = image.getexif() if image.format == "TIFF" else load_exif(image.info.get("exif"))
        return str(exif.get(DESCRIPTION, "")).encode()


def read_metadata(image: Image.Image) -> Metadata:
    """What a writer puts back, from a picture that Pillow has opened.

    Returns:
        Of these what the file has: ``exif`` (bytes, orientation reset), ``icc_profile`` (bytes, of
            gray or RGB), ``xmp``
        (bytes, orientation reset), ``iptc`` (bytes, the records of captions and keywords), ``dpi``
        (two numbers) and ``texts`` (by name: those of a PNG, and as ``Comment`` that of a JPEG or
        GIF).
    """
    exif = image.getexif()
    metadata: Metadata = {
        key: image.info[key] for key in ("icc_profile", "xmp", "dpi") if image.info.get(key)
    }
    if image.mode not in ("RGB", "RGBA", "P", "PA") and profile_space(
        metadata.get("icc_profile")
    ) not in ("RGB", "GRAY"):
        metadata.pop("icc_profile", None)  # a profile of inks would misread the RGB result
    # what the header of a JPEG says beside it is often nobody's; of a TIFF, Pillow says 1
    stated = _resolution(exif)
    if stated or image.format == "TIFF":
        metadata["dpi"] = stated
    iptc = (
        exif.get(IPTC)
        if image.format == "TIFF"
        else (image.info.get("photoshop") or {}).get(IPTC_RESOURCE)
    )
    metadata["iptc"] = iptc if isinstance(iptc, bytes) else None
    metadata["texts"] = {
        name: text
        for name, text in getattr(image, "text", {}).items()
        if not _OTHERWISE.match(name)
    }
    if isinstance(comment := image.info.get("comment"), bytes):
        metadata["texts"] = {COMMENT: _decoded(comment)}
    return _upright(metadata, exif, getattr(image, "fp", None))


def _decoded(text: bytes) -> str:
    """A text whose encoding no one has told."""
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")


def read_tiff_metadata(path: Path) -> tuple[Metadata, int]:
    """The same of a TIFF that Pillow cannot open, and its orientation, 1..8."""
    exif = Image.Exif()
    with path.open("rb") as file:
        exif.load_from_fp(file)
        metadata: Metadata = {
            "icc_profile": exif.get(ICC_PROFILE),
            "xmp": exif.get(XMP),
            "dpi": _resolution(exif),
        }
        metadata["iptc"] = iptc if isinstance(iptc := exif.get(IPTC), bytes) else None
        return _upright(metadata, exif, file), exif.get(ORIENTATION, 1)


def profile_space(profile: object) -> str:
    """What an ICC profile describes: RGB, GRAY, CMYK, ...; nothing if it is none."""
    return (
        profile[16:20].decode("latin-1").strip()
        if isinstance(profile, bytes) and len(profile) > 128
        else ""
    )


def load_exif(stored: object) -> Image.Exif:
    """EXIF to read and to change; empty if there is none.

    Texts that are not ASCII are given as their bytes: Pillow would write each such letter as a
        question mark.
    """
    exif = Image.Exif()
    if isinstance(stored, bytes):
        exif.load(stored)
    return _keep_bytes(exif)


def _keep_bytes(exif: Image.Exif) -> Image.Exif:
    for tags in (exif, *(exif.get_ifd(folder) for folder in FOLDERS[:2] if folder in exif)):
        for tag, value in list(tags.items()):
            if isinstance(value, str) and not value.isascii():
                tags[tag] = value.encode("latin-1", "replace")  # as which Pillow has read it
    return exif


def _upright(metadata: Metadata, exif: Image.Exif, file: BufferedIOBase | None) -> Metadata:
    """Without what is empty or describes the old file's layout; nothing says any more that the picture is to be turned."""
    dpi, xmp = metadata.get("dpi"), metadata.get("xmp")
    # 0/0 is not a number
    if isinstance(dpi, tuple) and not all(0 < value < MAX_DPI for value in dpi):
        del metadata["dpi"]
    if isinstance(xmp, bytes):
        metadata["xmp"] = _XMP_TURN.sub(rb"\g<1>1", xmp)
    if exif:
        # damaged: left out
        with suppress(struct.error, TypeError, ValueError, KeyError, OverflowError, AttributeError):
            # a copy: the picture's own still says how to turn it
            copied = load_exif(_keep_bytes(exif).tobytes())
            # that folder belongs in the camera's, Pillow fails at it here
            for tag in (_LAYOUT | {FOLDERS[2]}) & set(copied):
                del copied[tag]
            if str(copied.get(DESCRIPTION, "")).startswith(_SHAPE):
                del copied[DESCRIPTION]
                if own := _own_description(file):
                    copied[DESCRIPTION] = own if own.isascii() else own.encode()
            camera = copied.get_ifd(FOLDERS[0]) if FOLDERS[0] in copied else {}
            # it lay on its side
            if exif.get(ORIENTATION) in (5, 6, 7, 8) and WIDTH in camera and HEIGHT in camera:
                camera[WIDTH], camera[HEIGHT] = camera[HEIGHT], camera[WIDTH]
            copied[ORIENTATION] = 1
            metadata["exif"] = copied.tobytes()
    return {key: value for key, value in metadata.items() if value}


def _own_description(file: BufferedIOBase | None) -> str:
    """The description that tifffile has kept, which writes that of the layout behind it; empty if there is none."""
    if file is None or file.closed:
        return ""
    place = file.tell()
    file.seek(0)
    try:
        with tifffile.TiffFile(cast("IO[bytes]", file)) as tiff:
            text = str(cast("tifffile.TiffPage", tiff.pages[0]).description)
    except tifffile.TiffFileError:
        return ""
    finally:
        file.seek(place)
    return "" if text.startswith(_SHAPE) else text


def _resolution(exif: Image.Exif) -> tuple[float, float] | None:
    """Pixels an inch, if EXIF says so."""
    unit = exif.get(UNIT, INCH)
    if unit not in (INCH, CENTIMETRE) or not exif.get(X_RESOLUTION):
        return None
    scale = 2.54 if unit == CENTIMETRE else 1.0
    try:
        across = float(exif[X_RESOLUTION]) * scale
        return across, float(exif.get(Y_RESOLUTION) or exif[X_RESOLUTION]) * scale
    except (TypeError, ValueError, ZeroDivisionError):  # text, or several numbers
        return None
