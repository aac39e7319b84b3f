"""Random crops of photos for training."""

import math

import numpy as np
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from similarity.color.lab import as_tensor


def random_square(
    rgb: UInt8[np.ndarray, "height width 3"], rng: np.random.Generator, cover: float, side: int
) -> Float[Tensor, "3 side side"]:
    """A random square of a photo, half of them mirrored, resized with antialiasing.

    Args:
        rgb: in 0..255.
        rng: the only source of randomness.
        cover: smallest share of the photo's short side in the crop; shares are even on a
            logarithmic scale.
        side: of the result in pixels.

    Returns:
        sRGB in 0..1.
    """
    height, width, _ = rgb.shape
    short = min(height, width)
    size = max(1, round(short * math.exp(rng.uniform(math.log(cover), 0.0))))
    top, left = rng.integers(0, height - size + 1), rng.integers(0, width - size + 1)
    part = rgb[top : top + size, left : left + size]
    if rng.random() < 0.5:
        part = part[:, ::-1]
    resized = F.interpolate(
        as_tensor(part)[None],
        size=(side, side),
        mode="bilinear",
        align_corners=False,
        antialias=True,
    )
    return resized[0].clamp(0.0, 1.0)
