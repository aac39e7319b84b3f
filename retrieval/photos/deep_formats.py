"""Decode pictures of more than 8 bits, which Pillow reads not at all, or as 8."""

import logging
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import imagecodecs
import numpy as np
from PIL import Image
from PIL.ImageFile import ImageFile
from PIL.TiffImagePlugin import TiffImageFile

from retrieval.photos.formats import head_of, is_tiff

if TYPE_CHECKING:
    import tifffile

# what it warns of, it raises too, or it does not matter; it would go to the terminal
logging.getLogger("tifffile").addHandler(logging.NullHandler())

DEEP_MODES = ("I;16", "I;16B", "I;16L", "I;16N", "I", "F")  # of Pillow
_BITS_PER_SAMPLE, _PHOTOMETRIC, _WHITE_IS_ZERO = 0x0102, 0x0106, 0
_SAMPLE_FORMAT, _UNSIGNED = 0x0153, 1
_UNSPECIFIED, _MULTIPLIED = 0, 1  # of a channel beside colors: unknown; alpha that is in them
_CHANNELS = {"MINISBLACK": (1, 2), "MINISWHITE": (1, 2), "RGB": (3, 4)}  # what can be read
_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Planes:
    """What a file stores, not turned.

    Attributes:
        rgb: (height, width, 3), uint8 or uint16.
        alpha: (height, width), of the same type; None if the file has none.
        is_gray: whether the three channels are one.
        is_stretched: whether values were stretched from black to white, see decode_gray.
    """

    rgb: np.ndarray
    alpha: np.ndarray | None = None
    is_gray: bool = False
    is_stretched: bool = False


def is_deep_tiff(image: Image.Image) -> bool:
    """16 bits in several channels, of which Pillow reads 8, and garbles those stored in planes."""
    if image.format != "TIFF" or len(image.getbands()) == 1:
        return False
    return 16 in image.tag_v2.get(_BITS_PER_SAMPLE, (8,))  # type: ignore[attr-defined]


def decode_gray(image: Image.Image) -> Planes:
    """Gray of 16 or 32 bits: 16-bit values are kept, floats of 0..1 are black to white.

    Of other floats and of 32-bit integers nothing says what is black and white: they are stretched
    to the full range.

    Args:
        image: opened by Pillow in one of DEEP_MODES.

    Raises:
        ValueError: it holds values that are not finite.
    """
    gray = np.asarray(image)
    tags = image.tag_v2 if isinstance(image, TiffImageFile) else None
    bits = tags.get(_BITS_PER_SAMPLE, (16,))[0] if tags else 16
    if tags and image.mode == "I" and tags.get(_SAMPLE_FORMAT, (1,))[0] == _UNSIGNED:
        gray = gray.view(np.uint32)  # which Pillow takes for signed
    is_stretched = False
    if image.mode == "F" or (
        image.mode == "I" and (bits == 32 or gray.min() < 0 or gray.max() > 65535)
    ):
        if not np.isfinite(gray).all():
            raise ValueError("it holds values that are not finite")
        low, high = float(gray.min()), float(gray.max())
        is_stretched = image.mode != "F" or low < 0 or high > 1
        low, high = (low, high) if is_stretched else (0.0, 1.0)
        gray = ((gray.astype(np.float64) - low) / max(high - low, 1e-12) * 65535).round()
    gray = gray.astype(np.uint16)
    if tags:
        gray = _at_16_bits(gray, bits)
        if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
            gray = 65535 - gray  # Pillow does so with 8 bits only
    clear = image.info.get("transparency")  # the gray that is, in a PNG
    alpha = np.where(gray == clear, 0, 65535).astype(np.uint16) if isinstance(clear, int) else None
    return Planes(thrice(gray), alpha, True, is_stretched)


