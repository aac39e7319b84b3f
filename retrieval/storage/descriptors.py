"""What the index knows of a photo: vectors, luminance histograms, colors, class and mean chroma."""

from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float16, Int8, Int16

SIDE = 224  # photos are looked at as squares of this side
GRID = 7
BINS = 10
GLOBAL_SIZE = 128
LOCAL_SIZE = 64
SETTINGS = {
    "side": SIDE,
    "grid": GRID,
    "bins": BINS,
    "global": GLOBAL_SIZE,
    "local": LOCAL_SIZE,
    "color": 2,
}


@dataclass(frozen=True)
class Descriptors:
    """Descriptors of some photos.

    Attributes:
        global_: unit vectors of photos as a whole.
        local: unit vectors of their 7x7 cells.
        histogram: share of the pixels of each cell in ten bins of L.
        color: mean ab of each cell, rounded to Lab units.
        label: the backbone's top-1 ImageNet class.
        chroma: mean chroma in Lab units; a photo near 0 is gray, toned or made by this program, and
            no reference.
    """

    global_: Float16[np.ndarray, "photos 128"]
    local: Float16[np.ndarray, "photos 49 64"]
    histogram: Float16[np.ndarray, "photos 49 10"]
    color: Int8[np.ndarray, "photos 49 2"]
    label: Int16[np.ndarray, " photos"]
    chroma: Float16[np.ndarray, " photos"]

    def __len__(self) -> int:
        return len(self.label)

    def take(self, rows: np.ndarray) -> "Descriptors":
        """The descriptors of some rows, in the order given."""
        return Descriptors(*(getattr(self, f.name)[rows] for f in fields(self)))

    @staticmethod
    def join(parts: list["Descriptors"]) -> "Descriptors":
        """The photos of several parts, one after the other."""
        return Descriptors(
            *(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Descriptors))
        )
