"""What a photograph carries beside its pixels: EXIF, ICC profile, XMP, resolution."""

import os
import struct
from collections.abc import Mapping
from contextlib import suppress
from io import BufferedIOBase
from pathlib import Path

from PIL import Image

from retrieval.photos.color.png_colors import HDR_NOTE, is_hdr, profile_of_png
from retrieval.photos.embedded.jpeg_parts import left_out_of_jpeg
from retrieval.photos.embedded.photoshop import (
    IPTC_RESOURCE,
    XMP_RESOURCE,
    iptc_of,
    raw_profile,
    resources,
)
from retrieval.photos.embedded.tiff_tags import (
    DESCRIPTION,
    FOLDERS,
    HEIGHT,
    ICC_PROFILE,
    IPTC,
    LAYERS,
    LAYERS_NOTE,
    LAYOUT,
    ORIENTATION,
    PHOTOSHOP,
    UNIT,
    WIDTH,
    X_RESOLUTION,
    XMP,
    Y_RESOLUTION,
    is_layout,
    raw_tags,
)
from retrieval.photos.embedded.xmp import for_result
from retrieval.photos.pillow_limits import own_limits

INCH, CENTIMETRE = 2, 3
# in the description of what the program has made
COLORIZED, SHEET = "Colorized by Rechroma", "contact sheet of Rechroma"
SNIFFED = 1 << 17  # bytes at both ends of a file: more than the EXIF of a JPEG can take
MAX_DPI = 1 << 16  # what a JPEG can hold
COMMENT = "Comment"  # the name that PNG gives to what JPEG and GIF have one of
# texts of a PNG that hold what is read as XMP, EXIF, IPTC
_XMP_TEXT, _RAW_TEXT = "XML:com.adobe.xmp", "Raw profile type "

Metadata = dict[str, object]


def is_made(data: bytes) -> bool:
    """Whether a picture file says that this program made it; every format holds EXIF as it is."""
    return COLORIZED.encode() in data or SHEET.encode() in data


def is_made_file(path: Path) -> bool:
    """Whether a file says so, of which little is read; what cannot be read is not ours."""
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
    """What EXIF says of a picture, wherever it lies: large XMP or a profile may stand before it."""
    # a PNG would decode its pixels to look for EXIF behind them
    with own_limits(), Image.open(path) as image:
        exif = image.getexif() if image.format == "TIFF" else load_exif(image.info.get("exif"))
        return str(exif.get(DESCRIPTION, "")).encode()


def read_metadata(image: Image.Image) -> tuple[Metadata, list[str]]:
    """What a writer puts back, from a picture that Pillow has opened.

    Returns:
        Of these what the file has: ``exif`` (bytes, orientation reset), ``icc_profile`` (bytes, of
            gray or RGB), ``xmp`` (bytes, without what is true of the old file alone), ``iptc``
            (bytes, the records of captions and keywords), ``dpi`` (two numbers), ``texts`` (by
            name: those of a PNG, and as ``Comment`` that of a JPEG or GIF) and ``srgb`` (rendering
            intent, of a PNG); and a line for each part that is left out.
    """
    exif = image.getexif()
    metadata: Metadata = {key: image.info[key] for key in ("xmp", "dpi") if image.info.get(key)}
    metadata["icc_profile"] = profile_of(image)
    if image.mode not in ("RGB", "RGBA", "P", "PA") and profile_space(
        metadata["icc_profile"]
    ) not in ("RGB", "GRAY"):
        del metadata["icc_profile"]  # a profile of inks would misread the RGB result
    # what the header of a JPEG says beside it is often nobody's; of a TIFF, Pillow says 1
    stated = _resolution(exif)
    if stated or image.format == "TIFF":
        metadata["dpi"] = stated
    texts: dict[str, str] = {}
    if image.format == "PNG":
        with suppress(AssertionError):  # so Pillow says that a damaged one has not come to them
            texts = dict(getattr(image, "text", {}))
    metadata["texts"] = {
        name: text for name, text in texts.items() if not name.startswith((_XMP_TEXT, _RAW_TEXT))
    }
    comment = image.info.get("comment")
    if isinstance(comment, bytes) and image.format != "JPEG2000":  # there it names the encoder
        metadata["texts"] = {COMMENT: _decoded(comment)}
    if image.format == "PNG" and isinstance(image.info.get("srgb"), int):
        metadata["srgb"] = image.info["srgb"]
    metadata |= _captions(image, texts)
    file = getattr(image, "fp", None)
    return _upright(metadata, exif, file, [*left_out_of_jpeg(image), *_left_out(image, exif)])


def _captions(image: Image.Image, texts: Mapping[str, str]) -> Metadata:
    """IPTC records, and XMP where it lies at an unusual place."""
    if image.format == "TIFF":
        return _captions_of_tiff(getattr(image, "fp", None), image.getexif())
    blocks: dict[int, object] = dict(image.info.get("photoshop") or {})
    if image.format == "PSD":
        blocks = {number: data for number, _, data in image.resources}  # type: ignore[attr-defined]
    found = {"iptc": blocks.get(IPTC_RESOURCE), "xmp": blocks.get(XMP_RESOURCE)}
    for name in ("iptc", "8bim", "IPTC"):
        raw = raw_profile(texts.get(f"{_RAW_TEXT}{name}", ""))
        found["iptc"] = found["iptc"] or (iptc_of(raw) if raw else None)
    raw = raw_profile(texts.get(f"{_RAW_TEXT}xmp", ""))
    found["xmp"] = found["xmp"] or raw
    return {key: value for key, value in found.items() if isinstance(value, bytes) and value}


