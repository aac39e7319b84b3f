"""A result as a file: whole, with what the original carried, and where its colors come from."""

from pathlib import Path

import numpy as np

from colorization.photo_files.provenance import Sources, credited
from colorization.photo_files.writer import what_is_lost, write_picture
from colorization.result import Colorized
from retrieval.photos.reader import Picture, read_picture


def save(
    result: Colorized,
    path: Path | str,
    original: Path | str | None = None,
    palette: str = "",
    num_points: int = 0,
) -> list[str]:
    """Write a result of the pipeline as ``rechroma colorize`` does.

    Args:
        result: what ``colorize`` or ``apply`` gave.
        path: its suffix decides the format; 16 bits stay 16 bits in .png and .tif.
        original: the file of the gray photo, whose EXIF, profile, resolution and texts are kept.
        palette: name of the palette picture; empty for none.
        num_points: how many colors were set by hand.

    Returns:
        What the file does not hold of the original, in lines for a person.

    Raises:
        ValueError: the original has another size, or the format cannot be written.
        PictureError, OSError: the original cannot be read, or the result cannot be written.
    """
    source = Picture(result.rgb) if original is None else read_picture(Path(original))
    if source.rgb.shape != result.rgb.shape:
        raise ValueError(f"{original}: has another size than the result")
    names = [one.path.name for one in result.references]
    names = names or [f"reference {i + 1}" for i in range(len(result.influence))]
    shares = list(zip(names, result.influence, strict=True))
    return write_result(Path(path), result.rgb, source, Sources(shares, palette, num_points))


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
