"""How many bits a channel a file has, where Pillow may read fewer of them."""

from collections.abc import Callable
from pathlib import Path

from PIL import Image
from PIL.ImageFile import ImageFile

_LOOKED_AT = 1 << 16  # bytes in which a header lies
_CODESTREAM = b"\xff\x4f\xff\x51"  # begin of a JPEG 2000; its depth stands 42 bytes further
_AV1 = b"av1C"  # what an AVIF says of its pictures; flags for 10 and 12 bits stand 6 bytes further


def bits_of(path: Path, image: Image.Image) -> int:
    """Bits a channel of a file in a format of which Pillow reads 8; 8 in all others.

    Args:
        path: of the file.
        image: the same, opened by Pillow, and not loaded yet.
    """
    if image.format == "PPM":
        return _of_netpbm(image)
    if image.format not in _OF_HEAD:  # pillow-heif says it itself
        return int(image.info.get("bit_depth", 8))
    with path.open("rb") as file:
        return _OF_HEAD[image.format](file.read(_LOOKED_AT))


def _of_netpbm(image: Image.Image) -> int:
    tiles = image.tile if isinstance(image, ImageFile) else []
    args = tiles[0].args if tiles else ()  # of its decoder: mode and largest value
    return int(args[1]).bit_length() if isinstance(args, tuple) and len(args) > 1 else 8


def _of_png(head: bytes) -> int:
    return head[24]


def _of_jpeg2000(head: bytes) -> int:
    """Bits of the first channel; 8 if the header does not say."""
    start = head.find(_CODESTREAM)
    depth = head[start + 42 : start + 43] if start >= 0 else b""
    return (depth[0] & 0x7F) + 1 if depth else 8


def _of_sgi(head: bytes) -> int:
    return 8 * head[3]


def _of_avif(head: bytes) -> int:
    start = head.find(_AV1)
    flags = head[start + 6] if 0 <= start < len(head) - 6 else 0
    return 12 if flags & 0x20 else 10 if flags & 0x40 else 8


_OF_HEAD: dict[str | None, Callable[[bytes], int]] = {
    "PNG": _of_png,
    "JPEG2000": _of_jpeg2000,
    "SGI": _of_sgi,
    "AVIF": _of_avif,
}
