"""Write 16-bit color as PNG, which Pillow cannot."""

import io
import struct
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from jaxtyping import UInt16
from PIL import Image

_SIGNATURE, _HEADER_END = 8, 8 + 12 + 13  # bytes: of every PNG, and of its first chunk IHDR
_PICTURE = (b"IHDR", b"IDAT", b"IEND")
_LEVEL = 2  # as small as 6, and faster: the low bits of a scan are noise


def write_deep_png(
    path: Path, pixels: UInt16[np.ndarray, "height width channels"], settings: dict[str, Any]
) -> None:
    """Write RGB, or RGB with alpha, with all of its bits.

    imagecodecs writes the pixels and nothing else; Pillow writes what lies beside them into a
    picture of one pixel, from which it is taken over. Writing those chunks here was the other
    choice: Pillow knows them already.

    Args:
        path: where to.
        pixels: 3 or 4 channels.
        settings: what Pillow's PNG writer takes beside pixels: exif, icc_profile, dpi, pnginfo.

    Raises:
        OSError: it cannot be written.
    """
    carrier = io.BytesIO()
    Image.new("RGB", (1, 1)).save(carrier, "PNG", **settings)
    picture: bytes | bytearray = imagecodecs.png_encode(np.ascontiguousarray(pixels), level=_LEVEL)
    with path.open("wb") as file:
        file.write(picture[:_HEADER_END])
        file.write(_beside_the_picture(carrier.getvalue()))
        file.write(memoryview(picture)[_HEADER_END:])


def _beside_the_picture(png: bytes) -> bytes:
    """The chunks that are not the picture itself."""
    kept, start = b"", _SIGNATURE
    while start < len(png):
        length, kind = struct.unpack_from(">I4s", png, start)
        end = start + 12 + length
        kept += b"" if kind in _PICTURE else png[start:end]
        start = end
    return kept
