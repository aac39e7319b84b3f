"""Average over surfaces: distances grow with every change of luminance on the way."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

ITERATIONS = 3  # of the paper; each removes more of the stripes of the one before


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


def _both_ways(values: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Filter along the first axis, there and back, keeping some of each neighbour's value."""
    values = np.ascontiguousarray(values)
    carried = np.empty_like(values[0])
    for run, shares in ((values, kept), (values[::-1], kept[::-1])):
        run[1:] *= (1 - shares)[:, None]
        for here, before, share in zip(run[1:], run[:-1], shares, strict=True):
            np.multiply(before, share, out=carried)
            here += carried
    return values
