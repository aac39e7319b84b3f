"""Training imitates users: points of true colors, and how saturated the truth is.

Source: Zhang et al. 2017, sections 2.2 and 2.4.
"""

import numpy as np
from jaxtyping import Float
from torch import Tensor

from colorization.network.hints import Point

POINTS_RATE = 1 / 8  # of the geometric number of points
# share of pictures that get many points; the paper shows every pixel to some
MANY_SHARE, MANY = 0.1, 100
PATCH = (1, 9)  # working pixels of a point


def random_points(
    ab: Float[Tensor, "2 height width"], rng: np.random.Generator, stride: int
) -> list[Point]:
    """Imitate a user: a few true colors at random places, most of them near the middle.

    Args:
        ab: true colors on the network's grid.
        rng: source of randomness.
        stride: working pixels a cell, so that a point's color is the mean of a patch of the paper's
            size.

    Source: Zhang et al. 2017, section 2.2.
    """
    _, height, width = ab.shape
    points = []
    count = MANY if rng.random() < MANY_SHARE else int(rng.geometric(POINTS_RATE)) - 1
    for _ in range(count):
        size = max(1, round(int(rng.integers(PATCH[0], PATCH[1] + 1)) / stride))
        y = int(np.clip(rng.normal(height / 2, height / 4), 0, height - size))
        x = int(np.clip(rng.normal(width / 2, width / 4), 0, width - size))
        a, b = ab[:, y : y + size, x : x + size].mean((1, 2)).tolist()
        points.append(Point((x + size / 2) / width, (y + size / 2) / height, (a, b)))
    return points


def mean_saturation(rgb: Float[Tensor, "3 height width"]) -> float:
    """Mean HSV saturation of sRGB in 0..1."""
    high, low = rgb.amax(0), rgb.amin(0)
    return float(((high - low) / high.clamp(min=1e-6)).mean())
