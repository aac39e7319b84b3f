"""What a user may ask for: color points on the picture, a palette, a saturation."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from colorization.network.color_bins import NUM_BINS, ab_bins, histogram
from similarity.color.lab import rgb_to_lab

GLOBAL_SIZE = NUM_BINS + 9  # of the vector of global hints
# of a point, in shares of the longer side: SPREAD / sqrt(points) within REACH
SPREAD, REACH = 0.4, (0.04, 0.2)
PALETTE_SCALE = 25.0  # Lab units
PALETTE_STRIDE = 4  # pixels of a picture whose colors are counted as one
ALIKE = 12.0  # L units; how alike luminance must be for a point to reach
ORDINARY, FAITHFUL, LED = 0.0, 0.5, 1.0  # what references are worth, see global_hints


@dataclass(frozen=True)
class Point:
    """A color that the user wants at a place.

    Attributes:
        x: 0..1 from the left to the right edge of the picture.
        y: 0..1 from the upper to the lower edge.
        ab: raw Lab units.

    Raises:
        ValueError: the place is outside the picture, or the color is none.
    """

    x: float
    y: float
    ab: tuple[float, float]

    def __post_init__(self) -> None:
        """Check the place."""
        numbers = (self.x, self.y, *self.ab)
        if not all(isinstance(value, Real) for value in numbers):
            raise ValueError(f"a color point has four numbers x, y, a and b, not {numbers}")
        if not (0.0 <= self.x <= 1.0 and 0.0 <= self.y <= 1.0):
            raise ValueError(
                "a color point must lie within the picture, x and y in 0..1,"
                f" not ({self.x:g}, {self.y:g})"
            )
        if len(self.ab) != 2 or not all(math.isfinite(value) for value in self.ab):
            raise ValueError(f"a color point has two finite numbers a and b, not {self.ab}")

    @classmethod
    def of_color(cls, x: float, y: float, rgb: tuple[int, int, int]) -> "Point":
        """A point of an sRGB color.

        Args:
            x: 0..1 from the left to the right edge of the picture.
            y: 0..1 from the upper to the lower edge.
            rgb: three whole numbers, 0..255.

        Raises:
            ValueError: the color is none, or the place is outside the picture.
        """
        if len(rgb) != 3 or not all(0 <= value <= 255 and value == int(value) for value in rgb):
            raise ValueError(f"a color is three whole numbers in 0..255, not {tuple(rgb)}")
        return cls(
            x,
            y,
            chroma_of(torch.tensor(rgb, dtype=torch.float32, device="cpu").view(3, 1, 1) / 255),
        )

    def cell(self, height: int, width: int) -> tuple[int, int]:
        """Where the point lies on a grid over the picture.

        Args:
            height: of the grid, in cells.
            width: of the grid, in cells.

        Returns:
            Row and column, from 0.
        """
        return min(int(self.y * height), height - 1), min(int(self.x * width), width - 1)


def chroma_of(rgb: Float[Tensor, "3 1 1"]) -> tuple[float, float]:
    """Chroma a and b of one sRGB color in 0..1, raw Lab units."""
    _, a, b = rgb_to_lab(rgb).flatten().tolist()
    return a, b


def point_planes(
    points: Sequence[Point], luminance: Float[Tensor, "1 height width"]
) -> Float[Tensor, "3 height width"]:
    """Spread points over the network's grid: what they suggest for each cell, and how strongly.

    The paper gives the network small patches and lets it learn from many pictures how far they
    reach. Here a point already reaches as far as place and luminance stay alike, and the network
    learns what to make of it.

    Args:
        points: see Point.
        luminance: L on the network's grid.

    Returns:
        Suggested ab in raw Lab units and strength, 1 at a point and towards 0 far from all.
    """
    if not points:
        return luminance.new_zeros(3, *luminance.shape[1:])
    distances = point_distances(points, luminance)
    colors = torch.tensor([point.ab for point in points]).to(luminance)
    ab = torch.einsum("pc,phw->chw", colors, (-distances).softmax(0))
    return torch.cat((ab, (-distances).amax(0, keepdim=True).exp()))


def point_distances(
    points: Sequence[Point], luminance: Float[Tensor, "1 height width"], widen: float = 1.0
) -> Float[Tensor, "points height width"]:
    """How far each cell is from each point, by place and by luminance.

    Args:
        points: at least one.
        luminance: L on any grid.
        widen: factor on how far points reach.

    Returns:
        Squares of distances; 1/2 is as far as a point reaches. The more points, the less far that
        is.
    """
    height, width = luminance.shape[1:]
    y, x = (torch.arange(n).to(luminance) + 0.5 for n in (height, width))
    places = torch.tensor([[one.y * height, one.x * width] for one in points]).to(luminance)
    rows, columns = zip(*(one.cell(height, width) for one in points), strict=True)
    reach = widen * min(max(SPREAD / len(points) ** 0.5, REACH[0]), REACH[1]) * max(height, width)
    down, across = y - places[:, :1], x - places[:, 1:]
    far = down.square()[:, :, None] + across.square()[:, None]
    other = (luminance - luminance[0, rows, columns][:, None, None]).square()
    distances: Tensor = far / (2 * reach**2) + other / (2 * (widen * ALIKE) ** 2)
    return distances


def global_hints(
    palette: Float[Tensor, " bins"] | None = None,
    saturation: float | None = None,
    vividness: float = 0.0,
    faithfulness: float = 0.0,
) -> Float[Tensor, " size"]:
    """Vector of the global hints.

    In order: square roots of the palette's 313 shares, its indicator, saturation, its indicator,
    vividness, faithfulness, mean and deviation of the palette's a and b.

    Args:
        palette: share of each color bin; None if it is not given.
        saturation: mean HSV saturation, 0..1; None if it is not given.
        vividness: 0 asks for the expected color, which is careful and pale; 1 for one that looks
            real. The paper has no such input. It is told in training only: the shipped network
            answers both alike.
        faithfulness: ORDINARY says that references are like any photo that resembles the target;
            FAITHFUL that their colors are right wherever they match, as in the chrominance branch;
            LED that surfaces take their colors, whatever colors they had. The paper has no such
            input either: its two branches give the same planes two meanings.

    Raises:
        ValueError: saturation, vividness or faithfulness is outside 0..1.

    Source: Zhang et al. 2017, section 2.4.
    """
    for name, value in (
        ("saturation", saturation or 0.0),
        ("vividness", vividness),
        ("faithfulness", faithfulness),
    ):
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"{name} must be within 0..1, not {value}")
    vector = torch.zeros(GLOBAL_SIZE, dtype=torch.float32)
    if palette is not None:
        # a histogram has entries of about 1/313: the square root keeps rare colors visible beside
        # frequent ones
        vector[:NUM_BINS], vector[NUM_BINS] = palette.sqrt(), 1.0
        mean = palette @ ab_bins()
        deviation = (palette @ (ab_bins() - mean).square()).sqrt()
        vector[NUM_BINS + 5 :] = torch.cat((mean, deviation)) / PALETTE_SCALE
    if saturation is not None:
        vector[NUM_BINS + 1], vector[NUM_BINS + 2] = saturation, 1.0
    vector[NUM_BINS + 3], vector[NUM_BINS + 4] = vividness, faithfulness
    return vector


def palette_of(
    ab: Float[Tensor, "2 height width"], stride: int = PALETTE_STRIDE
) -> Float[Tensor, " bins"]:
    """Share of each color bin in a picture, at a quarter of its working size.

    Args:
        ab: raw Lab units.
        stride: cells of ``ab`` whose colors are counted as one.

    Source: Zhang et al. 2017, section 2.4.
    """
    return histogram(F.avg_pool2d(ab[None], stride))[0]
