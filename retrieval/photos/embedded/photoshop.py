"""Photoshop's blocks, in which JPEG, TIFF, PSD and PNG files hold captions and keywords (IPTC)."""

import re
import struct
from collections.abc import Iterator

IPTC_RESOURCE, XMP_RESOURCE = 0x0404, 0x0424
_RAW = re.compile(r"\s*\w+\s+(\d+)\s([0-9a-fA-F\s]*)\Z")


def resources(block: bytes) -> dict[int, bytes]:
    """The resources of a block by number; of a damaged one those before the damage."""
    return dict(_resources(block))


def _resources(block: bytes) -> Iterator[tuple[int, bytes]]:
    place = 0
    while block[place : place + 4] == b"8BIM" and place + 12 <= len(block):
        number, length = struct.unpack_from(">HB", block, place + 4)
        place += 6 + (length + 2) // 2 * 2  # a name, padded to even length
        if place + 4 > len(block):
            return
        (size,) = struct.unpack_from(">I", block, place)
        place += 4
        if place + size > len(block):
            return
        yield number, block[place : place + size]
        place += size + size % 2


def iptc_of(stored: bytes) -> bytes | None:
    """IPTC records without what they are wrapped in; None if there are none.

    Args:
        stored: records, or a block that holds them; TIFFs may have swapped the bytes of each four.
    """
    if stored.startswith(b"8BIM"):
        return resources(stored).get(IPTC_RESOURCE)
    if stored.startswith(b"\x1c"):
        return stored.rstrip(b"\0") or None
    if stored[3:4] == b"\x1c" and len(stored) % 4 == 0:
        count = len(stored) // 4
        swapped = struct.pack(f">{count}I", *struct.unpack(f"<{count}I", stored))
        return swapped.rstrip(b"\0")
    return stored or None


def raw_profile(text: str) -> bytes | None:
    """The bytes that ImageMagick and its kin keep in a text of a PNG; None if it is no such text.

    Args:
        text: of the key "Raw profile type ...".
    """
    found = _RAW.match(text)
    if found is None:
        return None
    try:
        data = bytes.fromhex("".join(found[2].split()))
    except ValueError:
        return None
    return data if len(data) == int(found[1]) else None
