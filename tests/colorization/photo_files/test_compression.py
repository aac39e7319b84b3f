"""Results are as fine as what came in, or finer."""

import io

import numpy as np
import pytest
from PIL import Image

from colorization.photo_files.compression import LEAST_QUALITY, compression
from retrieval.photos.encoding import Encoding, encoding_of


def jpeg(quality: int, mode: str = "RGB") -> Encoding | None:
    file = io.BytesIO()
    Image.new(mode, (16, 16)).save(file, "JPEG", quality=quality)
    with Image.open(file) as image:
        return encoding_of(image)


@pytest.mark.parametrize(("came", "least"), [(98, 98), (60, LEAST_QUALITY)])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_tables_are_the_finer_ones(came: int, least: int, mode: str) -> None:
    settings, wanted = compression("JPEG", jpeg(came, mode), None), jpeg(least)
    assert wanted is not None and settings["subsampling"] == 0
    made = np.array(settings["qtables"])
    assert (made[0] <= np.array(wanted.tables[0])).all()


def test_lossless_stays_lossless_and_quality_overrides() -> None:
    assert compression("WEBP", Encoding(is_lossless=True), None)["lossless"] is True
    assert compression("WEBP", Encoding(is_lossless=True), 40) == {"quality": 40}
    assert compression("WEBP", None, None) == {"quality": LEAST_QUALITY}
    assert compression("JPEG", jpeg(98), 70) == {"quality": 70, "subsampling": 0}
    assert compression("PNG", None, None) == {"compress_level": 4}
