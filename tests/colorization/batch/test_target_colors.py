"""What has colors already: photographs have, gray and toned prints have not."""

import numpy as np
import pytest
from gray_prints import TONES

from colorization.batch.target_colors import HAS_COLORS, has_colors, recolored
from retrieval.photos.reader import Picture


def test_photographs(pictures: dict[str, np.ndarray]) -> None:
    assert has_colors(pictures["astronaut"])
    assert recolored(Picture(pictures["astronaut"])) == [f"{HAS_COLORS}; they are replaced"]


@pytest.mark.parametrize("tone", ["sepia 0.35", "cyanotype", "selenium"])
def test_toned_prints(gray_pictures: dict[str, np.ndarray], tone: str) -> None:
    print_ = np.rint(TONES[tone]).astype(np.uint8)[gray_pictures["astronaut"]]
    assert not has_colors(print_)
    assert recolored(Picture(print_)) == []


def test_gray_files_are_not_looked_at(pictures: dict[str, np.ndarray]) -> None:
    assert recolored(Picture(pictures["astronaut"], is_gray=True)) == []
