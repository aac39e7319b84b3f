"""Toned prints, through ``rechroma colorize`` and back."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorization.inference.pictures.luminance import luminance_of
from retrieval.photos.reader import Picture

Colorize = Callable[..., Picture]


@pytest.fixture
def sepia(grays: dict[int, np.ndarray]) -> np.ndarray:
    """A toned print: brown shadows, yellow paper."""
    level = grays[8][..., None] / 255
    return np.rint((np.array([1.0, 0.94, 0.8]) * level ** np.array([0.85, 1.0, 1.2])) * 255).astype(
        np.uint8
    )


def test_a_tint_does_not_change_the_colors(
    colorized: Colorize, tmp_path: Path, sepia: np.ndarray
) -> None:
    """Two scans of the same luminance, one toned and one neutral, become the same."""
    Image.fromarray(sepia).save(tmp_path / "sepia.png")
    Image.fromarray(luminance_of(sepia)).save(tmp_path / "neutral.png")
    toned, neutral = (
        colorized(tmp_path / f"{name}.png", tmp_path / f"{name}-color.png").rgb.astype(int)
        for name in ("sepia", "neutral")
    )
    assert np.abs(toned - neutral).max() <= 4 and np.abs(toned - neutral).mean() < 0.5


def test_the_tint_is_removed_unless_it_is_to_be_kept(
    colorized: Colorize, tmp_path: Path, sepia: np.ndarray
) -> None:
    Image.fromarray(sepia).save(tmp_path / "in.png")

    def run(**options: object) -> np.ndarray:
        return colorized(tmp_path / "in.png", tmp_path / "x.png", **options).rgb.astype(int)

    removed, kept = run(saturation=0.0), run(saturation=0.0, keep_tint=True)
    assert np.ptp(removed, axis=2).max() == 0
    assert np.abs(kept - sepia).mean() < 1.5
    both, plain = run(keep_tint=True), run()
    assert (both[..., 2] - both[..., 0] - plain[..., 2] + plain[..., 0]).mean() < -15  # warmer
