"""ICC profiles of results: a gray scan's tones, said of an RGB picture."""

import io
import struct

from PIL import ImageCms

from retrieval.metadata import profile_space

_HEADER = 128
_COLORANTS = {  # of sRGB, adapted to D50, as in its own profile (IEC 61966-2-1)
    b"rXYZ": (0x6FA2, 0x38F5, 0x0390),
    b"gXYZ": (0x6299, 0xB785, 0x18DA),
    b"bXYZ": (0x24A0, 0x0F84, 0xB6CF),
}


def rgb_profile(profile: object) -> bytes | None:
    """The profile that an RGB result of a picture should carry.

    Args:
        profile: of the original, or anything.

    Returns:
        The same if it describes RGB or cannot be read; of a gray one an RGB profile with its tone curve and the
        primaries of sRGB, so that grays look as they did; None for others.
    """
    if not isinstance(profile, bytes):
        return None
    space = profile_space(profile)
    if space != "GRAY":
        return profile if space not in ("CMYK", "LAB") else None
    try:
        made = _with_colorants(profile)
        ImageCms.ImageCmsProfile(io.BytesIO(made))
    except (KeyError, struct.error, OSError, ImageCms.PyCMSError):
        return None
    return made


def _with_colorants(profile: bytes) -> bytes:
    (count,) = struct.unpack_from(">I", profile, _HEADER)
    tags = {}
    for i in range(min(count, 100)):
        name, start, size = struct.unpack_from(">4sII", profile, _HEADER + 4 + 12 * i)
        tags[name] = profile[start : start + size]
    kept = {name: tags[name] for name in (b"desc", b"cprt", b"wtpt", b"chad") if name in tags}
    kept |= {name: struct.pack(">4sI3I", b"XYZ ", 0, *xyz) for name, xyz in _COLORANTS.items()}
    kept |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), tags[b"kTRC"])
    table, data = struct.pack(">I", len(kept)), b""
    places: dict[bytes, int] = {}
    for name, value in kept.items():
        if value not in places:
            places[value] = _HEADER + 4 + 12 * len(kept) + len(data)
            data += value + bytes(-len(value) % 4)
        table += struct.pack(">4sII", name, places[value], len(value))
    header = bytearray(profile[:_HEADER])
    header[:4] = struct.pack(">I", _HEADER + len(table) + len(data))
    header[12:24] = b"mntrRGB XYZ "
    header[84:100] = bytes(16)  # the checksum was of the gray one
    return bytes(header) + table + data
