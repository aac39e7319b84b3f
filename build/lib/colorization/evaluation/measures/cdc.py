"""Whether the colors of a film hold still: color distribution consistency, CDC."""

import math
from collections import deque
from collections.abc import Iterable

import numpy as np
from jaxtyping import Float
from scipy.special import rel_entr

from colorization.evaluation.measures import Rgb

STEPS = (1, 2, 4)  # frames between the two that are compared


def channel_histograms(rgb: Rgb) -> Float[np.ndarray, "3 256"]:
    """Share of each value 0..255 in each channel."""
    return (
        np.stack([np.bincount(rgb[..., channel].ravel(), minlength=256) for channel in range(3)])
        / rgb[..., 0].size
    )


def jensen_shannon(
    first: Float[np.ndarray, "rows bins"], second: Float[np.ndarray, "rows bins"]
) -> Float[np.ndarray, " rows"]:
    """Jensen-Shannon divergence of distributions, in nats.

    Args:
        first: a distribution a row; each sums to 1.
        second: those to compare them with, row by row.

    Returns:
        0 for equal distributions, at most ln 2.
    """
    middle = (first + second) / 2
    return np.asarray((rel_entr(first, middle) + rel_entr(second, middle)).sum(1)) / 2


def color_distribution_consistency(frames: Iterable[Rgb]) -> float:
    """CDC: how much the distribution of colors changes from frame to frame.

    The mean over STEPS of the mean Jensen-Shannon divergence between the histograms of frames that
    many apart, each channel by itself. It rewards gray films, so read it beside that of the film's
    luminance and never alone.

    Args:
        frames: sRGB, 0..255, in order; only the last few are kept in memory.

    Returns:
        0 for a film that stands still, at most ln 2; lower is steadier. NaN for a single frame;
        steps that a short film does not have are left out.

    Source: Liu et al. 2021 (arXiv 2110.04562), section 4.2, as their released code computes it.
    """
    past: deque[np.ndarray] = deque(maxlen=max(STEPS))
    sums, counts = dict.fromkeys(STEPS, 0.0), dict.fromkeys(STEPS, 0)
    for frame in frames:
        shares = channel_histograms(frame)
        for step in STEPS:
            if len(past) >= step:
                sums[step] += float(jensen_shannon(past[-step], shares).mean())
                counts[step] += 1
        past.append(shares)
    means = [sums[step] / counts[step] for step in STEPS if counts[step]]
    return sum(means) / len(means) if means else math.nan
