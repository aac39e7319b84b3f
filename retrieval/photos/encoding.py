"""How well the pixels of an original were kept, so that a result is written no worse."""

from dataclasses import dataclass
from typing import cast

from PIL import Image


@dataclass(frozen=True)
class Encoding:
    """What a file says of its compression.

    Attributes:
        tables: quantization tables of a JPEG, 64 numbers each, in the order that Pillow gives.
        is_lossless: whether it is a format that can be lossy, and this file is not.
    """

    tables: tuple[tuple[int, ...], ...] = ()
    is_lossless: bool = False


def encoding_of(image: Image.Image) -> Encoding | None:
    """Of a picture opened by Pillow; None if its format is always lossless, or does not say."""
    if image.format in ("JPEG", "MPO"):
        tables = cast("dict[int, list[int]]", getattr(image, "quantization", {}))
        whole = tuple(tuple(tables[i]) for i in sorted(tables) if len(tables[i]) == 64)
        return Encoding(whole) if whole else None
    if image.format == "WEBP":
        return Encoding(is_lossless=_is_lossless_webp(image))
    return None


def _is_lossless_webp(image: Image.Image) -> bool:
    file = getattr(image, "fp", None)
    if file is None or file.closed:
        return False
    place = file.tell()
    file.seek(0)
    head = file.read(1 << 16)
    file.seek(place)
    start = 12
    while start + 8 <= len(head):  # chunks of a RIFF file
        kind, size = head[start : start + 4], int.from_bytes(head[start + 4 : start + 8], "little")
        if kind in (b"VP8L", b"VP8 "):
            return bool(kind == b"VP8L")
        if kind == b"ANMF":  # a frame, whose chunks follow its 16 bytes of header
            start += 8 + 16
            continue
        start += 8 + size + size % 2
    return False
