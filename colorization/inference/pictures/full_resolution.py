"""Chroma of the working size, brought to the full picture and joined with its own luminance."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from colorization.inference.pictures.guided_upsampling import (
    apply_coefficients,
    guided_coefficients,
)
from colorization.inference.pictures.luminance import luminance_rows
from colorization.inference.pictures.paper import Paper
from colorization.inference.pictures.strips import work_on_strips
from colorization.inference.pictures.tint import tint_at
from similarity.color.lab import lab_to_rgb, lab_to_rgb_bytes
from similarity.resize import resized

UPSAMPLING_RADIUS = 1  # working pixels
EDGE_EPSILON = 9.0  # squared units of L: lower, colors follow edges and noise; higher, they bleed


def render(
    target: np.ndarray,
    luminance: Float[Tensor, "1 1 height width"],
    half_ab: Float[Tensor, "2 _height _width"],
    tint: Float[Tensor, "levels 2"] | None = None,
    paper: Paper | None = None,
) -> np.ndarray:
    """Upsample the chroma along edges and join it with the target's own luminance, strip by strip.

    Args:
        target: (height, width, 3), uint8 or uint16, of any size.
        luminance: its L at the working size.
        half_ab: chroma at half the working size, raw Lab units.
        tint: from tint_curve, to be added to the chroma; None for none.
        paper: of the border around the picture; None where there is none.

    Returns:
        RGB of the target's size and type.
    """
    small = luminance[0].cpu()
    values = resized(half_ab.float().cpu(), small.shape[-2:])
    values = values if paper is None else paper.around(values)
    slope, offset = guided_coefficients(
        small, values, torch.ones_like(small), UPSAMPLING_RADIUS, EDGE_EPSILON
    )
    height, width, _ = target.shape
    # not empty_like: a gray target may be a view without memory of its own
    rgb = np.empty(target.shape, target.dtype)

    def color(rows: slice) -> None:
        level = luminance_rows(target, rows)
        ab = apply_coefficients(level, slope, offset, rows, height)
        ab = ab if tint is None else ab + tint_at(level, tint)
        lab = torch.cat((level, ab))
        if target.dtype == np.uint16:
            strip = lab_to_rgb(lab).mul_(65535).round_().to(torch.int32)
        else:
            strip = lab_to_rgb_bytes(lab)
        rgb[rows] = strip.permute(1, 2, 0).numpy()

    work_on_strips(color, height, width)
    return rgb
