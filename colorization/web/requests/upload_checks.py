"""Look at an uploaded file before anything else does."""

import re
from pathlib import Path

import tifffile
from PIL import Image, UnidentifiedImageError

from colorization.web.storage.limits import Limits
from retrieval.photos.formats import NO_HEIC, READ, SUFFIXES, UNREAD, head_of, is_tiff
from retrieval.photos.pillow_limits import own_limits
from retrieval.photos.reader import (
    PictureError,
    can_read_heic,
    learn_heic,
    read_small_rgb,
    readers_of,
)

READABLE = "a JPEG, PNG, TIFF, WebP or AVIF file"
DAMAGED = (
    "is damaged or incomplete. Choose another, or color what is left of it:"
    " rechroma colorize --allow-damaged."
)
NONE = "is damaged, or no picture. Choose another."
UNREADABLE = f"is no picture that Rechroma reads. Choose {READABLE}."
NAME_BYTES = 120  # of a file's name that are kept; file systems take 255


def accepted_suffixes() -> list[str]:
    """Suffixes of the pictures that can be read here; HEIC is among them only with its extra."""
    return sorted(SUFFIXES if can_read_heic() else SUFFIXES.difference(READ["HEIF"]))


def safe_name(name: str) -> str:
    """The name of an uploaded file without folders and without what file systems do not take."""
    last = re.split(r"[/\\]", name)[-1]
    clean = "".join(c for c in last if c.isprintable() and c not in ':*?"<>|').strip(" .")
    path = Path(clean or "photo")
    stem = path.stem.encode(errors="replace")[:NAME_BYTES].decode(errors="ignore")
    return stem + path.suffix[:8]


def check_upload(path: Path, limits: Limits) -> None:
    """Refuse what is not a whole picture of a common format and a size that can be worked on.

    The content decides; of what is no picture, its name tells how to say so.

    Args:
        path: of the file; its name is the one it was uploaded with.
        limits: upload_bytes and pixels.

    Raises:
        PictureError: it is refused; one line that says what to do, without the file's folder.
    """
    name = path.name
    if path.stat().st_size > limits.upload_bytes:
        raise PictureError(
            f"{name} is larger than {limits.upload_bytes >> 20} MB. Choose a smaller file."
        )
    width, height = _size(path)
    if width * height > limits.pixels:
        size, most = _megapixels(width * height), _megapixels(limits.pixels)
        raise PictureError(f"{name} has {size} megapixels, {most} are taken. Choose a smaller one.")
    try:
        read_small_rgb(path, 64)
    except PictureError as error:
        raise _refusal(path, DAMAGED) from error


def named_by_content(path: Path) -> Path:
    """Give a file whose name has no known suffix that of its content, so that its result has it.

    Args:
        path: of a picture that was checked; it is renamed.

    Returns:
        Where it is now; where it was, if its name tells its format, or nothing can.
    """
    if path.suffix.lower() in SUFFIXES:
        return path
    try:
        with own_limits(), Image.open(path, formats=readers_of(path)) as image:
            kind = "JPEG" if image.format == "MPO" else image.format or ""
            suffixes = READ.get(kind, ("",))
    except (UnidentifiedImageError, OSError):
        suffixes = READ["TIFF"] if is_tiff(head_of(path)) else ("",)
    return path.rename(path.with_name(path.name + suffixes[0]))


def _megapixels(pixels: int) -> str:
    return f"{pixels / 1e6:.0f}" if pixels >= 10_000_000 else f"{pixels / 1e6:.1f}"


def _size(path: Path) -> tuple[int, int]:
    """Width and height from the header, without decoding."""
    is_known = True
    try:
        with own_limits():
            is_known = learn_heic(path)
            with Image.open(path, formats=readers_of(path)) as image:
                return image.size
    except UnidentifiedImageError as error:
        if is_tiff(head_of(path)):
            return _tiff_size(path)
        if not is_known:
            raise PictureError(f"{path.name}: {NO_HEIC}") from error
        raise _refusal(path, NONE) from error
    except Exception as error:  # Pillow's readers raise whatever a broken header leads them to
        raise _refusal(path, DAMAGED) from error


def _tiff_size(path: Path) -> tuple[int, int]:
    try:
        with tifffile.TiffFile(path) as file:
            page = file.pages.first
            return int(page.imagewidth), int(page.imagelength)
    except Exception as error:  # as above
        raise _refusal(path, NONE) from error


def _refusal(path: Path, reason: str) -> PictureError:
    """That a file cannot be read; where its name promises no picture either, it is none."""
    suffix = path.suffix.lower()
    is_none = suffix in UNREAD or (reason == NONE and suffix not in SUFFIXES)
    return PictureError(f"{path.name} {UNREADABLE if is_none else reason}")
