"""Scans of two levels, as fax machines and copiers write them.

Nothing in them can take color: black and white have no chroma. Where dots stand for grays, their
mean over a few pixels is the gray that was meant; the edges of drawings become soft by as much.
"""

import numpy as np
from PIL import Image, ImageFilter

NOTE = "two levels became grays, which can take color"
_RADIUS_SHARE, _RADII = 1 / 500, (1.0, 4.0)  # of the short side; pixels
_LOOK = 1 << 16  # pixels that tell at once that most pictures have more levels


def has_two_levels(gray: np.ndarray) -> bool:
    """Whether a gray picture (height, width) holds two values only, black and white or others."""
    few = gray.ravel()[:: max(1, gray.size // _LOOK)]
    if len(np.unique(few)) > 2:
        return False
    low, high = gray.min(), gray.max()
    return bool(low < high and ((gray == low) | (gray == high)).all())


def with_grays(gray: np.ndarray) -> np.ndarray:
    """A gray picture of two levels as one with middle tones, uint8 (height, width)."""
    low, high = gray.min(), gray.max()
    full = 65535 if gray.dtype == np.uint16 else 255
    levels = np.where(gray == high, high, low).astype(np.float32) * (255 / full)
    radius = float(np.clip(min(gray.shape) * _RADIUS_SHARE, *_RADII))
    image = Image.fromarray(levels.round().astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(radius)))
