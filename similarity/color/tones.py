"""Prints fade and scans are dark: the networks see luminance as wide as photos have it.

Unspread, faded trees became blue. A photo with full tones is seen as it is; equalising histograms
instead changes the tones of every photo.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

TAIL = 0.01  # share of the darkest and of the brightest pixels that do not count
MARGIN = 0.1  # of the sides at each edge: the borders of prints and scans do not count
SPAN = 80.0  # of L from tail to tail, in most photos
MIDDLE = (40.0, 60.0)  # of L between the tails
# of red, green and blue light in what film sees that is blind to red, see luminance_by_light:
# foliage and lips are dark on it, skies white
FILM_SHARES = torch.tensor([0.03, 0.45, 0.52], device="cpu")
MAX_GAIN = 3.0  # what is wider spread is noise


def simulate_print(
    luminance_unit: Float[Tensor, "*batch 1 height width"],
    gamma: Tensor | float,
    contrast: Tensor | float,
    brightness: Tensor | float,
) -> Float[Tensor, "*batch 1 height width"]:
    """Luminance in 0..1 as dark, bright and faded prints show it, to train on; may leave 0..1.

    Args:
        luminance_unit: of a photo with full tones; 1 is white.
        gamma: above 1 darkens the middle tones; for each picture one, or one for all of them.
        contrast: factor on the distance from 0.5, below 1 for faded prints; one, or one a picture.
        brightness: added at last, in the same unit; one, or one a picture.
    """
    return (luminance_unit.clamp(0.0, 1.0) ** gamma - 0.5) * contrast + 0.5 + brightness


@dataclass(frozen=True)
class Tones:
    """How luminance is changed; each picture of a batch has its own.

    Attributes:
        gain: factor, at least 1.
        offset: in units of L.
    """

    gain: Float[Tensor, "batch 1 1 1"]
    offset: Float[Tensor, "batch 1 1 1"]

    def __call__(
        self, luminance: Float[Tensor, "batch 1 height width"]
    ) -> Float[Tensor, "batch 1 height width"]:
        """Change L, 0..100."""
        return (luminance * self.gain + self.offset).clamp(0.0, 100.0)


def tones_of(luminance: Float[Tensor, "batch 1 height width"]) -> Tones:
    """What spreads the tones of pictures as photos have them: towards SPAN around MIDDLE.

    Args:
        luminance: L, 0..100.
    """
    height, width = luminance.shape[-2:]
    down, across = int(height * MARGIN), int(width * MARGIN)
    inner = luminance[..., down : height - down, across : width - across].flatten(1).float()
    count = inner.shape[1]
    tail = int(TAIL * (count - 1))
    low, high = _ranked(inner, tail), _ranked(inner, count - 1 - tail)
    gain = (SPAN / (high - low).clamp(min=1.0)).clamp(1.0, MAX_GAIN)
    middle = (low + high) / 2
    # 0 for full tones, which cannot lie far from the middle
    offset = middle.clamp(*MIDDLE) - gain * middle
    return Tones(gain.view(-1, 1, 1, 1), offset.view(-1, 1, 1, 1))


def _ranked(values: Float[Tensor, "batch pixels"], rank: int) -> Float[Tensor, " batch"]:
    """The value of each row that so many are below."""
    if values.device.type == "cpu":  # several times as fast there
        parted = np.partition(values.detach().numpy(), rank, axis=1)
        return torch.from_numpy(parted[:, rank])
    return values.kthvalue(rank + 1, 1).values


def spread_tones(
    lab: Float[Tensor, "batch channels height width"],
) -> Float[Tensor, "batch channels height width"]:
    """Lab, or L alone, with its luminance as the networks see it and the same chroma."""
    luminance = lab[:, :1]
    return torch.cat((tones_of(luminance)(luminance), lab[:, 1:]), 1)
