"""A photo of the index that suits a gray picture as its reference."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Recommendation:
    """A recommended reference.

    Attributes:
        path: of the photo.
        score: how alike they are: feature_score + 0.25 * luminance_score.
        match: what that means, ``good``, ``fair`` or ``weak``.
        global_score: cosine of the global descriptors.
        feature_score: mean best cosine of the 7x7 cells.
        luminance_score: mean correlation of the cells' luminance histograms.
        color_score: mean logarithm of how likely the colors are that the photo would lend; 0 where
            nobody knows.
    """

    path: Path
    score: float
    match: str
    global_score: float
    feature_score: float
    luminance_score: float
    color_score: float = 0.0
