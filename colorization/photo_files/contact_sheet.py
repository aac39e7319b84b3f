"""Contact sheets: photographs and what was made of them, captions under the pictures."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from unicodedata import normalize

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from colorization.inference.pictures.picture_arrays import shrink
from colorization.photo_files.staged_files import staging
from colorization.photo_files.whole_files import save_whole
from colorization.photo_files.writer import FORMATS, check_output
from retrieval.photos.damaged import CAUSES
from retrieval.photos.embedded.tiff_tags import DESCRIPTION
from retrieval.photos.metadata import SHEET
from retrieval.photos.pillow_limits import own_limits

CELL = 256
_CAPTION, _GAP = 18, 4
_FONTS = ("DejaVuSans.ttf", "LiberationSans-Regular.ttf", "NotoSans-Regular.ttf", "Arial.ttf")
_FONT_SIZE = 12
_GROUND = (24, 24, 24)


@dataclass(frozen=True)
class Cell:
    """A picture with its caption."""

    rgb: np.ndarray
    caption: str


def thumbnail(rgb: np.ndarray, side: int = CELL) -> np.ndarray:
    """Shrink a picture, or enlarge a smaller one, until it fits a square.

    Args:
        rgb: (height, width, 3), uint8 or uint16.
        side: of the square in pixels.

    Returns:
        RGB uint8 in the proportions of the picture, its longer side of this size.
    """
    height, width = rgb.shape[:2]
    scale = side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    # a large scan is not copied
    few = shrink(rgb, max(1, min(width // (4 * size[0]), height // (4 * size[1]))))
    return np.asarray(few.resize(size, Image.Resampling.LANCZOS))


def abreast(rows: list[list[Cell]]) -> list[list[Cell]]:
    """Several photographs a row, so that a sheet of many is about square.

    Args:
        rows: one a photograph.
    """
    columns = max(len(row) for row in rows)
    count = max(1, round((len(rows) / columns) ** 0.5))
    nothing = Cell(np.array([[_GROUND]], np.uint8), "")
    even = [[*row, *[nothing] * (columns - len(row))] for row in rows]
    starts = range(0, len(even), count)
    return [[cell for row in even[i : i + count] for cell in row] for i in starts]


def write_sheet(path: Path, rows: list[list[Cell]]) -> None:
    """Write a contact sheet in the format of its name, whole or not at all.

    Args:
        path: the sheet; folders are made as needed.
        rows: cells of 8-bit RGB pictures, one row a photograph.
    """
    check_output(path)
    thumbnails = [[Image.fromarray(thumbnail(cell.rgb)) for cell in row] for row in rows]
    heights = [max(picture.height for picture in row) + _CAPTION + _GAP for row in thumbnails]
    columns = max(len(row) for row in rows)
    sheet = Image.new("RGB", (columns * (CELL + _GAP) + _GAP, sum(heights) + _GAP), _GROUND)
    draw, font = ImageDraw.Draw(sheet), _font()
    top = _GAP
    for row, pictures, height in zip(rows, thumbnails, heights, strict=True):
        bottom = top + height - _CAPTION - _GAP
        for x, (cell, picture) in enumerate(zip(row, pictures, strict=True)):
            left = _GAP + x * (CELL + _GAP)
            sheet.paste(
                picture, (left + (CELL - picture.width) // 2, (top + bottom - picture.height) // 2)
            )
            draw.text(
                (left + 2, bottom + 2),
                _fit(cell.caption, draw, font),
                fill=(230, 230, 230),
                font=font,
            )
        top += height
    exif = Image.Exif()
    exif[DESCRIPTION] = SHEET  # so that the next run may replace it
    with staging() as files:
        save_whole(sheet, files.add(path), FORMATS[path.suffix.lower()], exif=exif)


def check_sheet(path: Path, pictures: Sequence[Path]) -> None:
    """Refuse a sheet that cannot be written or would replace something else, before any work.

    Args:
        path: the sheet.
        pictures: inputs, references and results of the same run.

    Raises:
        ValueError: it cannot be written, it is one of the pictures, or there is something that is
            no contact sheet.
    """
    if path.is_dir():
        raise ValueError(f"{path}: is a folder; name a file for the sheet, such as sheet.jpg in it")
    check_output(path)
    if path.resolve() in {picture.resolve() for picture in pictures}:
        raise ValueError(f"{path}: the sheet would replace a picture; choose another --sheet")
    if path.exists() and not _is_sheet(path):
        raise ValueError(f"{path}: exists already and is no contact sheet; choose another --sheet")


def _is_sheet(path: Path) -> bool:
    try:
        with own_limits(), Image.open(path) as image:
            return image.getexif().get(DESCRIPTION) == SHEET
    except CAUSES:
        return False


@cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """A font of the system, which has umlauts; Pillow's own has only what English needs."""
    for name in _FONTS:
        with suppress(OSError):
            return ImageFont.truetype(name, _FONT_SIZE)
    return ImageFont.load_default(_FONT_SIZE)


def _fit(
    text: str, draw: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont | ImageFont.ImageFont
) -> str:
    text = normalize("NFC", " ".join(text.split()))  # macOS keeps umlauts in two parts
    while text and draw.textlength(text, font=font) > CELL - 4:
        text = text[:-4] + "..." if not text.endswith("...") else text[:-5] + "..."
        if len(text) < 8:
            break
    return text
