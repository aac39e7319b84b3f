"""Which of the pictures in a file is the photograph, beside thumbnails, masks, pages and frames."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from PIL import Image

_SUBFILE_TYPE, _NO_PAGE = 0x00FE, 0b101  # bits of the type: a smaller version, a mask


def pass_thumbnails(image: Image.Image) -> None:
    """Turn to the first page of a TIFF that is no thumbnail or mask; some begin with those."""
    with suppress(EOFError):
        while is_no_page(image):
            image.seek(image.tell() + 1)
        return
    image.seek(0)  # there is nothing else


def is_no_page(image: Image.Image) -> bool:
    """Whether the page that a TIFF is turned to is a thumbnail or a mask."""
    return image.format == "TIFF" and bool(image.tag_v2.get(_SUBFILE_TYPE, 0) & _NO_PAGE)  # type: ignore[attr-defined]


def num_pages(path: Path, formats: Iterable[str], causes: tuple[type[Exception], ...]) -> int:
    """Pages of a TIFF but thumbnails and masks, or frames of an animation, up to a damaged one.

    The file is opened for it alone: what Pillow sees on other pages, it says of the first one too.

    Args:
        path: of the file.
        formats: readers of Pillow that may try it.
        causes: what they raise at damage.
    """
    pages = 0
    with suppress(*causes), Image.open(path, formats=tuple(formats)) as image:
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            pages += not is_no_page(image)
    return max(1, pages)
