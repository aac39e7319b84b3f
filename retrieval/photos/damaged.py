"""What can be seen of damaged pictures: of a file that was cut off, that it has begun to show."""

import io
import struct
from typing import Any

import numpy as np
from PIL import Image

from retrieval.photos.picture import CutOffError

# what Pillow and the libraries beside it raise at damaged files
CAUSES = (
    OSError, ValueError, SyntaxError, KeyError, IndexError, TypeError, EOFError, OverflowError,
    struct.error, ZeroDivisionError, MemoryError, AttributeError, RuntimeError, ImportError,
    SystemError, Image.DecompressionBombError,
)  # fmt: skip
_END_OF_JPEG = b"\xff\xd9"


def loaded(image: Image.Image, allow_damaged: bool) -> list[str]:
    """Have Pillow decode; of a damaged file what it holds, if that is allowed.

    Args:
        image: opened.
        allow_damaged: take what can be read.

    Returns:
        A line that says what is missing, if something is.

    Raises:
        CutOffError: it is damaged, and would give something if that were allowed.
        OSError: it is damaged, and gives nothing; and whatever else is among CAUSES.
    """
    try:
        image.load()
        return []
    except CAUSES as cause:
        image.tile = []  # type: ignore[attr-defined]  # so that Pillow gives what it has
        rows = _rows_there(image, cause)
        if not rows.any() and image.format == "JPEG":
            _show_unfinished(image)
            rows = _rows_there(image, cause)
        if isinstance(cause, MemoryError) or not rows.any():
            raise
        if not allow_damaged:
            raise CutOffError(str(cause)) from cause
        missing = 1 - (1 + np.flatnonzero(rows)[-1]) / len(rows)
        return [
            f"it is damaged: about {missing:.0%} of it is missing and stays black"
            if missing >= 0.01
            else "it is damaged: parts of it may be wrong"
        ]


def _rows_there(image: Image.Image, cause: BaseException) -> np.ndarray:
    """Which rows hold anything but zeros."""
    try:
        values = np.asarray(image)
    except CAUSES:
        raise cause from None
    return np.asarray(values.reshape(len(values), -1).any(1))


def _show_unfinished(image: Any) -> None:
    """A progressive JPEG goes from coarse to fine; given its end, it shows how far it has come."""
    image.fp.seek(0)
    coarse = Image.open(io.BytesIO(image.fp.read() + _END_OF_JPEG), formats=["JPEG"])
    try:
        coarse.load()
    except CAUSES:
        return
    if (coarse.mode, coarse.size) == (image.mode, image.size):
        image.paste(coarse)