def decode_png(path: Path) -> Planes:
    """A PNG with all of its bits, of which Pillow reads 8 of color, or of gray with alpha."""
    array = imagecodecs.png_decode(path.read_bytes())
    return _planes_of(array[..., None] if array.ndim == 2 else array)


def decode_jpeg2000(path: Path, bits: int) -> Planes:
    """JPEG 2000 of gray or RGB, with or without alpha, with all of its bits.

    Args:
        path: of the file.
        bits: that it has a channel.

    Raises:
        ValueError: it is of another kind.
    """
    array = imagecodecs.jpeg2k_decode(path.read_bytes())
    array = array[..., None] if array.ndim == 2 else array
    if array.dtype not in (np.uint8, np.uint16) or array.shape[2] > 4:
        raise ValueError(f"a JPEG 2000 of {array.dtype} {array.shape} cannot be read")
    return _planes_of(_at_16_bits(array, bits))


def is_binary_ppm(image: Image.Image) -> bool:
    """Whether a picture that Pillow has opened and not loaded is RGB in binary PPM."""
    tiles = image.tile if isinstance(image, ImageFile) else []
    return image.format == "PPM" and image.mode == "RGB" and tiles[0].codec_name == "ppm"


def decode_ppm(path: Path, image: Image.Image) -> Planes:
    """A PPM of RGB with all of its bits, which it holds as numbers and not as text.

    Args:
        path: of the file.
        image: the same, opened by Pillow, and not loaded yet.

    Raises:
        ValueError: it is cut off.
    """
    tile = image.tile[0]  # type: ignore[attr-defined]
    count, largest = 3 * image.width * image.height, int(tile.args[1])
    values = np.fromfile(path, ">u2", count, offset=tile.offset)
    if len(values) < count:
        raise ValueError("it is truncated")
    return Planes(_stretched(values, largest).reshape(image.height, image.width, 3))


def decode_otherwise(path: Path, max_pixels: int) -> Planes | None:
    """Decode what Pillow has failed at, by its content; None if no other library reads such files.

    Args:
        path: of the file.
        max_pixels: larger pictures are refused.

    Raises:
        ValueError, OSError, RuntimeError: it is damaged.
    """
    head = head_of(path)
    if is_tiff(head):
        return decode_tiff(path, max_pixels)
    if head.startswith(_PNG):
        width, height = struct.unpack_from(">II", head, 16)
        if width * height <= max_pixels:
            return decode_png(path)
    return None


def _planes_of(array: np.ndarray) -> Planes:
    """Channels as they are stored: gray or RGB, with alpha or without."""
    channels = array.shape[2]
    alpha = array[..., -1] if channels in (2, 4) else None
    if channels > 2:
        return Planes(array[..., :3], alpha)
    return Planes(thrice(array[..., 0]), alpha, True)


def decode_tiff(path: Path, max_pixels: int, number: int = 0) -> Planes:
    """TIFF layouts that Pillow cannot open, above all 16-bit RGB.

    Args:
        path: of the file.
        max_pixels: larger pages are refused before they are decoded.
        number: of the page, from 0.

    Raises:
        ValueError: it is damaged, too large, or of another kind than gray or RGB of 8 or 16 bits.
        OSError: the file cannot be opened or read.
    """
    page = _read_page(path, max_pixels, number)
    if (
        page.array.dtype not in (np.uint8, np.uint16)
        or page.array.ndim != 3
        or page.array.shape[2] not in _CHANNELS.get(page.kind, ())
    ):
        raise ValueError(
            f"a TIFF of {page.kind} {page.array.dtype} {page.array.shape} cannot be read;"
            " 8 or 16 bits, gray or RGB can"
        )
    return _planes_of_page(page)


@dataclass(frozen=True)
class _Page:
    """A page of a TIFF, as it is stored.

    Attributes:
        array: (height, width, channels), if it is a picture; of any type.
        kind: what its values mean, as tifffile names it, such as ``RGB``.
        extra: the number in the file for what the first channel beside the colors is.
    """

    array: np.ndarray
    kind: str
    extra: int