def _captions_of_tiff(file: BufferedIOBase | None, exif: Image.Exif) -> Metadata:
    """In whatever type the tags are stored; also within Photoshop's block."""
    wanted = (IPTC, XMP, PHOTOSHOP)
    tags = {tag: exif[tag] for tag in wanted if isinstance(exif.get(tag), bytes)}
    tags |= raw_tags(file, wanted)
    block = resources(tags.get(PHOTOSHOP, b""))
    iptc = iptc_of(tags.get(IPTC, b"")) or block.get(IPTC_RESOURCE)
    xmp = tags.get(XMP, b"").rstrip(b"\0") or block.get(XMP_RESOURCE)
    return {key: value for key, value in (("iptc", iptc), ("xmp", xmp)) if value}


def _left_out(image: Image.Image, exif: Image.Exif) -> list[str]:
    is_layered = LAYERS in exif or (image.format == "PSD" and bool(getattr(image, "layers", ())))
    lines = [LAYERS_NOTE] if is_layered else []
    if is_hdr(image):
        lines.append(HDR_NOTE)
    if image.info.get("depth_images"):  # of HEIC
        lines.append("its depth map is left out")
    return lines


def _decoded(text: bytes) -> str:
    """A text whose encoding no one has told."""
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")


def read_tiff_metadata(path: Path) -> tuple[Metadata, list[str], int]:
    """Metadata and notes of a TIFF that Pillow cannot open, and its orientation, 1..8."""
    exif = Image.Exif()
    with path.open("rb") as file:
        exif.load_from_fp(file)
        metadata: Metadata = {"icc_profile": exif.get(ICC_PROFILE), "dpi": _resolution(exif)}
        metadata |= _captions_of_tiff(file, exif)
        lines = [LAYERS_NOTE] if LAYERS in exif else []
        return *_upright(metadata, exif, file, lines), exif.get(ORIENTATION, 1)


def profile_of(image: Image.Image) -> bytes | None:
    """The ICC profile of a picture, or one that says the same as the chunks of a PNG.

    Args:
        image: opened by Pillow.

    Returns:
        None if it has none.
    """
    stored = image.info.get("icc_profile")
    if image.format == "PNG":
        return profile_of_png(image)
    return stored if isinstance(stored, bytes) and stored else None


def profile_space(profile: object) -> str:
    """What an ICC profile describes: RGB, GRAY, CMYK, ...; nothing if it is none."""
    return (
        profile[16:20].decode("latin-1").strip()
        if isinstance(profile, bytes) and len(profile) > 128
        else ""
    )


def load_exif(stored: object) -> Image.Exif:
    """EXIF to read and to change; empty if there is none.

    Texts that are not ASCII are given as their bytes: Pillow would write "?" for such letters.
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


def _upright(
    metadata: Metadata, exif: Image.Exif, file: BufferedIOBase | None, notes: list[str]
) -> tuple[Metadata, list[str]]:
    """Without what is empty, describes the old file's layout, or says that it is to be turned."""
    dpi, xmp = metadata.get("dpi"), metadata.get("xmp")
    # 0/0 is not a number
    if isinstance(dpi, tuple) and not all(0 < value < MAX_DPI for value in dpi):
        del metadata["dpi"]
    if isinstance(xmp, bytes):
        metadata["xmp"], lines = for_result(xmp)
        notes = list(dict.fromkeys([*notes, *lines]))
    if exif:
        # damaged: left out
        with suppress(struct.error, TypeError, ValueError, KeyError, OverflowError, AttributeError):
            # a copy: the picture's own still says how to turn it
            copied = load_exif(_keep_bytes(exif).tobytes())
            # that folder belongs in the camera's, Pillow fails at it here
            for tag in (LAYOUT | {FOLDERS[2]}) & set(copied):
                del copied[tag]
            if is_layout(str(copied.get(DESCRIPTION, ""))):
                del copied[DESCRIPTION]
                own = raw_tags(file, (DESCRIPTION,)).get(DESCRIPTION, b"").rstrip(b"\0 ")
                if own and not is_layout(own.decode("latin-1")):  # Pillow before 13 tells the last
                    copied[DESCRIPTION] = own
            camera = copied.get_ifd(FOLDERS[0]) if FOLDERS[0] in copied else {}
            # it lay on its side
            if exif.get(ORIENTATION) in (5, 6, 7, 8) and WIDTH in camera and HEIGHT in camera:
                camera[WIDTH], camera[HEIGHT] = camera[HEIGHT], camera[WIDTH]
            copied[ORIENTATION] = 1
            metadata["exif"] = copied.tobytes()
    return {key: value for key, value in metadata.items() if value not in (None, b"", {})}, notes


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
