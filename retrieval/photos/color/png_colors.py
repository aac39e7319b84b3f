"""What the chunks of a PNG say of its colors.

Of several, cICP counts before iCCP, iCCP before sRGB, and sRGB before gAMA and cHRM.

Source: Portable Network Graphics, third edition, section 4.3.
"""

import struct
from functools import lru_cache

import numpy as np
from PIL import Image

from retrieval.photos.color.hdr_curves import HLG, PQ, to_light, tone_mapped
from retrieval.photos.color.made_profiles import PRIMARIES, made_profile

HDR_NOTE = "HDR became the range of a usual screen, by a fixed tone curve"
_STEPS = 4096
_USUAL_GAMMA, _ALIKE = 1 / 2.2, 0.02
_GAMMAS = (0.1, 5.0)  # beyond, gAMA is damaged
_POWERS = {4: 2.2, 5: 2.8, 8: 1.0}  # of transfer characteristics in ITU-T H.273
_LIKE_SRGB = (1, 6, 13, 14, 15)
_SRGB = PRIMARIES[1]
_KEPT = "rechroma_cicp"  # among what Pillow tells of a picture


def profile_of_png(image: Image.Image) -> bytes | None:
    """An ICC profile that says what a PNG says of its colors.

    Args:
        image: opened by Pillow, not yet decoded.

    Returns:
        None if the colors are those of sRGB, or if the file says nothing of them.
    """
    stored = image.info.get("icc_profile")
    if (code := color_code(image)) is not None:
        made = _of_code(*code)
        if made is not None or code[:2] == (1, 13):
            return made
    if isinstance(stored, bytes) and stored:
        return stored
    gamma = image.info.get("gamma")
    if "srgb" in image.info or not isinstance(gamma, float):
        return None
    primaries = image.info.get("chromaticity")
    if not (isinstance(primaries, tuple) and len(primaries) == 8):
        return _of_gamma(round(gamma, 5), _SRGB)
    white_last = (*primaries[2:], *primaries[:2])
    return _of_gamma(round(gamma, 5), tuple(round(float(v), 5) for v in white_last))


def color_code(image: Image.Image) -> tuple[int, int, bool] | None:
    """Primaries, transfer characteristics, whether the range is full, by cICP; None without it."""
    if _KEPT in image.info:
        found: tuple[int, int, bool] | None = image.info[_KEPT]
        return found
    file = getattr(image, "fp", None)
    if file is None or file.closed:
        return None
    place = file.tell()
    try:
        file.seek(8)
        while len(head := file.read(8)) == 8:
            length, kind = struct.unpack(">I4s", head)
            if kind == b"cICP" and length == 4:
                primaries, transfer, _, full = file.read(4)
                return primaries, transfer, bool(full)
            if kind in (b"IDAT", b"IEND") or length > 1 << 30:
                return None
            file.seek(length + 4, 1)
    finally:
        file.seek(place)
    return None


def keep_color_code(image: Image.Image) -> None:
    """Look for cICP now: to read the EXIF of a PNG, Pillow decodes it and closes its file.

    Args:
        image: opened by Pillow, not yet decoded.
    """
    if image.format == "PNG":
        image.info[_KEPT] = color_code(image)


def is_hdr(image: Image.Image) -> bool:
    """Whether a PNG holds more than a usual screen shows."""
    code = color_code(image) if image.format == "PNG" else None
    return code is not None and code[1] in (PQ, HLG)


@lru_cache(maxsize=16)
def _of_code(primaries: int, transfer: int, is_full: bool) -> bytes | None:
    signal = np.linspace(0, 1, _STEPS)
    if not is_full:
        signal = np.clip((signal * 255 - 16) / 219, 0, 1)
    if transfer in (PQ, HLG):
        curve = tone_mapped(to_light(signal, transfer))
    elif transfer in _POWERS:
        curve = signal ** _POWERS[transfer]
    elif transfer in _LIKE_SRGB:
        curve = np.where(signal <= 0.04045, signal / 12.92, ((signal + 0.055) / 1.055) ** 2.4)
    else:
        return None
    known = PRIMARIES.get(primaries)
    if known is None or (known == _SRGB and transfer in _LIKE_SRGB and is_full):
        return None
    return made_profile(known, curve)


@lru_cache(maxsize=16)
def _of_gamma(gamma: float, primaries: tuple[float, ...]) -> bytes | None:
    is_usual = abs(gamma / _USUAL_GAMMA - 1) < _ALIKE
    alike = max(abs(a - b) for a, b in zip(primaries, _SRGB, strict=True)) < _ALIKE
    if (is_usual and alike) or not _GAMMAS[0] < gamma < _GAMMAS[1]:
        return None
    try:
        return made_profile(primaries, np.linspace(0, 1, _STEPS) ** (1 / gamma))
    except ValueError:  # damaged
        return made_profile(_SRGB, np.linspace(0, 1, _STEPS) ** (1 / gamma))
