"""Read photographs as they are found: upright, in sRGB, refused with one clear line if unusable.

Pillow decodes, deep_formats takes what it cannot; whatever they raise becomes PictureError.
"""

import io
import stat
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from retrieval.photos.bit_depth import bits_of
from retrieval.photos.color.color_profiles import to_srgb
from retrieval.photos.color.png_colors import keep_color_code
from retrieval.photos.damaged import CAUSES, loaded
from retrieval.photos.deep_formats import (
    DEEP_MODES,
    Planes,
    decode_gray,
    decode_jpeg2000,
    decode_otherwise,
    decode_png,
    decode_ppm,
    decode_tiff,
    is_binary_ppm,
    is_deep_tiff,
    thrice,
)
from retrieval.photos.embedded.tiff_tags import ORIENTATION
from retrieval.photos.encoding import encoding_of
from retrieval.photos.formats import NO_HEIC, UNREAD, head_of, is_tiff, readers_for
from retrieval.photos.heic import can_read_heic as can_read_heic
from retrieval.photos.heic import learn_heic as learn_heic
from retrieval.photos.metadata import Metadata, profile_of, read_metadata, read_tiff_metadata
from retrieval.photos.pages import num_pages, pass_thumbnails
from retrieval.photos.picture import CutOffError, TooLargeError, UnreadError, turned
from retrieval.photos.picture import DamagedPictureError as DamagedPictureError
from retrieval.photos.picture import Picture as Picture
from retrieval.photos.picture import PictureError as PictureError
from retrieval.photos.picture import to_uint8 as to_uint8
from retrieval.photos.pillow_limits import own_limits
from retrieval.photos.two_levels import NOTE as TWO_LEVELS
from retrieval.photos.two_levels import has_two_levels, with_grays

MAX_PIXELS = 200_000_000
# formats of several pages or frames; the second picture of a JPEG is a preview
_PAGED = ("TIFF", "GIF", "PNG", "WEBP")
NO_PICTURE = "not a picture that can be read (JPEG, PNG, TIFF, WebP, HEIC and others can)"
NO_METADATA = "what it carries beside its pixels cannot be read and is left out"
STRETCHED = "its values were stretched from black to white, as the file does not say which they are"


def read_picture(path: Path, allow_damaged: bool = False) -> Picture:
    """Decode a file completely.

    Args:
        path: of a format in formats.READ; its content tells which, not its name.
        allow_damaged: take what can be read of a damaged file; a note says so.

    Returns:
        The picture, the first where a file holds several, rotated as its EXIF orientation says.

    Raises:
        PictureError: missing, empty, truncated, not a picture, or above MAX_PIXELS.
    """
    try:
        with own_limits():
            with _open(path) as image:
                encoding, several = encoding_of(image), image.format in _PAGED
                picture = replace(_decode(path, image, allow_damaged), encoding=encoding)
            if several:
                picture = replace(picture, pages=num_pages(path, readers_of(path), CAUSES))
    except CAUSES as cause:
        picture = _read_otherwise(path, cause)
    if picture.is_gray and has_two_levels(picture.rgb[..., 0]):
        grays, alpha = with_grays(picture.rgb[..., 0]), picture.alpha
        alpha = alpha if alpha is None else to_uint8(alpha)
        notes = (*picture.notes, TWO_LEVELS)
        picture = replace(picture, rgb=thrice(grays), alpha=alpha, notes=notes)
    return picture


