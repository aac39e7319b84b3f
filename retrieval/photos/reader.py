"""Read photographs as they are found in the wild: upright, in sRGB order, refused with one clear line if unusable.

Pillow decodes, deep_pictures takes what it cannot; whatever they raise becomes PictureError.
"""

import io
import struct
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from retrieval.photos.color_profiles import to_srgb
from retrieval.photos.deep_formats import (
    DEEP_MODES,
    Planes,
    decode_gray,
    decode_png,
    decode_tiff,
    has_16_bits,
    is_deep_tiff,
    thrice,
)
from retrieval.photos.metadata import ORIENTATION, Metadata, read_metadata, read_tiff_metadata
from retrieval.photos.pillow_limits import own_limits

MAX_PIXELS = 200_000_000
TIFF_SUFFIXES = (".tif", ".tiff")
_STRIP_VALUES = 1 << 20
# formats of several pages or frames; the second picture of a JPEG is a preview
_PAGED = ("TIFF", "GIF", "PNG", "WEBP")
_SUBFILE_TYPE, _NO_PAGE = 0x00FE, 0b101  # bits of the type: a smaller version, a mask
_CAUSES = (OSError, ValueError, SyntaxError, KeyError, IndexError, TypeError, EOFError, OverflowError, struct.error,
           ZeroDivisionError, MemoryError, AttributeError, RuntimeError, ImportError, Image.DecompressionBombError)  # fmt: skip

NO_HEIC = 'reading HEIC needs pillow-heif: pip install -e ".[heic]"'


class PictureError(ValueError):
    """A file cannot be used as a picture; the message is one line that names the file and the cause."""


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
        is_stretched: whether its values, of which the file does not say what is black and white,
            fill the range now.
    """

    rgb: np.ndarray
    alpha: np.ndarray | None = None
    is_gray: bool = False
    metadata: Metadata = field(default_factory=dict)
    pages: int = 1
    is_stretched: bool = False


def read_picture(path: Path) -> Picture:
    """Decode a file completely.

    Args:
        path: JPEG, PNG, TIFF, WebP, AVIF, BMP, PNM or GIF; HEIC with pillow-heif.

    Returns:
        The picture, the first where a file holds several, rotated as its EXIF orientation says.

    Raises:
        PictureError: missing, empty, truncated, not a picture, or above MAX_PIXELS.
    """
    try:
        with own_limits():
            with _open(path) as image:
                picture, several = _decode(path, image), image.format in _PAGED
            return replace(picture, pages=_num_pages(path)) if several else picture
    except UnidentifiedImageError as cause:
        if path.suffix.lower() in TIFF_SUFFIXES:
            return _decode_other_tiff(path)
        raise _refusal(path, cause) from cause
    except _CAUSES as cause:
        raise _refusal(path, cause) from cause


def read_small_rgb(path: Path, side: int, data: bytes | None = None) -> np.ndarray:
    """Decode a file at a reduced size, fast: JPEGs are decoded at the nearest fraction above ``side``.

    Args:
        path: see read_picture.
        side: smallest side the caller needs, in pixels.
        data: content of the file, where the caller has read it already.

    Returns:
        SRGB uint8 (height, width, 3), upright, sides at least ``side`` where the file has them.

    Raises:
        PictureError: see read_picture.
    """
    try:
        with own_limits(), _open(path, data) as image:
            if image.mode in DEEP_MODES or is_deep_tiff(image):
                return as_srgb(_decode(path, image))
            image.draft("RGB", (side, side))
            if min(image.size) > 4 * side:
                if image.mode in ("1", "P", "PA"):  # which Pillow shrinks by leaving pixels out
                    image = _to_rgb(image)
                image.thumbnail(_at_least(image.size, 2 * side), Image.Resampling.BOX)
            return np.asarray(
                to_srgb(_to_rgb(ImageOps.exif_transpose(image)), image.info.get("icc_profile"))
            )
    except UnidentifiedImageError as cause:
        if path.suffix.lower() in TIFF_SUFFIXES:
            return as_srgb(_decode_other_tiff(path))
        raise _refusal(path, cause) from cause
    except _CAUSES as cause:
        raise _refusal(path, cause) from cause


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


def as_srgb(picture: Picture) -> np.ndarray:
    """A picture as it is meant, which its ICC profile says: sRGB of 8 bits."""
    return np.asarray(
        to_srgb(
            Image.fromarray(np.ascontiguousarray(to_uint8(picture.rgb))),
            picture.metadata.get("icc_profile"),
        )
    )


def _open(path: Path, data: bytes | None = None) -> Image.Image:
    if path.is_dir():
        raise IsADirectoryError("it is a folder")
    if (len(data) if data is not None else path.stat().st_size) == 0:
        raise OSError("the file is empty")
    readable = learn_heic(path)
    try:
        image = Image.open(path if data is None else io.BytesIO(data))
    except UnidentifiedImageError as error:
        if readable:
            raise
        raise ImportError(NO_HEIC) from error
    # damaged, and Pillow's search for the orientation fails at it
    if not isinstance(image.info.get("xmp", b""), bytes):
        del image.info["xmp"]
    # else Pillow maps uncompressed TIFFs into memory, and garbles those stored on their side
    image.filename = ""
    _pass_thumbnails(image)
    pixels = image.width * image.height
    if pixels > MAX_PIXELS:
        image.close()
        raise OSError(
            f"{image.width}x{image.height} is {pixels / 1e6:.0f} megapixels, above the limit of {MAX_PIXELS / 1e6:.0f}"
        )
    return image


def _pass_thumbnails(image: Image.Image) -> None:
    """Turn to the first page of a TIFF that is no thumbnail or mask: some programs put those in front."""
    with suppress(EOFError):
        while _is_no_page(image):
            image.seek(image.tell() + 1)
        return
    image.seek(0)  # there is nothing else


def _is_no_page(image: Image.Image) -> bool:
    return image.format == "TIFF" and bool(image.tag_v2.get(_SUBFILE_TYPE, 0) & _NO_PAGE)  # type: ignore[attr-defined]


def learn_heic(path: Path) -> bool:
    """Have Pillow read HEIC, which telephones write, where a file's name is of that kind; False if pillow-heif is missing."""
    return path.suffix.lower() not in (".heic", ".heif") or _register_heic()


