"""Near-duplicates are one photo stored twice, recompressed, resized or slightly cropped.

Two photos count as one when their global descriptors agree (MIN_GLOBAL) and their cells, place by
place, do so too (MIN_LIKENESS). Cells say both what is there (local descriptors) and how light and
dark are spread over the picture (mean luminance by cell, centred and scaled, which brightness and
contrast hardly change). The second weighs more: two photos of one kind of scene differ there.

The thresholds were chosen so that photos of two places stay two, at the price of missing strong
crops and clipped brightening. Mirrored photos are others.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Int

MIN_GLOBAL = 0.85  # cosine of the global descriptors
MIN_LIKENESS = 0.965
# of the spread of luminance; the rest is the cosine of the local descriptors
STRUCTURE_WEIGHT = 0.8
# below, no local descriptors can make up for it
MIN_STRUCTURE = (MIN_LIKENESS - (1 - STRUCTURE_WEIGHT)) / STRUCTURE_WEIGHT
_FLAT = 0.05  # in bins of L: a photo whose cells differ less has no structure


@dataclass(frozen=True)
class Appearance:
    """What tells whether two photos are one.

    Attributes:
        global_: unit vectors of photos as a whole.
        local: unit vectors of the 7x7 cells.
        structure: how light and dark are spread, as luminance_structure gives it.
    """

    global_: Float[np.ndarray, "photos size"]
    local: Float[np.ndarray, "photos cells local"]
    structure: Float32[np.ndarray, "photos cells"]


def luminance_structure(
    histogram: Float[np.ndarray, "photos cells bins"],
) -> Float32[np.ndarray, "photos cells"]:
    """Mean luminance of each cell, centred and of unit length: how light and dark are spread.

    Flat photos all get one vector, which is at right angles to that of any other photo.
    """
    means = histogram.astype(np.float32) @ np.arange(histogram.shape[2], dtype=np.float32)
    centred = means - means.mean(1, keepdims=True)
    norm = np.linalg.norm(centred, axis=1, keepdims=True)
    flat = np.full_like(centred, centred.shape[1] ** -0.5)
    return np.asarray(np.where(norm < _FLAT, flat, centred / np.maximum(norm, _FLAT)), np.float32)


def same_photo(
    photos: Appearance, row: int, others: Int[np.ndarray, " others"]
) -> Bool[np.ndarray, " others"]:
    """Tell which photos are near-duplicates of one.

    Cells are compared only where the rest agrees.

    Args:
        photos: what they look like.
        row: of the one.
        others: rows of those that are compared with it.

    Returns:
        For each of the others whether it is.
    """
    near = photos.global_[others] @ photos.global_[row] >= MIN_GLOBAL
    structure = photos.structure[others] @ photos.structure[row]
    close = np.flatnonzero(near & (structure >= MIN_STRUCTURE))
    cells = (
        (photos.local[others[close]].astype(np.float32) * photos.local[row].astype(np.float32))
        .sum(2)
        .mean(1)
    )
    found = np.zeros(len(others), bool)
    found[close] = (
        STRUCTURE_WEIGHT * structure[close] + (1 - STRUCTURE_WEIGHT) * cells >= MIN_LIKENESS
    )
    return found


def distinct(photos: Appearance, order: Int[np.ndarray, " photos"], count: int) -> list[int]:
    """Choose the best photos of which no two are of one group of near-duplicates.

    A group joins photos that are near-duplicates of each other, directly or through others that
    compete.

    Args:
        photos: what those look like that compete.
        order: their rows, best first.
        count: how many are wanted.

    Returns:
        At most count rows, best first; of each group the best.
    """
    chosen: list[int] = []
    left = order
    while len(left) and len(chosen) < count:
        chosen.append(int(left[0]))
        group, left = [int(left[0])], left[1:]
        while group and len(left):
            same = same_photo(photos, group.pop(), left)
            group += left[same].tolist()
            left = left[~same]
    return chosen
