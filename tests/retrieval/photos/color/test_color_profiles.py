from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from retrieval.photos.color.color_profiles import to_srgb
from retrieval.photos.reader import read_small_rgb

RED = (234, 51, 35)  # what Display P3 calls the red of sRGB (255, 0, 0), by its published primaries


@pytest.fixture
def telephone(wide_profile: Callable[[float], bytes]) -> bytes:
    return wide_profile(2.2)


def test_wide_colors_become_srgb(telephone: bytes) -> None:
    converted = np.asarray(to_srgb(Image.new("RGB", (4, 4), RED), telephone)).astype(int)
    # its curve is that of sRGB, ours a plain gamma
    assert np.abs(converted - (255, 0, 0)).max() <= 12


def test_gray_stays_gray(telephone: bytes) -> None:
    levels = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, 2)
    converted = np.asarray(to_srgb(Image.fromarray(levels), telephone)).astype(int)
    assert np.ptp(converted, axis=2).max() <= 2


def test_srgb_and_what_is_no_rgb_profile_change_nothing(telephone: bytes) -> None:
    image = Image.new("RGB", (4, 4), RED)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile in (
        None,
        "text",
        b"",
        b"short",
        srgb,
        telephone.replace(b"RGB ", b"GRAY"),
        telephone[:200],
    ):
        assert to_srgb(image, profile) is image


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_pictures_are_read_as_srgb(tmp_path: Path, telephone: bytes, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    Image.new("RGB", (64, 48), RED).save(path, icc_profile=telephone, quality=95)
    for side in (8, 64):  # decoded small and whole
        found = read_small_rgb(path, side).astype(int)
        assert np.abs(found - (255, 0, 0)).max() <= 16


def test_palettes_are_read_as_srgb(tmp_path: Path, telephone: bytes) -> None:
    Image.new("RGB", (64, 48), RED).quantize(4).save(tmp_path / "a.png", icc_profile=telephone)
    for side in (8, 64):
        assert (
            np.abs(read_small_rgb(tmp_path / "a.png", side).astype(int) - (255, 0, 0)).max() <= 16
        )


def test_deep_pictures_are_read_as_srgb(tmp_path: Path, telephone: bytes) -> None:
    deep = np.tile(np.array(RED, np.uint16) * 257, (48, 64, 1))
    tifffile.imwrite(tmp_path / "a.tif", deep, photometric="rgb", iccprofile=telephone)
    assert np.abs(read_small_rgb(tmp_path / "a.tif", 64).astype(int) - (255, 0, 0)).max() <= 12
