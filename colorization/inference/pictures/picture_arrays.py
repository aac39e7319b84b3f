"""Pictures as numpy arrays, as they come and as this code computes with them."""

from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from PIL.ImageFile import ImageFile

from retrieval.photos.damaged import CAUSES
from retrieval.photos.deep_formats import DEEP_MODES
from retrieval.photos.reader import read_picture, to_uint8

PictureLike = np.ndarray | Image.Image | str | Path  # see as_rgb
STRIP_PIXELS = 1 << 18  # pixels that fit the processor's cache
_MODES = ("L", "RGB", *DEEP_MODES)  # of PIL pictures, which numpy reads as they are


def as_rgb(picture: PictureLike, what: str = "picture") -> np.ndarray:
    """The pixels of a picture in whatever form it comes.

    Args:
        picture: a path; a PIL picture, of which mode I holds 0..65535 and mode F 0..1; or an array
            (height, width) or (height, width, 1, 3 or 4), uint8, uint16 or float 0..1.
        what: it is, for errors.

    Returns:
        (height, width, 3), uint8 or uint16; a fourth channel is left out. Paths and PIL pictures
        are upright, as their EXIF orientation says.

    Raises:
        ValueError: another shape or type, an empty picture, or values out of range.
        PictureError: the file cannot be read.
    """
    if isinstance(picture, str | Path):
        return read_picture(Path(picture)).rgb
    if isinstance(picture, Image.Image):
        picture = _pixels(picture, what)
    array = np.asarray(picture)
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or 0 in array.shape:
        raise ValueError(
            f"{what}: expected (height, width) or (height, width, 1, 3 or 4),"
            f" got {np.shape(picture)}"
        )
    if array.dtype == bool:
        array = array.astype(np.uint8) * 255
    if np.issubdtype(array.dtype, np.floating):
        if not np.isfinite(array).all() or array.min() < 0 or array.max() > 1:
            raise ValueError(f"{what}: floats must be finite and within 0..1")
        array = np.rint(array.astype(np.float64) * 65535).astype(np.uint16)
    if not array.dtype.isnative:  # as TIFFs of the other byte order come
        array = array.astype(array.dtype.newbyteorder("="))
    if array.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"{what}: expected uint8, uint16 or float, got {array.dtype}")
    return np.broadcast_to(array, (*array.shape[:2], 3)) if array.shape[2] == 1 else array[..., :3]


def _pixels(picture: Image.Image, what: str) -> np.ndarray:
    """Of a PIL picture, upright; those of mode I become 16 bits, which Pillow would clip to 8."""
    _load(picture)
    with suppress(*CAUSES):  # where its EXIF cannot be read, it stays as it lies
        picture = ImageOps.exif_transpose(picture)
    pixels = np.asarray(picture if picture.mode in _MODES else picture.convert("RGB"))
    if picture.mode != "I" or not pixels.size:
        return pixels
    low, high = pixels.min(), pixels.max()
    if low < 0 or high > 65535:
        raise ValueError(
            f"{what}: a PIL picture of mode I must have values within 0..65535, not {low}..{high}"
        )
    return pixels.astype(np.uint16)


def _load(picture: Image.Image) -> None:
    if not isinstance(picture, ImageFile):
        return
    # else Pillow maps uncompressed TIFFs into memory, and garbles those stored on their side
    name, picture.filename = picture.filename, ""
    try:
        picture.load()
    finally:
        picture.filename = name


def shrink(picture: np.ndarray, factor: int) -> Image.Image:
    """Shrink RGB or gray to 8 bits, a strip at a time: a large scan is never held so at once.

    Args:
        picture: uint8 or uint16.
        factor: whole number by which both sides become smaller.
    """
    if factor == 1:
        return Image.fromarray(np.ascontiguousarray(to_uint8(picture)))
    step = max(1, STRIP_PIXELS // (picture.shape[1] * factor)) * factor
    strips = (
        np.ascontiguousarray(to_uint8(picture[start : start + step]))
        for start in range(0, len(picture), step)
    )
    return Image.fromarray(
        np.concatenate([np.asarray(Image.fromarray(strip).reduce(factor)) for strip in strips])
    )


def shrunk(rgb: np.ndarray, side: int) -> np.ndarray:
    """A picture of 8 bits whose longer side is at most ``side``.

    Args:
        rgb: (height, width, 3), uint8 or uint16.
        side: in pixels.
    """
    picture = Image.fromarray(to_uint8(rgb))
    picture.thumbnail((side, side), Image.Resampling.BOX, reducing_gap=2.0)
    return np.asarray(picture)
