"""Write results: whole or not at all, with what the original carried."""

import os
import struct
from collections.abc import Mapping
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from colorization.photo_files.compression import WITH_QUALITY, compression
from colorization.photo_files.deep_png import write_deep_png
from colorization.photo_files.icc_profiles import rgb_profile
from colorization.photo_files.staged_files import staging
from colorization.photo_files.tiff import write_tiff
from colorization.photo_files.whole_files import save_whole
from retrieval.photos.embedded.photoshop import IPTC_RESOURCE
from retrieval.photos.embedded.tiff_tags import FOLDERS, SOFTWARE, UNIT, X_RESOLUTION, Y_RESOLUTION
from retrieval.photos.formats import READ
from retrieval.photos.metadata import COMMENT, INCH, load_exif
from retrieval.photos.reader import Picture, to_uint8

FORMATS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jfif": "JPEG",
    ".png": "PNG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".webp": "WEBP",
}
LARGEST_SIDES = {"JPEG": 65_500, "WEBP": 16_383}  # in pixels, of formats that have a limit
JPEG_SEGMENT = 65_500  # bytes; more EXIF or XMP than that a JPEG cannot hold in one piece


def output_suffix(suffix: str) -> str:
    """The suffix of a result: the input's own where it can be written, else .jpg or .png."""
    if suffix.lower() in FORMATS:
        return suffix
    return ".jpg" if suffix.lower() in READ["JPEG"] else ".png"


def takes_quality(path: Path) -> bool:
    """Whether a result of this name is of a format that may be compressed more or less finely."""
    return FORMATS.get(path.suffix.lower()) in WITH_QUALITY


def check_output(path: Path) -> None:
    """Refuse a path that cannot be written before any work is done.

    Raises:
        ValueError: the suffix is of no format that can be written, or the folder cannot be.
    """
    if path.suffix.lower() not in FORMATS:
        what = path.suffix or "a file without suffix"
        cure = f"use {', '.join(FORMATS)}"
        cure += "" if path.suffix else ", or a folder that exists"
        raise ValueError(f"{path}: cannot write {what}; {cure}")
    check_writable(path)


def check_size(path: Path, rgb: np.ndarray) -> None:
    """Refuse a format that cannot hold a picture, before any work is done.

    Args:
        path: see check_output.
        rgb: (height, width, 3).

    Raises:
        ValueError: the picture is wider or higher.
    """
    format_ = FORMATS[path.suffix.lower()]
    height, width = rgb.shape[:2]
    largest = LARGEST_SIDES.get(format_)
    if largest and max(height, width) > largest:
        raise ValueError(
            f"{path}: {format_} holds pictures of up to {largest:,} pixels in width and height, and"
            f" this one has {width:,} x {height:,}; use .png or .tif"
        )


def check_writable(path: Path) -> None:
    """Refuse a path in a folder that cannot be written, or made.

    Raises:
        ValueError: so it is.
    """
    folder = path.parent
    while not folder.exists():
        if folder.is_symlink():
            raise ValueError(f"{path}: {folder} is a link that leads nowhere")
        folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise ValueError(f"{path}: the folder {folder} cannot be written")


def what_is_lost(picture: Picture, output: Path) -> list[str]:
    """What a result will not hold of its original, in lines for a person.

    Args:
        picture: the original.
        output: of the result; its suffix, one of FORMATS, decides.

    Returns:
        Also the notes of the original: what was left out when it was read.
    """
    format_, metadata, lost = FORMATS[output.suffix.lower()], picture.metadata, []
    exif, xmp, iptc = (
        stored if isinstance(stored, bytes) else b""
        for stored in map(metadata.get, ("exif", "xmp", "iptc"))
    )
    if picture.pages > 1:
        lost.append(f"the first of {picture.pages} pages; the others are not colorized")
    if picture.rgb.dtype == np.uint16 and format_ not in ("TIFF", "PNG"):
        lost.append("16 bits became 8; choose a .tif or .png output to keep them")
    if picture.alpha is not None and format_ == "JPEG":
        lost.append("JPEG cannot hold transparency; choose a .png output to keep it")
    if iptc and format_ not in ("JPEG", "TIFF"):
        lost.append(
            f"{format_} cannot hold IPTC captions and keywords;"
            " choose a .jpg or .tif output to keep them"
        )
    if format_ == "JPEG":
        too_large = {
            "EXIF": len(exif) > JPEG_SEGMENT,
            "XMP": len(xmp) > JPEG_SEGMENT,
            "IPTC": bool(iptc) and not _iptc_segment(iptc),
        }
        lost += [
            f"its {name} is larger than a JPEG can hold; choose a .tif output to keep it"
            for name, so in too_large.items()
            if so
        ]
    if texts := sorted(_texts(metadata).keys() - _texts_for(format_, metadata).keys()):
        lost.append(
            f"{format_} cannot hold its texts {', '.join(texts)}; choose a .png output to keep them"
        )
    return [*lost, *picture.notes]


def write_picture(path: Path, rgb: np.ndarray, source: Picture, quality: int | None = None) -> None:
    """Write a picture under a temporary name, then rename; folders are made as needed.

    Args:
        path: its suffix decides the format, see FORMATS.
        rgb: (height, width, 3), uint8 or uint16.
        source: what the file was read from: its metadata, alpha and profile are written too.
        quality: of JPEG and WebP, 1..100; None is as fine as the original.

    Raises:
        ValueError, OSError: it cannot be written; nothing is left behind.
    """
    check_output(path)
    with staging() as files:
        encode_picture(files.add(path), rgb, source, quality)


