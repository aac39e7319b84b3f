"""Read photographs as they are found in the wild: upright, in sRGB order, refused with one clear line if unusable.

Pillow decodes, tifffile takes the deep TIFF layouts that Pillow cannot; whatever they raise becomes PictureError.
"""

import io
import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp", ".gif", ".ppm", ".pgm", ".heic", ".avif"))
MAX_PIXELS = 200_000_000
_ORIENTATION, _BITS_PER_SAMPLE = 0x0112, 0x0102
# what a TIFF says of its own layout, which Pillow counts among its EXIF; resolution and profile are kept beside it
_LAYOUT = frozenset((*range(254, 267), 273, *range(277, 285), *range(288, 294), 296, 297, 301, *range(317, 348),
                     *range(512, 533), 34675))  # fmt: skip
_DEEP_MODES = ("I;16", "I;16B", "I;16L", "I;16N", "I", "F")
_CAUSES = (OSError, ValueError, SyntaxError, KeyError, IndexError, TypeError, EOFError, OverflowError, struct.error,
           ZeroDivisionError, MemoryError, AttributeError, RuntimeError, Image.DecompressionBombError)  # fmt: skip

Image.MAX_IMAGE_PIXELS = None  # the limit is ours, checked against MAX_PIXELS before decoding
ImageFile.LOAD_TRUNCATED_IMAGES = False


class PictureError(ValueError):
    """A file cannot be used as a picture; the message is one line that names the file and the cause."""


@dataclass(frozen=True)
class Picture:
    """A decoded photograph.

    Attributes:
        rgb: (height, width, 3), uint8 or uint16, upright.
        alpha: (height, width) of the same type, or None.
        is_gray: whether the file stored a single gray channel.
        metadata: what a writer puts back: ``exif`` (orientation reset), ``icc_profile``, ``dpi``.
    """

    rgb: np.ndarray
    alpha: np.ndarray | None = None
    is_gray: bool = False
    metadata: dict[str, object] = field(default_factory=dict)


