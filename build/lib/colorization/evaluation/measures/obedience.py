"""Obedience: by how much a result turns when the colors of its references are turned.

PSNR against the truth does not measure what a reference is for: a reference may rightly have other
colors than the photo once had. Recoloring the reference asks directly who decides. 1 is as much as
the colors that are carried over turn themselves, 0 is a result that does not care.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Obedience:
    """How far a result follows its references.

    Attributes:
        best: over the half of the places that match best.
        rest: over the other half.
    """

    best: float
    rest: float


def obedience(
    result: Float[np.ndarray, "2 height width"],
    turned_result: Float[np.ndarray, "2 height width"],
    warped: Float[np.ndarray, "2 height width"],
    turned_warped: Float[np.ndarray, "2 height width"],
    confidence: Float[np.ndarray, "height width"],
) -> Obedience:
    """Mean change of the result's chroma over mean change of the carried colors.

    Args:
        result: ab from the references, raw Lab units.
        turned_result: ab from the same references with their ab turned.
        warped: what the references lend to each place.
        turned_warped: what they lend when turned.
        confidence: how well each place matches.

    Returns:
        NaN where the references have no color to turn.
    """
    changed = np.hypot(*(turned_result - result))
    lent = np.hypot(*(turned_warped - warped))
    order = np.argsort(confidence, axis=None, kind="stable")
    half = order.size // 2
    shares = []
    for places in (order[half:], order[:half]):
        of_lent = float(lent.ravel()[places].mean())
        shares.append(float(changed.ravel()[places].mean()) / of_lent if of_lent else float("nan"))
    return Obedience(*shares)
