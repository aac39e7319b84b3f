"""Whether what is to be colorized has colors already, which would be replaced by guesses."""

import numpy as np

from colorization.inference.pictures.picture_arrays import shrink
from retrieval.photos.prints.detection import is_gray
from retrieval.photos.reader import Picture

HAS_COLORS = "it has colors already"
LOOK_SIDE = 224  # pixels that tell


def recolored(picture: Picture) -> list[str]:
    """A line that tells of colors that a result replaces; none of a gray picture."""
    if picture.is_gray:
        return []
    factor = max(1, min(picture.rgb.shape[:2]) // (2 * LOOK_SIDE))
    small = np.asarray(shrink(picture.rgb, factor))
    return [f"{HAS_COLORS}; they are replaced"] if not is_gray(small) else []
