"""Luminance and depth of pictures, by other means than the product's."""

import numpy as np
from skimage.color import lab2rgb, rgb2lab


def luminance(rgb: np.ndarray) -> np.ndarray:
    """L of a picture by scikit-image, in float64.

    Args:
        rgb: (height, width, 3), uint8 or uint16.
    """
    found: np.ndarray = rgb2lab(rgb.astype(np.float64) / np.iinfo(rgb.dtype).max)[..., 0]
    return found


def gray_of(level: np.ndarray) -> np.ndarray:
    """The gray picture of a luminance, (height, width, 3), uint8.

    Args:
        level: L in 0..100, (height, width).
    """
    none = np.zeros_like(level)
    rgb: np.ndarray = np.rint(lab2rgb(np.dstack((level, none, none))) * 255).astype(np.uint8)
    return rgb


def deep(picture: np.ndarray) -> np.ndarray:
    """A picture of 8 bits in 16 bits: white stays white.

    Args:
        picture: uint8.
    """
    return picture.astype(np.uint16) * np.uint16(257)
