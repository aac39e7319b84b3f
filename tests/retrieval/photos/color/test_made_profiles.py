"""Profiles that say what a picture says, read by another library."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from retrieval.photos.color.made_profiles import PRIMARIES, made_profile


@pytest.mark.parametrize("code", PRIMARIES)
def test_white_stays_white_and_grays_follow_the_curve(code: int) -> None:
    """A linear curve: a value of a half is 188 of sRGB."""
    profile = made_profile(PRIMARIES[code], np.linspace(0, 1, 4096))
    ramp = Image.fromarray(np.array([[[0] * 3, [128] * 3, [255] * 3]], np.uint8))
    srgb = ImageCms.createProfile("sRGB")
    found = ImageCms.profileToProfile(ramp, io.BytesIO(profile), srgb)
    assert found is not None
    assert np.abs(np.asarray(found).astype(int) - [[[0] * 3, [188] * 3, [255] * 3]]).max() <= 2


@pytest.mark.parametrize(
    "primaries", [(0.3, 0.3) * 4, (0.64, 0.0, 0.3, 0.6, 0.15, 0.06, 0.31, 0.33)]
)
def test_what_no_profile_can_say(primaries: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="primaries"):
        made_profile(primaries, np.linspace(0, 1, 16))
