"""How much chroma a screen can show at each lightness and hue."""

import math
from functools import cache

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from similarity.color.lab import lab_to_rgb, rgb_to_lab

LEVELS, HUES = 26, 72  # of the table, between which it is linear
BEYOND = 150.0  # chroma that no screen shows
LEAST = 0.5  # at black and white


def highest_chroma(
    luminance: Float[Tensor, " colors"], ab: Float[Tensor, "2 colors"]
) -> Float[Tensor, " colors"]:
    """The chroma at which colors of a lightness and hue leave sRGB, in Lab units.

    Args:
        luminance: L, 0..100.
        ab: whose hue counts; raw Lab units.
    """
    hue = torch.atan2(ab[1], ab[0]) / math.pi
    places = torch.stack((hue, luminance / 50 - 1), -1)[None, None]
    table = _table().to(luminance)[None, None]
    return F.grid_sample(table, places, padding_mode="border", align_corners=True)[0, 0, 0]


@cache
@torch.inference_mode(False)
def _table() -> Float[Tensor, "levels hues"]:
    """Hues from -180 to 180 degrees; the last is the first."""
    level = torch.linspace(0, 100, LEVELS, dtype=torch.float32, device="cpu")
    hue = torch.linspace(-math.pi, math.pi, HUES + 1, dtype=torch.float32, device="cpu")
    lab = torch.zeros(3, LEVELS, HUES + 1, dtype=torch.float32, device="cpu")
    lab[0], lab[1], lab[2] = level[:, None], BEYOND * hue.cos(), BEYOND * hue.sin()
    _, a, b = rgb_to_lab(lab_to_rgb(lab, steps=12))
    return torch.hypot(a, b).clamp(min=LEAST)
