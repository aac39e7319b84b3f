"""ICC profiles of results: the tones of the original, and the primaries of sRGB.

The colors of results are computed in sRGB.
"""

import io
import struct

import numpy as np
from PIL import ImageCms

from retrieval.photos.color.made_profiles import HEADER, joined
from retrieval.photos.metadata import profile_space

_CURVES = {b"rTRC", b"gTRC", b"bTRC"}
_ALIKE = 0x0100  # of 0x10000: how far primaries may be from those of sRGB
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
        An RGB profile with the tone curves of the original's and the primaries of sRGB, so that
        grays look as they did and colors as they are meant; the same where it has those primaries,
        describes RGB by tables or cannot be read; None if it describes neither gray nor RGB.
    """
    if not isinstance(profile, bytes):
        return None
    space = profile_space(profile)
    if space in ("CMYK", "LAB"):
        return None
    try:
        tags = _tags(profile)
        if space == "GRAY" and profile[20:24] == b"Lab ":
            tags[b"kTRC"] = _curve_to_y(tags[b"kTRC"])
        if space != "GRAY" and (not tags.keys() >= _CURVES or _has_srgb_colorants(tags)):
            return profile
        made = _with_colorants(profile, tags)
        ImageCms.ImageCmsProfile(io.BytesIO(made))
    except (KeyError, ValueError, struct.error, OSError, ImageCms.PyCMSError):
        return None if space == "GRAY" else profile
    return made


def _tags(profile: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", profile, HEADER)
    tags = {}
    for i in range(min(count, 100)):
        name, start, size = struct.unpack_from(">4sII", profile, HEADER + 4 + 12 * i)
        tags[name] = profile[start : start + size]
    return tags


def _curve_to_y(curve: bytes) -> bytes:
    """The tone curve of a gray profile connected through Lab, whose values are L, as one of Y.

    Raises:
        KeyError: it is given as a formula.
    """
    from skimage.color import lab2xyz  # slow to import, and profiles of this kind are rare

    if curve[:4] != b"curv":
        raise KeyError(curve[:4])
    (count,) = struct.unpack_from(">I", curve, 8)
    stored = np.frombuffer(curve, ">u2", count, 12).astype(np.float64)
    place = np.linspace(0, 1, 4096)
    if count > 1:
        level = np.interp(place, np.linspace(0, 1, count), stored / 65535)
    else:
        level = place ** (stored[0] / 256 if count else 1.0)
    y: np.ndarray = lab2xyz(
        np.stack((100 * level, np.zeros_like(level), np.zeros_like(level)), -1)
    )[:, 1]
    table: bytes = np.rint(y * 65535).astype(">u2").tobytes()
    return struct.pack(">4sII", b"curv", 0, len(y)) + table


def _has_srgb_colorants(tags: dict[bytes, bytes]) -> bool:
    pairs = [
        (struct.unpack_from(">3i", tags[name], 8), wanted) for name, wanted in _COLORANTS.items()
    ]
    return all(
        abs(a - b) <= _ALIKE for found, wanted in pairs for a, b in zip(found, wanted, strict=True)
    )


def _with_colorants(profile: bytes, tags: dict[bytes, bytes]) -> bytes:
    kept: dict[bytes, bytes] = {
        name: tags[name] for name in (b"desc", b"cprt", b"wtpt", b"chad") if name in tags
    }
    kept |= {name: struct.pack(">4sI3I", b"XYZ ", 0, *xyz) for name, xyz in _COLORANTS.items()}
    kept |= {
        name: tags[name if name in tags else b"kTRC"] for name in sorted(_CURVES, reverse=True)
    }
    header = bytearray(profile[:HEADER])
    header[12:24] = b"mntrRGB XYZ "
    header[84:100] = bytes(16)  # the checksum was of the gray one
    return joined(bytes(header), kept)
