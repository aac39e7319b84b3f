"""Whether what is to be colorized has colors already, which would be replaced by guesses."""

import numpy as np

from colorization.inference.pictures.picture_arrays import shrink
from retrieval.photos.prints.detection import is_gray
from retrieval.photos.prints.tone_curve import SIDE
from retrieval.photos.reader import Picture

HAS_COLORS = "it has colors already; they are replaced"


def has_colors(picture: Picture) -> bool:
    """Whether a picture shows colors; tinted and toned ones are gray."""
    if picture.is_gray:
        return False
    factor = max(1, min(picture.rgb.shape[:2]) // (2 * SIDE))
    return not is_gray(np.asarray(shrink(picture.rgb, factor)))
