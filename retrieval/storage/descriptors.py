"""What the index knows of a photo: vectors, luminance histograms, colors, class and mean chroma."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TypeVar

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


Table = TypeVar("Table", bound="Columns")


class Columns:
    """A dataclass of arrays that have a row a photo."""

    def take(self: Table, rows: np.ndarray) -> Table:
        """Some rows, in the order given."""
        return type(self)(*(getattr(self, f.name)[rows] for f in fields(self)))  # type: ignore[arg-type]

    @classmethod
    def join(cls: type[Table], parts: Sequence[Table]) -> Table:
        """The rows of several parts, one after the other."""
        return cls(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Descriptors(Columns):
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
