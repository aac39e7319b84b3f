"""The size at which pictures are looked at, whatever size they have."""

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from colorization.inference.pictures.luminance import gray_luminance
from colorization.inference.pictures.picture_arrays import shrink
from colorization.options import SIDE_STEP
from retrieval.photos.picture import is_neutral
from similarity.color.lab import as_tensor, rgb_to_lab

MAX_ASPECT = 4.0  # longer pictures are squeezed


def working_size(height: int, width: int, side: int) -> tuple[int, int]:
    """Size of about side squared pixels, of the picture's aspect, in multiples of 32.

    Args:
        height: of the picture.
        width: of the picture; pictures longer than MAX_ASPECT are squeezed.
        side: see ColorizeOptions.
    """
    aspect = min(max(width / height, 1 / MAX_ASPECT), MAX_ASPECT)
    rows, columns = side / aspect**0.5, side * aspect**0.5
    height, width = (max(1, round(length / SIDE_STEP)) * SIDE_STEP for length in (rows, columns))
    return height, width


def working_lab(rgb: np.ndarray, side: int) -> Float[Tensor, "1 3 height width"]:
    """Lab of a picture at the working size.

    Args:
        rgb: uint8 or uint16, (height, width, 3).
        side: see ColorizeOptions.
    """
    height, width = working_size(rgb.shape[0], rgb.shape[1], side)
    filter_ = (
        Image.Resampling.BICUBIC
        if rgb.shape[0] * rgb.shape[1] < height * width
        else Image.Resampling.BOX
    )
    reduced = max(1, min(rgb.shape[1] // (2 * width), rgb.shape[0] // (2 * height)))
    if is_neutral(rgb):  # as most targets are: a third of the pixels, and L from a table
        gray = np.asarray(shrink(rgb[..., 0], reduced).resize((width, height), filter_))
        luminance = gray_luminance(gray)
        return torch.stack((luminance, torch.zeros_like(luminance), torch.zeros_like(luminance)))[
            None
        ]
    return rgb_to_lab(
        as_tensor(np.asarray(shrink(rgb, reduced).resize((width, height), filter_)))[None]
    )