def encode_picture(
    path: Path, rgb: np.ndarray, source: Picture, quality: int | None = None
) -> None:
    """Write a picture with what its original carried.

    16 bits stay 16 bits in TIFF and PNG; other results hold 8.

    Args:
        path: its suffix decides the format, see FORMATS.
        rgb: (height, width, 3), uint8 or uint16.
        source: the original, for alpha, EXIF, ICC profile, XMP, IPTC, texts and resolution.
        quality: of JPEG and WebP, 1..100; None is as fine as the original, see compression.

    Raises:
        ValueError, OSError: it cannot be written.
    """
    check_size(path, rgb)
    try:
        _encode(path, rgb, source, quality)
    # of Pillow, at tags that it does not expect
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"what the original carries cannot be written ({type(error).__name__}: {error})"
        ) from error


def _encode(path: Path, rgb: np.ndarray, source: Picture, quality: int | None) -> None:
    format_, metadata = FORMATS[path.suffix.lower()], source.metadata
    given: dict[str, Any] = {key: metadata[key] for key in ("dpi", "xmp") if key in metadata}
    if "dpi" in given:
        given["dpi"] = (float(given["dpi"][0]), float(given["dpi"][1]))
    profile = rgb_profile(metadata.get("icc_profile"))
    exif = load_exif(metadata.get("exif"))
    stored = metadata.get("iptc")
    iptc = stored if isinstance(stored, bytes) else None
    pixels = rgb
    if source.alpha is not None and format_ != "JPEG":
        pixels = np.dstack((rgb, _at_depth(source.alpha, rgb.dtype)))
    if format_ == "TIFF":
        write_tiff(path, pixels, exif, profile, iptc=iptc, **given)
        return
    if format_ == "WEBP" and "dpi" in given:  # which has no other place for it
        (exif[X_RESOLUTION], exif[Y_RESOLUTION]), exif[UNIT] = given["dpi"], INCH
    settings: dict[str, Any] = (
        compression(format_, source.encoding, quality)
        | given
        | {"exif": exif.tobytes() if exif else b"", "icc_profile": profile}
    )
    if format_ == "PNG":
        texts = _texts_for(format_, metadata)
        settings["pnginfo"] = _png_chunks(settings.pop("xmp", None), texts, metadata.get("srgb"))
    if format_ == "JPEG":
        settings["exif"] = _fitting(exif)
        settings = {k: v for k, v in settings.items() if k != "xmp" or len(v) <= JPEG_SEGMENT}
        settings["extra"] = _iptc_segment(iptc) if iptc else b""
        settings["comment"] = _texts_for(format_, metadata).get(COMMENT, "").encode()
    if format_ == "PNG" and pixels.dtype == np.uint16:
        write_deep_png(path, pixels, settings)
    else:
        picture = Image.fromarray(np.ascontiguousarray(to_uint8(pixels)))
        save_whole(picture, path, format_, **settings)


def _fitting(exif: Image.Exif) -> bytes:
    """EXIF that fits into a JPEG: the largest entries go where they must, Software at last."""
    # the third is in the first of them
    folders = [exif, *(exif.get_ifd(folder) for folder in FOLDERS[:2] if folder in exif)]
    while exif and len(exif.tobytes()) > JPEG_SEGMENT:
        entries = [
            ((tag != SOFTWARE, len(str(v))), tags, tag)
            for tags in folders
            for tag, v in tags.items()
            if tag not in FOLDERS
        ]
        if not entries:
            return b""
        _, tags, largest = max(entries, key=itemgetter(0))
        del tags[largest]
    return exif.tobytes() if exif else b""


def _iptc_segment(iptc: bytes) -> bytes:
    """The segment of a JPEG that holds IPTC records, as Photoshop's does; empty if too large."""
    block = (
        b"Photoshop 3.0\0"
        + struct.pack(">4sHHI", b"8BIM", IPTC_RESOURCE, 0, len(iptc))
        + iptc
        + bytes(len(iptc) % 2)
    )
    return (
        b"\xff\xed" + struct.pack(">H", len(block) + 2) + block
        if len(block) <= JPEG_SEGMENT
        else b""
    )


def _at_depth(plane: np.ndarray, dtype: np.dtype) -> np.ndarray:
    if plane.dtype == dtype:
        return plane
    return to_uint8(plane) if dtype == np.uint8 else plane.astype(np.uint16) * np.uint16(257)


def _texts(metadata: Mapping[str, object]) -> dict[str, str]:
    texts = metadata.get("texts")
    return texts if isinstance(texts, dict) else {}


def _texts_for(format_: str, metadata: Mapping[str, object]) -> dict[str, str]:
    """The texts of an original that a format can hold: JPEG one comment, PNG all, others none."""
    texts = _texts(metadata)
    if format_ == "JPEG":
        return {
            name: text
            for name, text in texts.items()
            if name == COMMENT and len(text.encode()) <= JPEG_SEGMENT
        }
    return texts if format_ == "PNG" else {}


def _png_chunks(
    xmp: bytes | None, texts: Mapping[str, str], srgb: object
) -> PngImagePlugin.PngInfo:
    chunks = PngImagePlugin.PngInfo()
    if isinstance(srgb, int):  # the rendering intent that goes with it
        chunks.add(b"sRGB", bytes([srgb & 3]))
    if xmp:
        chunks.add_itxt("XML:com.adobe.xmp", xmp.decode("utf-8", "replace"))
    for name, text in texts.items():
        chunks.add_text(name, text)
    return chunks
