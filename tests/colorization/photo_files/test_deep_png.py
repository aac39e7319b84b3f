"""16-bit PNG: all bits, with what Pillow writes beside them."""

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from colorization.photo_files.deep_png import write_deep_png


@pytest.mark.parametrize("channels", [3, 4])
def test_every_bit_comes_back(tmp_path: Path, rng: np.random.Generator, channels: int) -> None:
    pixels = rng.integers(0, 1 << 16, (7, 9, channels)).astype(np.uint16)
    exif = Image.Exif()
    exif[0x010F] = "Kodak"
    write_deep_png(tmp_path / "x.png", pixels, {"exif": exif.tobytes(), "dpi": (300, 300)})
    np.testing.assert_array_equal(imagecodecs.png_decode((tmp_path / "x.png").read_bytes()), pixels)
    with Image.open(tmp_path / "x.png") as image:
        assert image.getexif()[0x010F] == "Kodak"
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)
