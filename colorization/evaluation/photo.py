"""A photograph whose true colors are known, and its gray version."""

import os
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from colorization.evaluation.measures import Rgb
from colorization.evaluation.measures.signal import SSIM_WINDOW
from colorization.inference.pictures.luminance import luminance_of
from colorization.inference.pictures.picture_arrays import shrunk
from retrieval.photos.reader import PictureError, as_srgb, read_picture
from similarity.color.lab import as_tensor, rgb_to_lab

# longer side in pixels at which larger photos are measured: every measure goes through all pixels,
# many times, and the colors have far fewer
MEASURED_SIDE = 1024


@dataclass(frozen=True)
class Photo:
    """A photograph with its truth.

    Attributes:
        path: of the file; random choices depend on its name, so that they stay when other photos
            come or go.
        truth: sRGB, 0..255, its longer side at most MEASURED_SIDE.
        gray: its luminance, as the pipeline gets it.
    """

    path: Path
    truth: Rgb
    gray: Rgb

    def rng(self, seed: int, purpose: str) -> np.random.Generator:
        """The random numbers of a photo for a purpose.

        Args:
            seed: of the evaluation.
            purpose: a word; each has numbers of its own.
        """
        return np.random.default_rng(
            (seed, zlib.crc32(os.fsencode(self.path.name)), zlib.crc32(purpose.encode()))
        )


def read_photo(path: Path) -> Photo:
    """Read a photo and make its gray version.

    The gray version has exactly the photo's luminance, up to the rounding to 8 bits.

    Raises:
        PictureError: it cannot be read, or it is too small to be measured.
    """
    truth = shrunk(as_srgb(read_picture(path)), MEASURED_SIDE)
    if min(truth.shape[:2]) < SSIM_WINDOW:
        raise PictureError(
            f"{path}: {truth.shape[1]} x {truth.shape[0]} is too small,"
            f" it takes {SSIM_WINDOW} pixels a side"
        )
    return Photo(path, truth, luminance_of(truth))


def lab_of(rgb: Rgb) -> Float[np.ndarray, "height width 3"]:
    """CIE Lab of a picture, raw units.

    Args:
        rgb: sRGB, 0..255.
    """
    return rgb_to_lab(as_tensor(rgb)).permute(1, 2, 0).numpy()