def _read_page(path: Path, max_pixels: int, number: int) -> _Page:
    """A page of a TIFF; whatever is wrong with it is a ValueError, unless it cannot be read."""
    import tifffile  # slow to import, and few photos are TIFFs

    try:
        with tifffile.TiffFile(path) as file:
            if number >= len(file.pages):  # which stand at the end of most files
                raise ValueError("it is cut off: where its pages lie is missing")
            page = cast("tifffile.TiffPage", file.pages[number])
            _check_page(page, max_pixels, file.filehandle.size)
            kind = tifffile.PHOTOMETRIC(page.photometric).name
            array = _at_16_bits(page.asarray(), page.bitspersample)
            is_planar = page.planarconfig == tifffile.PLANARCONFIG.SEPARATE
            extra = int(page.extrasamples[0]) if page.extrasamples else _UNSPECIFIED
    except (OSError, MemoryError):
        raise
    except Exception as cause:  # tifffile raises whatever its codecs raise
        raise ValueError(" ".join(str(cause).split()) or type(cause).__name__) from cause
    return _Page(_channels_last(array, is_planar), kind, extra)


def _check_page(page: "tifffile.TiffPage", max_pixels: int, file_size: int) -> None:
    """Refuse a page that is too large, or whose file of so many bytes ends before it."""
    if page.imagewidth * page.imagelength > max_pixels:
        raise ValueError(
            f"{page.imagewidth}x{page.imagelength} is above the limit of"
            f" {max_pixels / 1e6:.0f} megapixels"
        )
    ends = map(sum, zip(page.dataoffsets, page.databytecounts, strict=False))
    if max(ends, default=0) > file_size:
        raise ValueError("it is truncated")


def _channels_last(array: np.ndarray, is_planar: bool) -> np.ndarray:
    """Channels after height and width, wherever they are stored; gray has one."""
    if is_planar and array.ndim == 3:
        return np.moveaxis(array, 0, -1)
    return array[..., None] if array.ndim == 2 else array


def _planes_of_page(page: _Page) -> Planes:
    """Colors that are not multiplied by alpha, with 0 for black; gray or RGB of 8 or 16 bits."""
    array, channels = page.array, page.array.shape[2]
    # what is no transparency is not said, as scanners do with infrared
    has_alpha = channels in (2, 4) and page.extra != _UNSPECIFIED
    alpha = array[..., -1] if has_alpha else None
    colors = array[..., : 3 if channels > 2 else 1]
    if alpha is not None and page.extra == _MULTIPLIED:
        colors = _divided(colors, alpha)
    if channels > 2:
        return Planes(colors, alpha)
    gray = colors[..., 0]
    if page.kind == "MINISWHITE":
        gray = np.iinfo(array.dtype).max - gray
    return Planes(thrice(gray), alpha, True)


def _divided(colors: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Colors that were stored times their alpha; where that is 0, none are known."""
    full = np.iinfo(colors.dtype).max
    values = colors.astype(np.float32) * full / np.maximum(alpha, 1)[..., None]
    divided: np.ndarray = values.round().clip(0, full).astype(colors.dtype)
    return divided


def _at_16_bits(values: np.ndarray, bits: int) -> np.ndarray:
    """Scanners of 10 to 14 bits store them in 16, of which they fill the lower end."""
    if values.dtype != np.uint16 or not 8 < bits < 16:
        return values
    return _stretched(values, (1 << bits) - 1)


def _stretched(values: np.ndarray, full: int) -> np.ndarray:
    """Values of 0 to ``full`` in 16 bits."""
    return ((values.clip(0, full).astype(np.uint32) * 65535 + full // 2) // full).astype(np.uint16)


def thrice(gray: np.ndarray) -> np.ndarray:
    """A gray picture as RGB without a copy."""
    return np.broadcast_to(gray[..., None], (*gray.shape, 3))
