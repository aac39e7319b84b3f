"""Suggested colors for a place: K-means of the distribution that the network predicts there.

The network was trained with rare colors counting more, and what is clustered is as it predicts it:
so vivid colors are suggested too, and not nine grays. How likely each is has that taken back.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from colorization.network.color_bins import STEP, ab_bins, rebalancing_weights
from colorization.network.colorization_network import Prediction
from colorization.network.hints import Point, chroma_of
from similarity.color.lab import lab_to_rgb

SAMPLES = 3000  # drawn from the distribution, inside the bins
LEAST_SHARE = 0.005  # of a suggestion: less would be told as 0 %
SEED = 0  # the same place gets the same suggestions


@dataclass(frozen=True)
class Suggestion:
    """A suggested color.

    Attributes:
        rgb: sRGB at the luminance of the place, 0..255.
        ab: raw Lab units, as it can be shown there.
        share: how likely it is, 0..1.
    """

    rgb: tuple[int, int, int]
    ab: tuple[float, float]
    share: float

    @property
    def hex(self) -> str:
        """The color as ``#rrggbb``."""
        return "#{:02x}{:02x}{:02x}".format(*self.rgb)


def suggestions(
    prediction: Prediction,
    prior: Float[Tensor, " bins"],
    luminance: Float[Tensor, "1 height width"],
    place: Point,
    count: int,
) -> list[Suggestion]:
    """Cluster the colors that the network holds possible at a place.

    Args:
        prediction: with logits.
        prior: share of each bin in the corpus that the network was trained on.
        luminance: L at the working size.
        place: its x and y are read.
        count: how many clusters at most.

    Returns:
        The clusters' centres, snapped into the gamut, the most likely first, without those that
        hardly are; those that look the same are one, with the sum of their shares.

    Raises:
        ValueError: count is not positive, or there are no logits.

    Source: Zhang et al. 2017, section 2.3.
    """
    # slow to import: only who asks for suggestions waits for it
    from scipy.cluster.vq import kmeans2

    if count < 1 or prediction.logits is None:
        raise ValueError(
            f"suggestions need a positive count, not {count}, and a network with color bins"
        )
    grid = torch.tensor([[[[place.x * 2 - 1, place.y * 2 - 1]]]]).to(luminance)
    logits = F.grid_sample(
        prediction.logits.to(luminance), grid, padding_mode="border", align_corners=False
    )[0, :, 0, 0]
    level = float(F.grid_sample(luminance[None], grid, padding_mode="border", align_corners=False))
    rng = np.random.default_rng(SEED)
    chosen = rng.choice(len(logits), SAMPLES, p=logits.cpu().double().softmax(0).numpy())
    colors = ab_bins().numpy()[chosen] + rng.uniform(-STEP / 2, STEP / 2, (SAMPLES, 2))
    centres, member = kmeans2(
        colors, count, minit="++", seed=np.random.default_rng(SEED), missing="warn"
    )
    likely = 1 / rebalancing_weights(prior).cpu().double().numpy()[chosen]
    shares = np.bincount(member, likely, count) / likely.sum()
    merged: dict[tuple[int, int, int], Suggestion] = {}
    for i in np.argsort(-shares, kind="stable"):
        if shares[i] >= LEAST_SHARE:
            one = _shown(level, centres[i], float(shares[i]))
            first = merged.setdefault(one.rgb, replace(one, share=0.0))
            merged[one.rgb] = replace(first, share=first.share + one.share)
    return sorted(merged.values(), key=lambda one: -one.share)


def _shown(level: float, ab: np.ndarray, share: float) -> Suggestion:
    lab = torch.tensor([level, *ab], dtype=torch.float32).view(3, 1, 1)
    rgb = lab_to_rgb(lab)
    red, green, blue = (round(float(value) * 255) for value in rgb.flatten())
    return Suggestion((red, green, blue), chroma_of(rgb), share)
