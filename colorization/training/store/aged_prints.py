"""Luminance as old prints, films and scans show it, to train on."""

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from similarity.color.lab import LUMINANCE_WEIGHTS, luminance_by_light, rgb_to_lab
from similarity.color.tones import FILM_SHARES, simulate_print

FILM_SHARE = 0.6  # of the crops, seen by anything between eyes and film that is blind to red
GAMMA, CONTRAST, BRIGHTNESS = (0.75, 1.3), (0.55, 1.3), (-0.1, 0.1)
BLUR_SHARE, BLUR = 0.15, (0.4, 1.0)  # share of the crops; standard deviation in pixels
GRAIN_SHARE, GRAIN = 0.2, (0.005, 0.03)  # share of the crops; standard deviation of L / 100
BLUR_REACH = 2  # pixels on each side


def on_film(
    rgb: Float[Tensor, "3 height width"], rng: np.random.Generator
) -> Float[Tensor, "3 height width"]:
    """Colors of a crop with a luminance that some old film may have seen.

    Args:
        rgb: sRGB, 0..1.
        rng: the only source of randomness.

    Returns:
        L in 0..100, and the raw ab of the crop as it is.
    """
    lab = rgb_to_lab(rgb)
    if rng.random() >= FILM_SHARE:
        return lab
    shares = torch.lerp(LUMINANCE_WEIGHTS, FILM_SHARES, rng.uniform())
    return torch.cat((luminance_by_light(rgb, shares), lab[1:]))


def aged(
    lab: Float[Tensor, "3 height width"], rng: np.random.Generator
) -> Float[Tensor, "3 height width"]:
    """Change the luminance as prints do: gamma, contrast, brightness; of some, blur and grain.

    Args:
        lab: L in 0..100, raw ab, which stay as they are.
        rng: the only source of randomness.
    """
    luminance = simulate_print(
        lab[:1] / 100, rng.uniform(*GAMMA), rng.uniform(*CONTRAST), rng.uniform(*BRIGHTNESS)
    )
    if rng.random() < BLUR_SHARE:
        luminance = _blurred(luminance, rng.uniform(*BLUR))
    if rng.random() < GRAIN_SHARE:
        grain = rng.normal(0, rng.uniform(*GRAIN), luminance.shape)
        luminance = luminance + torch.from_numpy(grain).to(luminance)
    return torch.cat((luminance.clamp(0.0, 1.0) * 100, lab[1:]))


def _blurred(luminance: Float[Tensor, "1 height width"], sigma: float) -> Tensor:
    places = torch.arange(-BLUR_REACH, BLUR_REACH + 1).to(luminance)
    kernel = (-places.square() / (2 * sigma**2)).exp()
    kernel = kernel / kernel.sum()
    padded = F.pad(luminance[None], (BLUR_REACH,) * 4, mode="reflect")
    return F.conv2d(F.conv2d(padded, kernel.view(1, 1, 1, -1)), kernel.view(1, 1, -1, 1))[0]
