"""Even out colors on surfaces: what the network guesses differently from place to place of one plain background."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

ITERATIONS = 3  # of the paper; each removes more of the stripes of the one before
# cells of half the working size up to which an edge mixes colors, and its change of L
MIXED_REACH, MIXED_CONTRAST = 4, 20.0
LEAST = 0.01  # weight of what lies at the strongest edge: a surface may be nothing else


@dataclass(frozen=True)
class Surfaces:
    """The surfaces of a picture, for everything that is evened out on them.

    Attributes:
        luminance: L on the grid of what is evened out; surfaces end where it changes.
    """

    luminance: Float[Tensor, "1 height width"]

    @cached_property
    def inside(self) -> Float[Tensor, "1 height width"]:
        """1 far from any edge, towards 0 where a strong one mixes the colors of both sides."""
        contrasts = _largest_around(torch.cat((self.luminance, -self.luminance)), MIXED_REACH).sum(
            0, keepdim=True
        )
        return 1 / (1 + (contrasts / MIXED_CONTRAST).square())


def smooth_surfaces(
    planes: Float[Tensor, "channels height width"],
    luminance: Float[Tensor, "1 height width"],
    reach: float,
    contrast: float,
) -> Float[Tensor, "channels height width"]:
    """Average colors over distances that grow with every change of luminance on the way.

    A guided filter of the same reach costs less, but makes colors follow the luminance of textures
    and grays them.

    Args:
        planes: ab, or what else belongs to surfaces.
        luminance: L on the same grid.
        reach: standard deviation over a surface without texture, in cells.
        contrast: change of L that counts as much as the whole reach.

    Source: Gastal and Oliveira 2011, Domain Transform for Edge-Aware Image and Video Processing,
        recursive filter.
    """
    values, level = planes.float().cpu().numpy().copy(), luminance[0].float().cpu().numpy()
    across = 1 + reach / contrast * np.abs(np.diff(level, axis=1))
    down = 1 + reach / contrast * np.abs(np.diff(level, axis=0))
    for i in range(ITERATIONS):
        sigma = reach * 3**0.5 * 2.0 ** (ITERATIONS - 1 - i) / (4.0**ITERATIONS - 1) ** 0.5
        decay = np.float32(np.exp(-(2**0.5) / sigma))  # a float64 would make all of it float64
        values = _both_ways(values.transpose(2, 0, 1), decay**across.T).transpose(1, 2, 0)
        values = _both_ways(values.transpose(1, 0, 2), decay**down).transpose(1, 0, 2)
    return torch.from_numpy(np.ascontiguousarray(values)).to(planes)


def smooth_colors(
    ab: Float[Tensor, "channels height width"],
    surfaces: Surfaces,
    reach: float,
    contrast: float,
    sure: Float[Tensor, "1 height width"] | float = 1.0,
) -> Float[Tensor, "channels height width"]:
    """Even out colors on surfaces; at strong edges, where both sides are mixed, those from farther inside count more.

    What is matched or predicted at stride 8 knows an edge to a few pixels only: unweighted, fringes
        of the other side's color
    stay along it.

    Args:
        ab: raw Lab units, at half the working size; several answers may lie one after the other.
        surfaces: on the same grid.
        reach: see smooth_surfaces.
        contrast: see smooth_surfaces.
        sure: how much each place counts beside that, 0..1.
    """
    weight = LEAST + sure * surfaces.inside
    smooth = smooth_surfaces(torch.cat((weight * ab, weight)), surfaces.luminance, reach, contrast)
    return smooth[:-1] / smooth[-1:]


def outvoted_colors(
    ab: Float[Tensor, "2 height width"],
    surfaces: Surfaces,
    reach: float,
    contrast: float,
    spread: float,
) -> Float[Tensor, "2 height width"]:
    """Replace colors that the rest of their surface contradicts by those of the rest: single wrong matches.

    What is outvoted by all has no vote the second time.

    Args:
        ab: raw Lab units, at half the working size.
        surfaces: on the same grid.
        reach: see smooth_surfaces.
        contrast: see smooth_surfaces.
        spread: standard deviation of the colors of one thing, in Lab units.
    """
    agreeing: Tensor | float = 1.0
    around = ab
    for _ in range(2):
        around = smooth_colors(ab, surfaces, reach, contrast, agreeing)
        agreeing = (-(ab - around).square().sum(0, keepdim=True) / (2 * spread**2)).exp()
    return around + agreeing * (ab - around)


def _largest_around(
    planes: Float[Tensor, "count height width"], reach: int
) -> Float[Tensor, "count height width"]:
    """The largest value up to some cells away, across and then down, which is faster than both at once."""
    side = 2 * reach + 1
    across = F.max_pool2d(planes[None], (1, side), 1, (0, reach))
    return F.max_pool2d(across, (side, 1), 1, (reach, 0))[0]


def _both_ways(values: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Filter along the first axis, there and back; ``kept`` is how much of each neighbour's value comes along."""
    values = np.ascontiguousarray(values)
    carried = np.empty_like(values[0])
    for run, shares in ((values, kept), (values[::-1], kept[::-1])):
        run[1:] *= (1 - shares)[:, None]
        for here, before, share in zip(run[1:], run[:-1], shares, strict=True):
            np.multiply(before, share, out=carried)
            here += carried
    return values
