from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorization.batch.target_colors import has_colors
from retrieval.photos.reader import Picture, read_picture

Pictures = dict[str, np.ndarray]


@pytest.fixture
def read(tmp_path: Path) -> Picture:
    """A gray picture as it is read from a file."""
    Image.fromarray(np.full((30, 40), 90, np.uint8)).save(tmp_path / "gray.png")
    return read_picture(tmp_path / "gray.png")


def sepia(gray: np.ndarray) -> np.ndarray:
    return (gray[..., None] * np.array([1.0, 0.88, 0.7])).astype(np.uint8)


def test_tones_are_no_colors(read: Picture, pictures: Pictures, gray_pictures: Pictures) -> None:
    assert read.is_gray and not has_colors(read)
    large = np.asarray(Image.fromarray(pictures["coffee"]).resize((1500, 1000)))
    for rgb in (pictures["coffee"], large):
        assert has_colors(replace(read, rgb=rgb, is_gray=False))
    toned = replace(read, rgb=sepia(gray_pictures["coffee"]), is_gray=False)
    assert not has_colors(toned)
