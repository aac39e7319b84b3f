"""Whether what is to be colorized has colors already, which would be replaced by guesses."""

import numpy as np

from colorization.inference.pictures.picture_arrays import shrink
from retrieval.photos.prints.detection import color_beyond_tone
from retrieval.photos.reader import Picture
from retrieval.storage.descriptors import MIN_CHROMA

HAS_COLORS = "it has colors already"
LOOK_SIDE = 224  # pixels that tell


def has_colors(rgb: np.ndarray) -> bool:
    """Whether RGB of 8 bits shows colors; toned, faded and yellowed prints are gray."""
    return color_beyond_tone(rgb) >= MIN_CHROMA


def recolored(picture: Picture) -> list[str]:
    """A line that tells of colors that a result replaces; none of a gray picture."""
    if picture.is_gray:
        return []
    factor = max(1, min(picture.rgb.shape[:2]) // (2 * LOOK_SIDE))
    small = np.asarray(shrink(picture.rgb, factor))
    return [f"{HAS_COLORS}; they are replaced"] if has_colors(small) else []
