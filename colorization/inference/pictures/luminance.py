"""The luminance of full-size pictures, and pictures made of it and some chroma."""

from functools import cache

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from colorization.inference.pictures.strips import strips_of
from retrieval.photos.picture import is_neutral, to_uint8
from similarity.color.lab import lab_to_rgb_bytes, rgb_to_lab
from similarity.resize import resized


def luminance_of(rgb: np.ndarray) -> np.ndarray:
    """The gray photograph with the L of a color one, as RGB uint8."""
    if is_neutral(rgb):
        return to_uint8(rgb)
    strips = [
        with_chroma(luminance_rows(rgb, rows), torch.zeros(2, 1, 1))[..., :1]
        for rows in strips_of(*rgb.shape[:2])
    ]
    return np.broadcast_to(np.concatenate(strips), rgb.shape)


def with_chroma(
    luminance: Float[Tensor, "1 height width"], ab: Float[Tensor, "2 _height _width"]
) -> UInt8[np.ndarray, "height width 3"]:
    """Join a luminance with chroma of any size, which is interpolated.

    Args:
        luminance: L, 0..100.
        ab: raw Lab units.

    Returns:
        SRGB in 0..255.
    """
    full = resized(ab, luminance.shape[1:])
    return lab_to_rgb_bytes(torch.cat((luminance, full))).permute(1, 2, 0).numpy()


def luminance_rows(rgb: np.ndarray, rows: slice) -> Float[Tensor, "1 height width"]:
    """L of some rows of a picture, without rounding.

    Args:
        rgb: a picture, uint8 or uint16.
        rows: which.
    """
    strip = rgb[rows]
    if is_neutral(strip):
        return gray_luminance(strip[..., 0])[None]
    return rgb_to_lab(
        torch.from_numpy(strip.astype(np.float32, order="C") / np.iinfo(strip.dtype).max).permute(
            2, 0, 1
        )
    )[:1]


def gray_luminance(gray: np.ndarray) -> Float[Tensor, "height width"]:
    """L of gray values, from a table.

    Args:
        gray: uint8 or uint16, (height, width).
    """
    return _gray_table(str(gray.dtype))[torch.from_numpy(gray.astype(np.int32))]


@cache
def _gray_table(dtype: str) -> Tensor:
    """L of every value that a gray pixel can have."""
    top = np.iinfo(dtype).max
    values = torch.arange(top + 1).float() / top
    return rgb_to_lab(values.expand(3, 1, top + 1))[0, 0]
