"""A result as a file: whole, with what the original carried, and where its colors come from."""

from pathlib import Path

import numpy as np

from colorization.photo_files.provenance import Sources, credited
from colorization.photo_files.writer import what_is_lost, write_picture
from retrieval.photos.reader import Picture


def write_result(path: Path, rgb: np.ndarray, source: Picture, found: Sources) -> list[str]:
    """Write a result.

    Args:
        path: its suffix decides the format, see FORMATS.
        rgb: the result, (height, width, 3), uint8 or uint16.
        source: the original.
        found: where the colors come from.

    Returns:
        What the file does not hold of the original, see what_is_lost.

    Raises:
        ValueError, OSError: it cannot be written; nothing is left behind.
    """
    write_picture(path, rgb, credited(source, found))
    return what_is_lost(source, path)
