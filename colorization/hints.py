"""What a user may ask for: color points on the picture, a palette, a saturation; and how training imitates users."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from colorization.bins import NUM_BINS, histogram
from colorization.network import GLOBAL_SIZE

ALL_COLORS = 0.01  # share of training pictures that get every color as a hint
POINTS_RATE = 1 / 8  # of the geometric number of points in training
PATCH = (1, 9)  # working pixels of a training point


@dataclass(frozen=True)
class Point:
    """A color that the user wants at a place.

    Attributes:
        x: 0..1 from the left to the right edge of the picture.
        y: 0..1 from the upper to the lower edge.
        ab: raw Lab units.

    Raises:
        ValueError: the place is outside the picture.
    """

    x: float
    y: float
    ab: tuple[float, float]

    def __post_init__(self) -> None:
        """Check the place."""
        if not (0.0 <= self.x <= 1.0 and 0.0 <= self.y <= 1.0):
            raise ValueError(f"a color point must lie within the picture, x and y in 0..1, not ({self.x:g}, {self.y:g})")


def point_planes(points: Sequence[Point], height: int, width: int, size: int = 1) -> Float[Tensor, "3 height width"]:
    """Draw points on the network's grid: ab in raw Lab units and mask. Later points lie over earlier ones.

    Args:
        points: see Point.
        height: of the grid.
        width: of the grid.
        size: side of a point in cells.
    """
    planes = torch.zeros(3, height, width)
    for point in points:
        top = max(min(int(point.y * height) - (size - 1) // 2, height - size), 0)
        left = max(min(int(point.x * width) - (size - 1) // 2, width - size), 0)
        planes[:, top : top + size, left : left + size] = torch.tensor([*point.ab, 1.0])[:, None, None]
    return planes


def random_points(ab: Float[Tensor, "2 height width"], rng: np.random.Generator, stride: int) -> Float[Tensor, "3 height width"]:
    """Imitate a user: a few true colors at random places, most of them near the middle.

    Args:
        ab: true colors on the network's grid.
        rng: source of randomness.
        stride: working pixels a cell, so that points have the paper's size.

    Source: Zhang et al. 2017, section 2.2.
    """
    _, height, width = ab.shape
    if rng.random() < ALL_COLORS:
        return torch.cat((ab, torch.ones_like(ab[:1])))
    planes = torch.zeros(3, height, width)
    for _ in range(int(rng.geometric(POINTS_RATE)) - 1):
        size = max(1, round(int(rng.integers(PATCH[0], PATCH[1] + 1)) / stride))
        y = int(np.clip(rng.normal(height / 2, height / 4), 0, height - size))
        x = int(np.clip(rng.normal(width / 2, width / 4), 0, width - size))
        color = ab[:, y : y + size, x : x + size].mean((1, 2), keepdim=True)
        planes[:2, y : y + size, x : x + size] = color
        planes[2, y : y + size, x : x + size] = 1.0
    return planes


def global_hints(
    palette: Float[Tensor, " bins"] | None = None, saturation: float | None = None, vividness: float = 0.0
) -> Float[Tensor, " size"]:
    """Vector of the global hints: histogram of 313 bins, saturation, each with its indicator, and vividness.

    Args:
        palette: share of each color bin; None if it is not given.
        saturation: mean HSV saturation, 0..1; None if it is not given.
        vividness: 0 asks for the expected color, which is careful and pale; 1 for one that looks real. The paper has no
            such input; without it one network cannot answer both questions, and which one it answers is fixed by the
            weights of its losses.

    Raises:
        ValueError: saturation or vividness is outside 0..1.

    Source: Zhang et al. 2017, section 2.4.
    """
    for name, value in (("saturation", saturation or 0.0), ("vividness", vividness)):
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"{name} must be within 0..1, not {value}")
    vector = torch.zeros(GLOBAL_SIZE)
    if palette is not None:
        # a histogram has entries of about 1/313: the square root keeps rare colors visible beside frequent ones
        vector[:NUM_BINS], vector[NUM_BINS] = palette.sqrt(), 1.0
    if saturation is not None:
        vector[NUM_BINS + 1], vector[NUM_BINS + 2] = saturation, 1.0
    vector[NUM_BINS + 3] = vividness
    return vector


def palette_of(ab: Float[Tensor, "2 height width"], stride: int = 4) -> Float[Tensor, " bins"]:
    """Share of each color bin in a picture, at a quarter of its size."""
    return histogram(F.avg_pool2d(ab[None], stride))[0]


def mean_saturation(rgb: Float[Tensor, "3 height width"]) -> float:
    """Mean HSV saturation of sRGB in 0..1."""
    high, low = rgb.amax(0), rgb.amin(0)
    return float(((high - low) / high.clamp(min=1e-6)).mean())