@cache
def _register_heic() -> bool:
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return False
    register_heif_opener(thumbnails=False)
    return True


def _decode(path: Path, image: Image.Image) -> Picture:
    orientation = image.getexif().get(ORIENTATION, 1)
    metadata = read_metadata(image)
    if is_deep_tiff(image):
        return _turned(_picture(decode_tiff(path, MAX_PIXELS, image.tell()), metadata), orientation)
    if image.format == "PNG" and image.mode not in DEEP_MODES and has_16_bits(path):
        return _turned(_picture(decode_png(path), metadata), orientation)
    if image.mode in DEEP_MODES:
        deep = _picture(decode_gray(image), metadata)
        # Pillow turns TIFFs when it loads them
        return deep if image.format == "TIFF" else _turned(deep, orientation)
    image.load()
    ImageOps.exif_transpose(image, in_place=True)
    clear = image.info.get("transparency") is not None
    if image.mode in ("1", "L") and not clear:
        return Picture(thrice(np.asarray(image.convert("L"))), None, True, metadata)
    has_alpha = clear or (image.mode != "LAB" and not {"A", "a"}.isdisjoint(image.getbands()))
    alpha = np.asarray(image.convert("RGBA").getchannel("A")) if has_alpha else None
    return Picture(
        np.asarray(_to_rgb(image)), alpha, image.mode in ("1", "L", "LA", "La"), metadata
    )


def _num_pages(path: Path) -> int:
    """Pages of a TIFF but for thumbnails and masks, or frames of an animation, up to the first that is damaged.

    The file is opened for it alone: what Pillow sees on other pages, it says of the first one too.
    """
    pages = 0
    with suppress(*_CAUSES), Image.open(path) as image:
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            pages += not _is_no_page(image)
    return max(1, pages)


def _decode_other_tiff(path: Path) -> Picture:
    try:
        planes = decode_tiff(path, MAX_PIXELS)
    except _CAUSES as cause:
        raise _refusal(path, cause) from cause
    try:
        metadata, orientation = read_tiff_metadata(path)
    except _CAUSES:  # damaged: left out
        return _picture(planes, {})
    return _turned(_picture(planes, metadata), orientation)


def _picture(planes: Planes, metadata: Metadata) -> Picture:
    return Picture(
        planes.rgb, planes.alpha, planes.is_gray, metadata, is_stretched=planes.is_stretched
    )


def _turned(picture: Picture, orientation: int) -> Picture:
    """Turn a picture upright as Pillow does for pictures it holds itself."""

    def turn(array: np.ndarray) -> np.ndarray:
        array = array.swapaxes(0, 1) if orientation in (5, 6, 7, 8) else array
        array = array[::-1] if orientation in (3, 4, 7, 8) else array
        return array[:, ::-1] if orientation in (2, 3, 6, 7) else array

    return replace(
        picture, rgb=turn(picture.rgb), alpha=None if picture.alpha is None else turn(picture.alpha)
    )


def _to_rgb(image: Image.Image) -> Image.Image:
    if "transparency" in image.info or image.mode in ("LA", "La", "PA", "RGBa"):
        image = image.convert("RGBA")
    return image.convert("RGB")


def _at_least(size: tuple[int, int], side: int) -> tuple[int, int]:
    scale = side / min(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _refusal(path: Path, cause: BaseException) -> PictureError:
    if isinstance(cause, FileNotFoundError):
        reason = "no such file"
    elif isinstance(cause, PermissionError):
        reason = "no permission to read it"
    elif isinstance(cause, UnidentifiedImageError):
        reason = "not a picture that can be read"
    else:
        reason = " ".join(str(cause).split()) or type(cause).__name__
    return PictureError(f"{path}: {reason}")
