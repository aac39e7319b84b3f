"""ICC profiles made from primaries and a tone curve: what pictures say without one."""

import struct
from collections.abc import Mapping

import numpy as np

PRIMARIES = {  # of ITU-T H.273: x and y of red, green, blue and white
    1: (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.329),
    4: (0.67, 0.33, 0.21, 0.71, 0.14, 0.08, 0.310, 0.316),
    5: (0.64, 0.33, 0.29, 0.60, 0.15, 0.06, 0.3127, 0.329),
    6: (0.63, 0.34, 0.31, 0.595, 0.155, 0.07, 0.3127, 0.329),
    7: (0.63, 0.34, 0.31, 0.595, 0.155, 0.07, 0.3127, 0.329),
    9: (0.708, 0.292, 0.17, 0.797, 0.131, 0.046, 0.3127, 0.329),
    11: (0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.314, 0.351),
    12: (0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.3127, 0.329),
}
HEADER = 128  # bytes
_D50 = np.array([0.9642, 1.0, 0.8249])
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)


def made_profile(primaries: tuple[float, ...], curve: np.ndarray) -> bytes:
    """A profile of RGB.

    Args:
        primaries: see PRIMARIES.
        curve: linear light, 0..1, of signals evenly from 0 to 1; a few values up to some thousands.

    Raises:
        ValueError: the primaries span no colors.
    """
    table = np.rint(np.clip(curve, 0, 1) * 65535).astype(">u2").tobytes()
    trc = struct.pack(">4sII", b"curv", 0, len(curve)) + table
    columns = _columns(primaries)
    name = b"made by Rechroma from what the picture says\0"
    text = struct.pack(">4sII", b"desc", 0, len(name)) + name + bytes(78)
    tags = [(b"desc", text), (b"cprt", b"text" + bytes(4) + b"No copyright\0")]
    tags += [(b"wtpt", _xyz(_D50))]
    tags += [
        (key, _xyz(one)) for key, one in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True)
    ]
    tags += [(key, trc) for key in (b"rTRC", b"gTRC", b"bTRC")]
    header = struct.pack(">I4sI", 0, b"", 0x02400000) + b"mntrRGB XYZ " + bytes(12) + b"acsp"
    header += bytes(28) + struct.pack(">3i", *(round(v * 65536) for v in _D50))
    return joined(header.ljust(HEADER, b"\0"), dict(tags))


def joined(header: bytes, tags: Mapping[bytes, bytes]) -> bytes:
    """A profile, in which equal tags are stored once.

    Args:
        header: of HEADER bytes; its size is set.
        tags: by name.
    """
    listed, data = struct.pack(">I", len(tags)), b""
    places: dict[bytes, int] = {}
    for key, value in tags.items():
        if value not in places:
            places[value] = HEADER + 4 + 12 * len(tags) + len(data)
            data += value + bytes(-len(value) % 4)
        listed += struct.pack(">4sII", key, places[value], len(value))
    return struct.pack(">I", HEADER + len(listed) + len(data)) + header[4:] + listed + data


def _columns(primaries: tuple[float, ...]) -> np.ndarray:
    """XYZ of red, green and blue at full signal, adapted to D50."""
    x, y = np.array(primaries[::2]), np.array(primaries[1::2])
    if (y <= 0).any():
        raise ValueError("primaries without luminance")
    xyz = np.stack((x / y, np.ones(4), (1 - x - y) / y))
    try:
        scale = np.linalg.solve(xyz[:, :3], xyz[:, 3])
    except np.linalg.LinAlgError as error:
        raise ValueError("primaries on one line") from error
    if not np.isfinite(scale).all() or (scale <= 0).any():
        raise ValueError("white outside of the primaries")
    cones = (_BRADFORD @ _D50) / (_BRADFORD @ xyz[:, 3])
    adapt = np.linalg.inv(_BRADFORD) @ np.diag(cones) @ _BRADFORD
    return np.asarray((adapt @ (xyz[:, :3] * scale)).T)


def _xyz(values: np.ndarray) -> bytes:
    return struct.pack(">4sI3i", b"XYZ ", 0, *(round(float(v) * 65536) for v in values))