def read_picture(path: Path) -> Picture:
    """Decode a file completely.

    Args:
        path: JPEG, PNG, TIFF, WebP, BMP, PNM or GIF (first frame).

    Returns:
        The picture, rotated as its EXIF orientation says.

    Raises:
        PictureError: missing, empty, truncated, not a picture, or above MAX_PIXELS.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with _open(path) as image:
                return _decode(path, image)
    except UnidentifiedImageError as cause:
        if path.suffix.lower() in (".tif", ".tiff"):
            return _decode_tifffile(path)
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
        RGB uint8 (height, width, 3), upright, sides at least ``side`` where the file has them.

    Raises:
        PictureError: see read_picture.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with _open(path, data) as image:
                if image.mode in _DEEP_MODES:
                    return to_uint8(_decode(path, image).rgb)
                image.draft("RGB", (side, side))
                if min(image.size) > 4 * side:
                    image.thumbnail(_at_least(image.size, 2 * side), Image.Resampling.BOX)
                return np.asarray(_to_rgb(ImageOps.exif_transpose(image)))
    except UnidentifiedImageError as cause:
        if path.suffix.lower() in (".tif", ".tiff"):
            return to_uint8(_decode_tifffile(path).rgb)
        raise _refusal(path, cause) from cause
    except _CAUSES as cause:
        raise _refusal(path, cause) from cause


def list_pictures(folder: Path) -> Iterator[Path]:
    """Walk a folder in sorted order and yield the files whose suffix is that of a picture; links to folders are not followed."""
    entries = sorted(folder.iterdir(), key=lambda p: p.name)
    for entry in entries:
        if entry.is_dir() and not entry.is_symlink():
            if not entry.name.startswith("."):
                yield from list_pictures(entry)
        elif entry.suffix.lower() in SUFFIXES and not entry.name.startswith(".") and not entry.is_dir():
            yield entry


def to_uint8(rgb: np.ndarray) -> np.ndarray:
    """Round a uint16 picture to uint8; uint8 passes through."""
    if rgb.dtype == np.uint8:
        return rgb
    return ((rgb.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _open(path: Path, data: bytes | None = None) -> Image.Image:
    if path.is_dir():
        raise IsADirectoryError("it is a folder")
    if (len(data) if data is not None else path.stat().st_size) == 0:
        raise OSError("the file is empty")
    image = Image.open(path if data is None else io.BytesIO(data))
    image.filename = ""  # else Pillow maps uncompressed TIFFs into memory, and garbles those stored on their side
    pixels = image.width * image.height
    if pixels > MAX_PIXELS:
        image.close()
        raise OSError(f"{image.width}x{image.height} is {pixels / 1e6:.0f} megapixels, above the limit of {MAX_PIXELS / 1e6:.0f}")
    return image


def _decode(path: Path, image: Image.Image) -> Picture:
    orientation = image.getexif().get(_ORIENTATION, 1)
    metadata = _metadata(image)
    if image.format == "TIFF" and max(image.tag_v2.get(_BITS_PER_SAMPLE, (8,))) == 16 and len(image.getbands()) > 1:  # type: ignore[attr-defined]
        return _turned(replace(_decode_tifffile(path), metadata=metadata), orientation)
    if image.mode in _DEEP_MODES:
        deep = _decode_deep(image, metadata)
        return deep if image.format == "TIFF" else _turned(deep, orientation)  # Pillow turns TIFFs when it loads them
    image.load()
    is_gray = image.mode in ("1", "L", "LA", "La")
    has_alpha = "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info
    upright = ImageOps.exif_transpose(image)
    alpha = np.asarray(upright.convert("RGBA").getchannel("A")) if has_alpha else None
    return Picture(np.asarray(_to_rgb(upright)), alpha, is_gray, metadata)


def _decode_deep(image: Image.Image, metadata: dict[str, object]) -> Picture:
    """16- and 32-bit gray: 16-bit values are kept, others are scaled to the full range."""
    gray = np.asarray(image)
    if image.mode == "F" or (image.mode == "I" and (gray.min() < 0 or gray.max() > 65535)):
        low, high = float(np.nanmin(gray)), float(np.nanmax(gray))
        if not np.isfinite(gray).all():
            raise ValueError("it holds values that are not finite")
        gray = (gray.astype(np.float64) - low) / max(high - low, 1e-12) * 65535
    gray = gray.astype(np.uint16)
    return Picture(np.repeat(gray[..., None], 3, 2), None, True, metadata)


def _decode_tifffile(path: Path) -> Picture:
    """TIFF layouts that Pillow cannot open, above all 16-bit RGB."""
    try:
        with tifffile.TiffFile(path) as file:
            page = file.pages.first
            if page.imagewidth * page.imagelength > MAX_PIXELS:
                raise ValueError(f"{page.imagewidth}x{page.imagelength} is above the limit of {MAX_PIXELS / 1e6:.0f} megapixels")
            array = page.asarray()
            profile = page.tags.get(34675)
    except Exception as cause:  # tifffile raises whatever its codecs raise
        raise _refusal(path, cause) from cause
    if array.dtype not in (np.uint8, np.uint16) or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise PictureError(f"{path}: a TIFF of {array.dtype} {array.shape} cannot be read; 8 or 16 bits, gray or RGB can")
    metadata: dict[str, object] = {"icc_profile": bytes(profile.value)} if profile else {}
    if array.ndim == 2:
        return Picture(np.repeat(array[..., None], 3, 2), None, True)
    return Picture(np.ascontiguousarray(array[..., :3]), array[..., 3] if array.shape[2] == 4 else None, False, metadata)


def _turned(picture: Picture, orientation: int) -> Picture:
    """Turn a picture upright as Pillow does for pictures it holds itself."""

    def turn(array: np.ndarray) -> np.ndarray:
        array = array.swapaxes(0, 1) if orientation in (5, 6, 7, 8) else array
        array = array[::-1] if orientation in (3, 4, 7, 8) else array
        return np.ascontiguousarray(array[:, ::-1] if orientation in (2, 3, 6, 7) else array)

    return replace(picture, rgb=turn(picture.rgb), alpha=None if picture.alpha is None else turn(picture.alpha))


def _metadata(image: Image.Image) -> dict[str, object]:
    metadata: dict[str, object] = {k: image.info[k] for k in ("icc_profile", "dpi") if image.info.get(k)}
    if image.getexif():
        exif = Image.Exif()  # a copy: the picture's own still says how to turn it
        exif.load(image.getexif().tobytes())
        for tag in _LAYOUT & set(exif):
            del exif[tag]
        exif[_ORIENTATION] = 1  # the pixels are turned upright here
        metadata["exif"] = exif.tobytes()
    if image.mode not in ("RGB", "RGBA"):
        metadata.pop("icc_profile", None)  # a gray or CMYK profile would misread the RGB result
    return metadata


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