def read_small_rgb(path: Path, side: int, data: bytes | None = None) -> np.ndarray:
    """Decode a file at a reduced size, fast: JPEGs at the nearest fraction above ``side``.

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
            # of JPEG 2000 Pillow lets bright values of more than 8 bits begin at black again
            wraps = image.format == "JPEG2000" and bits_of(path, image) > 8
            if image.mode in DEEP_MODES or is_deep_tiff(image) or wraps:
                return as_srgb(_decode(path, image))
            profile = profile_of(image)
            image.draft("RGB", (side, side))
            if min(image.size) > 4 * side:
                if image.mode in ("1", "P", "PA"):  # which Pillow shrinks by leaving pixels out
                    image = _to_rgb(image)
                image.thumbnail(_at_least(image.size, 2 * side), Image.Resampling.BOX)
            return np.asarray(to_srgb(_to_rgb(ImageOps.exif_transpose(image)), profile))
    except CAUSES as cause:
        return as_srgb(_read_otherwise(path, cause))


def pixels_of(path: Path) -> int:
    """How many pixels a file has, as its head says; where it says nothing, the file's own size.

    Args:
        path: see read_picture; 0 where there is none.
    """
    try:
        with own_limits(), _open(path) as image:
            return image.width * image.height
    except CAUSES:
        with suppress(OSError):  # the error of a file is told when it is read
            return path.stat().st_size
        return 0


def as_srgb(picture: Picture) -> np.ndarray:
    """A picture as it is meant, which its ICC profile says: sRGB of 8 bits."""
    return np.asarray(
        to_srgb(
            Image.fromarray(np.ascontiguousarray(to_uint8(picture.rgb))),
            picture.metadata.get("icc_profile"),
        )
    )


def check_file(path: Path) -> None:
    """Refuse what is there and is no file: a pipe would be waited for, a device may have no end.

    Raises:
        IsADirectoryError, UnreadError: so it is.
        OSError: it is not there, or closed.
    """
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError("it is a folder; name one picture")
    if not stat.S_ISREG(mode):
        raise UnreadError("it is a pipe or a device; save what comes from it as a file")


def _open(path: Path, data: bytes | None = None) -> Image.Image:
    if data is None:
        check_file(path)
    if (len(data) if data is not None else path.stat().st_size) == 0:
        raise OSError("the file is empty")
    if not learn_heic(path, data):
        raise ImportError(NO_HEIC)
    unread = UNREAD.get(path.suffix.lower())
    try:
        image = Image.open(path if data is None else io.BytesIO(data), formats=readers_of(path))
    except UnidentifiedImageError:
        if unread:
            raise UnreadError(unread) from None
        raise
    if unread and image.format == "TIFF":  # the preview of a camera's raw file
        raise UnreadError(unread)
    keep_color_code(image)
    # damaged, and Pillow's search for the orientation fails at it
    if not isinstance(image.info.get("xmp", b""), bytes):
        del image.info["xmp"]
    # else Pillow maps uncompressed TIFFs into memory, and garbles those stored on their side
    image.filename = ""
    pass_thumbnails(image)
    pixels = image.width * image.height
    if pixels > MAX_PIXELS:
        image.close()
        raise TooLargeError(
            f"{image.width}x{image.height} is {pixels / 1e6:.0f} megapixels,"
            f" above the limit of {MAX_PIXELS / 1e6:.0f}"
        )
    return image


def readers_of(path: Path) -> tuple[str, ...]:
    """The readers of Pillow that may try a file and that are there."""
    Image.init()  # before any is asked for: importing one of them does not load the others
    return tuple(one for one in readers_for(path.name) if one in Image.OPEN)


def _decode(path: Path, image: Image.Image, allow_damaged: bool = False) -> Picture:
    # what a PNG carries may lie behind its pixels
    damage = loaded(image, allow_damaged) if image.format == "PNG" else []
    orientation = image.getexif().get(ORIENTATION, 1)
    metadata, notes = read_metadata(image)
    notes += damage
    bits = bits_of(path, image)
    lost = [f"{bits} bits became 8"] if bits > 8 else []
    try:
        deep = _decode_deep(path, image, bits)
    except CAUSES:
        if not allow_damaged:
            raise
        deep, lost = None, lost or ["more than 8 bits became 8"]
    if deep:
        picture = _picture(deep, metadata, notes)
        # of one channel Pillow turns TIFFs when it loads them
        is_upright = image.format == "TIFF" and image.mode in DEEP_MODES
        return picture if is_upright else turned(picture, orientation)
    notes += [*loaded(image, allow_damaged), *lost]
    ImageOps.exif_transpose(image, in_place=True)
    clear = image.info.get("transparency") is not None
    if image.mode in ("1", "L") and not clear:
        return Picture(
            thrice(np.asarray(image.convert("L"))), None, True, metadata, notes=tuple(notes)
        )
    has_alpha = clear or (image.mode != "LAB" and not {"A", "a"}.isdisjoint(image.getbands()))
    alpha = np.asarray(image.convert("RGBA").getchannel("A")) if has_alpha else None
    is_gray = image.mode in ("1", "L", "LA", "La")
    return Picture(np.asarray(_to_rgb(image)), alpha, is_gray, metadata, notes=tuple(notes))


def _decode_deep(path: Path, image: Image.Image, bits: int) -> Planes | None:
    """What Pillow cannot decode with all of its bits; None if it can, or nothing else can."""
    if is_deep_tiff(image):
        return decode_tiff(path, MAX_PIXELS, image.tell())
    if image.mode in DEEP_MODES:
        return decode_gray(image)
    if image.format == "PNG" and bits > 8:
        return decode_png(path)
    if image.format == "JPEG2000" and bits > 8:
        return decode_jpeg2000(path, bits)
    if bits > 8 and is_binary_ppm(image):
        return decode_ppm(path, image)
    return None


def _read_otherwise(path: Path, cause: BaseException) -> Picture:
    """Read what Pillow has failed at by another library.

    Raises:
        PictureError: there is none, or it fails too.
    """
    lasting = (FileNotFoundError, IsADirectoryError, PermissionError, MemoryError, ImportError)
    if isinstance(cause, (*lasting, TooLargeError, UnreadError)):
        raise _refusal(path, cause) from cause
    try:
        is_tiff_file = is_tiff(head_of(path))
        # other libraries show less of a TIFF that is cut off, and do not say so
        is_stopped = isinstance(cause, CutOffError) and is_tiff_file
        planes = None if is_stopped else decode_otherwise(path, MAX_PIXELS)
    except CAUSES as second:
        told = second if isinstance(cause, UnidentifiedImageError) else cause
        raise _refusal(path, told) from told
    if planes is None:
        raise _refusal(path, cause) from cause
    metadata, notes, orientation = dict[str, object](), [NO_METADATA], 1
    if is_tiff_file:
        with suppress(*CAUSES), own_limits():
            metadata, notes, orientation = read_tiff_metadata(path)
    return turned(_picture(planes, metadata, notes), orientation)


def _picture(planes: Planes, metadata: Metadata, notes: list[str]) -> Picture:
    if planes.is_stretched:
        notes = [*notes, STRETCHED]
    return Picture(planes.rgb, planes.alpha, planes.is_gray, metadata, notes=tuple(notes))


def _to_rgb(image: Image.Image) -> Image.Image:
    if "transparency" in image.info or image.mode in ("LA", "La", "PA", "RGBa"):
        image = image.convert("RGBA")
    return image.convert("RGB")


def _at_least(size: tuple[int, int], side: int) -> tuple[int, int]:
    scale = side / min(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _refusal(path: Path, cause: BaseException) -> PictureError:
    kind = DamagedPictureError if isinstance(cause, CutOffError) else PictureError
    if isinstance(cause, FileNotFoundError):
        reason = "no such file"
    elif isinstance(cause, PermissionError):
        reason = "no permission to read it"
    elif isinstance(cause, UnidentifiedImageError):
        reason = NO_PICTURE
    else:
        reason = " ".join(str(cause).split()) or type(cause).__name__
    return kind(f"{path}: {reason}")
