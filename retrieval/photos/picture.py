"""A decoded photograph, and why there may be none."""

from dataclasses import dataclass, field, replace

import numpy as np

from retrieval.photos.encoding import Encoding
from retrieval.photos.metadata import Metadata

_STRIP_VALUES = 1 << 20


class TooLargeError(OSError):
    """A picture has more pixels than are read."""


class UnreadError(OSError):
    """A file is of a kind that is not read; the message says what to do."""


class CutOffError(OSError):
    """Pillow has stopped within a picture."""


class PictureError(ValueError):
    """A file cannot be used as a picture; the message, one line, names the file and the cause."""


class DamagedPictureError(PictureError):
    """A file is damaged, but a part of the picture can be read, see read_picture."""


@dataclass(frozen=True)
class Picture:
    """A decoded photograph.

    Attributes:
        rgb: (height, width, 3), uint8 or uint16, upright; of a gray file a read-only view that
            shows one channel thrice.
        alpha: (height, width) of the same type, or None.
        is_gray: whether the file stored a single gray channel.
        metadata: what a writer puts back, see read_metadata.
        pages: how many pages or frames the file holds, of which this is the first.
        notes: what reading has changed or left out, in lines for a person.
        encoding: how well the file kept its pixels, where it says so.
    """

    rgb: np.ndarray
    alpha: np.ndarray | None = None
    is_gray: bool = False
    metadata: Metadata = field(default_factory=dict)
    pages: int = 1
    notes: tuple[str, ...] = ()
    encoding: Encoding | None = None


def to_uint8(rgb: np.ndarray) -> np.ndarray:
    """Round a uint16 picture to uint8; uint8 passes through."""
    if rgb.dtype == np.uint8:
        return rgb
    rounded = np.empty(rgb.shape, np.uint8)
    # a strip at a time, else large scans need much memory
    step = max(1, _STRIP_VALUES * len(rgb) // max(1, rgb.size))
    for start in range(0, len(rgb), step):
        rounded[start : start + step] = (rgb[start : start + step].astype(np.uint32) + 128) // 257
    return rounded


def is_neutral(rgb: np.ndarray) -> bool:
    """Whether all three channels are equal everywhere."""
    if rgb.strides[2] == 0:
        return True
    return np.array_equal(rgb[..., 0], rgb[..., 1]) and np.array_equal(rgb[..., 0], rgb[..., 2])


def turned(picture: Picture, orientation: int) -> Picture:
    """Turn a picture upright as Pillow does for pictures it holds itself.

    Args:
        picture: as its file stores it.
        orientation: 1..8, of EXIF.
    """

    def turn(array: np.ndarray) -> np.ndarray:
        array = array.swapaxes(0, 1) if orientation in (5, 6, 7, 8) else array
        array = array[::-1] if orientation in (3, 4, 7, 8) else array
        return array[:, ::-1] if orientation in (2, 3, 6, 7) else array

    return replace(
        picture, rgb=turn(picture.rgb), alpha=None if picture.alpha is None else turn(picture.alpha)
    )
