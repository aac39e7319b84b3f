"""How colorful pictures are; best is not more, but as colorful as the truth."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from colorization.evaluation.measures import Rgb


def colorfulness(rgb: Float[np.ndarray, "height width 3"] | Rgb) -> float:
    """Colorfulness on sRGB in 0..255, with signed opponent channels.

    Several repositories take the absolute values of rg and yb first, which is another number.

    Args:
        rgb: sRGB, 0..255.

    Returns:
        0 for greys; photographs have about 20 to 80.

    Source: Hasler and Suesstrunk 2003, M3.
    """
    red, green, blue = np.moveaxis(np.asarray(rgb, np.float64), -1, 0)
    rg, yb = red - green, (red + green) / 2 - blue
    return float(np.sqrt(rg.var() + yb.var()) + 0.3 * np.sqrt(rg.mean() ** 2 + yb.mean() ** 2))


def delta_of_means(results: Sequence[float], truths: Sequence[float]) -> float:
    """Delta CF of a set as the literature reports it: |mean CF(result) - mean CF(truth)|.

    Pictures that are too pale and pictures that are too vivid cancel out; in mean_delta they do
    not.

    Args:
        results: colorfulness of each result.
        truths: colorfulness of each true picture, in the same order.

    Raises:
        ValueError: the lengths differ, or there are none.
    """
    result, truth = _paired(results, truths)
    return float(abs(result.mean() - truth.mean()))


def mean_delta(results: Sequence[float], truths: Sequence[float]) -> float:
    """Delta CF picture by picture: mean |CF(result) - CF(truth)|, where nothing cancels out.

    Args:
        results: colorfulness of each result.
        truths: colorfulness of each true picture, in the same order.

    Raises:
        ValueError: the lengths differ, or there are none.
    """
    result, truth = _paired(results, truths)
    return float(np.abs(result - truth).mean())


def _paired(results: Sequence[float], truths: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    if len(results) != len(truths) or not len(results):
        raise ValueError(
            "expected as many results as truths, at least one;"
            f" got {len(results)} and {len(truths)}"
        )
    return np.asarray(results, np.float64), np.asarray(truths, np.float64)
