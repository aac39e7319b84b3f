"""What a pipeline gives back."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from retrieval.search.recommendation import Recommendation


@dataclass(frozen=True, eq=False)
class Colorized:
    """A colorized picture.

    Attributes:
        rgb: at the input's size and depth, uint8 or uint16; uint16 of float.
        warped_ab: the references' colors at half the working size, raw Lab units; zeros without
            references.
        confidence: trust in them on the same grid, 0..1.
        references: those that were recommended, as they were used; empty if pictures were given.
        influence: share of the colors that comes from each reference, 0..1; the rest is what the
            network holds natural. Color points overrule references near them, which is not counted.
        skipped: one line for each recommended reference that could not be read.
        note: one line where nothing in the index looks like the picture: what colors it then; else
            empty.
    """

    rgb: np.ndarray
    warped_ab: Float[np.ndarray, "2 height width"]
    confidence: Float[np.ndarray, "height width"]
    references: list[Recommendation] = field(default_factory=list)
    influence: list[float] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    note: str = ""
