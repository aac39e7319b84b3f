import resource
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorization.photo_files.whole_files import save_whole


@pytest.fixture
def noise() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8))


@pytest.mark.parametrize(("format_", "suffix"), [("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp")])
def test_it_is_what_pillow_writes(
    noise: Image.Image, tmp_path: Path, format_: str, suffix: str
) -> None:
    save_whole(noise, tmp_path / f"a.{suffix}", format_, quality=70)
    noise.save(tmp_path / f"b.{suffix}", format_, quality=70)
    assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
def test_bytes_that_find_no_room_are_noticed(
    noise: Image.Image, tmp_path: Path, format_: str
) -> None:
    path = tmp_path / "a"
    save_whole(noise, path, format_)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size - 10, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            save_whole(noise, path, format_)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
