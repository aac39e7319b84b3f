import io
import struct
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageCms

from colorization.photo_files.icc_profiles import rgb_profile


def gray_profile(gamma: float, connection: bytes = b"XYZ ") -> bytes:
    """A gray profile of version 2 with a curve of one gamma, as scanners write (ICC.1:2001-04)."""
    text = b"gray\0"
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", len(text)) + text + bytes(78),
        b"cprt": b"text" + bytes(4) + text,
        b"wtpt": b"XYZ " + bytes(4) + struct.pack(">3I", 0xF6D6, 0x10000, 0xD32D),
        b"kTRC": b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)),
    }
    table, data, start = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, value in tags.items():
        table += struct.pack(">4sII", name, start + len(data), len(value))
        data += value + bytes(-len(value) % 4)
    header = struct.pack(
        ">I4sI4s4s4s", start + len(data), b"lcms", 0x02100000, b"scnr", b"GRAY", connection
    )
    header += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3I", 0xF6D6, 0x10000, 0xD32D)
    return header.ljust(128, b"\0") + table + data


def to_srgb(image: Image.Image, profile: bytes) -> np.ndarray:
    opened, srgb = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
    found = ImageCms.profileToProfile(
        image, opened, srgb, ImageCms.Intent.RELATIVE_COLORIMETRIC, "RGB"
    )
    assert found is not None
    return np.asarray(found).astype(int)


@pytest.mark.parametrize("connection", [b"XYZ ", b"Lab "])
@pytest.mark.parametrize("gamma", [1.5, 1.8, 2.6])
def test_grays_look_as_under_the_gray_profile(gamma: float, connection: bytes) -> None:
    """littlecms shows every level alike, as gray and as RGB under the profile made of it."""
    gray, levels = (
        gray_profile(gamma, connection),
        Image.fromarray(np.arange(256, dtype=np.uint8)[None]),
    )
    made = rgb_profile(gray)
    assert made is not None and made[16:20] == b"RGB "
    wanted = to_srgb(levels, gray)
    assert np.abs(wanted - np.arange(256)[None, :, None]).max() > 2  # the curve does something
    assert np.abs(to_srgb(levels.convert("RGB"), made) - wanted).max() <= 2


def test_colors_are_those_of_srgb() -> None:
    made = rgb_profile(gray_profile(2.2))
    assert made is not None
    red = to_srgb(Image.new("RGB", (1, 1), (255, 0, 0)), made)
    assert np.abs(red[0, 0] - (255, 0, 0)).max() <= 3


@pytest.mark.parametrize("gamma", [1.8, 2.2])
def test_of_wider_spaces_the_tones_stay_and_the_primaries_become_those_of_srgb(
    wide_profile: Callable[[float], bytes], gamma: float
) -> None:
    wide = wide_profile(gamma)
    made = rgb_profile(wide)
    assert made is not None
    levels = Image.fromarray(np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, 2))
    assert np.abs(to_srgb(levels, made) - to_srgb(levels, wide)).max() <= 2
    orange = Image.new("RGB", (1, 1), (200, 120, 60))
    meant = np.asarray(orange).astype(int) if gamma == 2.2 else None
    assert np.abs(to_srgb(orange, wide) - to_srgb(orange, made)).max() > 10
    # the curve of sRGB is nearly 2.2
    assert meant is None or np.abs(to_srgb(orange, made) - meant).max() <= 6


def test_rgb_profiles_and_what_cannot_be_read_pass_unchanged() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert rgb_profile(profile) == profile
    assert rgb_profile(b"not a profile") == b"not a profile"


def test_others_are_dropped() -> None:
    assert rgb_profile(None) is None
    assert rgb_profile(gray_profile(2.2).replace(b"GRAY", b"CMYK")) is None
    assert rgb_profile(gray_profile(2.2).replace(b"kTRC", b"xTRC")) is None
    assert rgb_profile(gray_profile(2.2)[:140]) is None
