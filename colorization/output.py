"""Write results: whole or not at all, with what the original carried."""

import os
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image

from retrieval.pictures import Picture, to_uint8

FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".tif": "TIFF", ".tiff": "TIFF", ".webp": "WEBP"}
_EXIF_FOLDERS = (0x8769, 0x8825, 0xA005)  # camera, place, interoperability
_EXIF_TEXTS = (270, 271, 272, 305, 306, 315, 33432)  # description, maker, model, software, date, artist, copyright
_SETTINGS: dict[str, dict[str, object]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"quality": 95},
    "PNG": {"compress_level": 4},
    "TIFF": {"compression": "tiff_lzw"},
}


def output_suffix(suffix: str) -> str:
    """The suffix of a result: the input's own where it can be written, else .png."""
    return suffix if suffix.lower() in FORMATS else ".png"


def check_output(path: Path) -> None:
    """Refuse a path that cannot be written before any work is done.

    Raises:
        ValueError: the suffix is not of a format that can be written, or the folder cannot be written.
    """
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"{path}: cannot write {path.suffix or 'a file without suffix'}; use {', '.join(FORMATS)}")
    folder = path.parent
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise ValueError(f"{path}: the folder {folder} cannot be written")


def write_picture(path: Path, rgb: np.ndarray, source: Picture) -> None:
    """Write a picture under a temporary name, then rename; folders are made as needed.

    16-bit pictures stay 16-bit as TIFF; other formats of Pillow hold 8 bits a channel.

    Args:
        path: its suffix decides the format, see FORMATS.
        rgb: (height, width, 3), uint8 or uint16.
        source: the original, for alpha, EXIF, ICC profile and resolution.

    Raises:
        ValueError, OSError: it cannot be written; nothing is left behind.
    """
    check_output(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{uuid.uuid4().hex[:16]}{path.suffix}")
    try:
        if rgb.dtype == np.uint16 and FORMATS[path.suffix.lower()] == "TIFF":
            _write_deep_tiff(temporary, rgb, source)
        else:
            _write_pillow(temporary, to_uint8(rgb), source, FORMATS[path.suffix.lower()])
        temporary.replace(path)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def _write_pillow(path: Path, rgb: np.ndarray, source: Picture, format_: str) -> None:
    image = Image.fromarray(rgb)
    if source.alpha is not None and format_ != "JPEG":
        image.putalpha(Image.fromarray(source.alpha))
    settings: dict[str, Any] = _SETTINGS[format_] | source.metadata
    if format_ == "TIFF" and any(code in _exif(source) for code in _EXIF_FOLDERS):
        settings.pop("compression")  # libtiff, which compresses, cannot write these
    image.save(path, format=format_, **settings)


def _write_deep_tiff(path: Path, rgb: np.ndarray, source: Picture) -> None:
    exif = _exif(source)
    tags: list[Any] = [(code, "s", 0, str(exif[code]).encode(), True) for code in _EXIF_TEXTS if exif.get(code)]
    if "icc_profile" in source.metadata:
        profile = source.metadata["icc_profile"]
        assert isinstance(profile, bytes)
        tags.append((34675, "B", len(profile), profile, True))
    settings: dict[str, Any] = {"extratags": tags, "metadata": None, "software": False}
    if "dpi" in source.metadata:
        settings |= {"resolution": source.metadata["dpi"], "resolutionunit": "INCH"}
    tifffile.imwrite(path, rgb, photometric="rgb", compression="zlib", predictor=True, **settings)


def _exif(source: Picture) -> Image.Exif:
    exif = Image.Exif()
    stored = source.metadata.get("exif")
    if isinstance(stored, bytes):
        exif.load(stored)
    return exif
