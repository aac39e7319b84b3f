"""Look at an uploaded file before anything else does."""

from pathlib import Path

import tifffile
from PIL import Image, UnidentifiedImageError

from colorization.web.limits import Limits
from retrieval.photos.formats import HEAD, NO_HEIC, SUFFIXES, is_tiff, readers_for
from retrieval.photos.pillow_limits import own_limits
from retrieval.photos.reader import PictureError, learn_heic, read_small_rgb


def check_upload(path: Path, limits: Limits) -> None:
    """Refuse what is not a whole picture of a common format and a size that can be worked on.

    Args:
        path: of the file; its name is the one it was uploaded with.
        limits: upload_bytes and pixels.

    Raises:
        PictureError: it is refused; one line that names the file without its folder.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise PictureError(
            f"{path.name}: not a picture by its name; {', '.join(sorted(SUFFIXES))} are"
        )
    if path.stat().st_size > limits.upload_bytes:
        raise PictureError(f"{path.name}: larger than {limits.upload_bytes >> 20} MB")
    width, height = _size(path)
    if width * height > limits.pixels:
        megapixels = width * height / 1e6
        raise PictureError(
            f"{path.name}: {megapixels:.0f} megapixels, above the limit of {limits.pixels / 1e6:.0f}"
        )
    try:
        read_small_rgb(path, 64)
    except PictureError as error:
        raise PictureError(str(error).replace(str(path), path.name)) from error


def _size(path: Path) -> tuple[int, int]:
    """Width and height from the header, without decoding."""
    try:
        with own_limits():
            Image.init()
            readable = learn_heic(path)
            with Image.open(
                path, formats=[name for name in readers_for(path.name) if name in Image.OPEN]
            ) as image:
                return image.size
    except UnidentifiedImageError as error:
        with path.open("rb") as file:
            is_other_tiff = is_tiff(file.read(HEAD))
        if is_other_tiff:
            return _tiff_size(path)
        raise PictureError(
            f"{path.name}: {'not a picture that can be read' if readable else NO_HEIC}"
        ) from error
    except Exception as error:  # Pillow's readers raise whatever a broken header leads them to
        raise PictureError(
            f"{path.name}: not a picture that can be read ({type(error).__name__})"
        ) from error


def _tiff_size(path: Path) -> tuple[int, int]:
    try:
        with tifffile.TiffFile(path) as file:
            page = file.pages.first
            return int(page.imagewidth), int(page.imagelength)
    except Exception as error:  # as above
        raise PictureError(
            f"{path.name}: not a picture that can be read ({type(error).__name__})"
        ) from error
