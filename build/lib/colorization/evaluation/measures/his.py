"""How far a result has the colors of its reference, wherever they lie: HIS."""

import numpy as np
from jaxtyping import Float

from colorization.evaluation.measures import Ab

CENTRES = 21  # an axis, from -1 to 1 in steps of 0.1
SCALE = 110.0  # raw Lab units that become 1; colors beyond it are taken as 1


def color_histogram(ab: Ab) -> Float[np.ndarray, "21 21"]:
    """Histogram of 441 bins over ab / 110, triangular soft vote on each axis.

    On an axis a color votes max(0, 1 - |x - c| / 0.1) for the centre c, so that it is shared by its
    two neighbours; its vote for a bin is the product over both axes, and the votes of a pixel sum
    to 1.

    Args:
        ab: raw Lab units.

    Returns:
        Shares by a, then b; they sum to 1.
    """
    steps = (CENTRES - 1) / 2
    place = (np.clip(ab.reshape(-1, 2).astype(np.float64) / SCALE, -1, 1) + 1) * steps
    low = np.minimum(place.astype(np.int64), CENTRES - 2)
    share = place - low
    counts = np.zeros(CENTRES * CENTRES)
    for i in (0, 1):
        for j in (0, 1):
            vote = np.abs(1 - i - share[:, 0]) * np.abs(1 - j - share[:, 1])
            counts += np.bincount(
                (low[:, 0] + i) * CENTRES + low[:, 1] + j, vote, CENTRES * CENTRES
            )
    return (counts / len(place)).reshape(CENTRES, CENTRES)


def histogram_intersection(
    reference_ab: Float[np.ndarray, "height width 2"],
    result_ab: Float[np.ndarray, "_height _width 2"],
) -> float:
    """Histogram intersection similarity: the overlap of two color histograms.

    Args:
        reference_ab: colors of the reference, raw Lab units, any size.
        result_ab: colors of the result, raw Lab units, any size.

    Returns:
        0..1; 1 is the same share of every color. A gray result still scores the reference's share
        of grays.
    """
    return float(np.minimum(color_histogram(reference_ab), color_histogram(result_ab)).sum())
