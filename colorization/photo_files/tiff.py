"""Write TIFF files with all that a photograph carries: pixels by tifffile, tags by Pillow."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from retrieval.photos.embedded.tiff_tags import ICC_PROFILE, IPTC, XMP

_ENTRY = 12  # bytes


def write_tiff(
    path: Path,
    pixels: np.ndarray,
    exif: Image.Exif,
    profile: bytes | None = None,
    xmp: bytes | None = None,
    dpi: tuple[float, float] | None = None,
    iptc: bytes | None = None,
) -> None:
    """Write a compressed TIFF.

    Args:
        path: of the file.
        pixels: (height, width, 3), or 4 with alpha; uint8 or uint16.
        exif: with the folders of camera and place; it is changed.
        profile: ICC.
        xmp: as it is.
        dpi: pixels an inch, across and down.
        iptc: records of captions and keywords.
    """
    import tifffile  # slow to import, and few photos are TIFFs

    settings: dict[str, Any] = {"extrasamples": ["unassalpha"]} if pixels.shape[2] == 4 else {}
    if dpi:
        settings |= {"resolution": dpi, "resolutionunit": "INCH"}
    tifffile.imwrite(
        path, pixels, photometric="rgb", compression="lzw", predictor=True, metadata=None,
        software=False, byteorder="<", bigtiff=False, **settings
    )  # fmt: skip
    for tag, value in ((ICC_PROFILE, profile), (XMP, xmp), (IPTC, iptc)):
        if value:
            exif[tag] = value
    _add_tags(path, exif)


def _add_tags(path: Path, exif: Image.Exif) -> None:
    """Append a directory of the file's own tags and those of EXIF, and let the header point there.

    tifffile cannot write directories within a directory, which EXIF is; Pillow can, but not beside
    16-bit RGB.
    """
    with path.open("r+b") as file:
        file.seek(4)
        (first,) = struct.unpack("<I", file.read(4))
        own = _entries(file, first)
        start = file.seek(0, 2)
        start += file.write(bytes(start % 2))  # directories begin at even places
        exif.endian, exif.bigtiff = "<", False
        file.write(exif.tobytes(start)[len(b"Exif\0\0") + 8 :])
        joined = {**_entries(file, start), **own}
        end = file.seek(0, 2)
        end += file.write(bytes(end % 2))
        file.write(
            struct.pack("<H", len(joined))
            + b"".join(joined[tag] for tag in sorted(joined))
            + bytes(4)
        )
        file.seek(4)
        file.write(struct.pack("<I", end))


def _entries(file: Any, start: int) -> dict[int, bytes]:
    """The entries of a directory by tag, as they are stored."""
    file.seek(start)
    (count,) = struct.unpack("<H", file.read(2))
    entries = [file.read(_ENTRY) for _ in range(count)]
    return {struct.unpack("<H", entry[:2])[0]: entry for entry in entries}
