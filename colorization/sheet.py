"""Contact sheets: one row a photograph, captions under the pictures."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

CELL = 256
_CAPTION, _GAP = 18, 4


@dataclass(frozen=True)
class Cell:
    """A picture with its caption."""

    rgb: np.ndarray
    caption: str


def thumbnail(rgb: np.ndarray, side: int = CELL) -> np.ndarray:
    """Shrink to fit a square of ``side`` pixels; smaller pictures are enlarged."""
    height, width = rgb.shape[:2]
    scale = side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.LANCZOS))


def write_sheet(path: Path, rows: list[list[Cell]]) -> None:
    """Write a contact sheet as PNG or JPEG, whole or not at all.

    Args:
        path: the sheet; folders are made as needed.
        rows: cells of 8-bit RGB pictures, one row a photograph.
    """
    columns = max(len(row) for row in rows)
    sheet = Image.new("RGB", (columns * (CELL + _GAP) + _GAP, len(rows) * (CELL + _CAPTION + _GAP) + _GAP), (24, 24, 24))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for y, row in enumerate(rows):
        for x, cell in enumerate(row):
            picture = Image.fromarray(thumbnail(cell.rgb))
            left, top = _GAP + x * (CELL + _GAP), _GAP + y * (CELL + _CAPTION + _GAP)
            sheet.paste(picture, (left + (CELL - picture.width) // 2, top + (CELL - picture.height) // 2))
            draw.text((left + 2, top + CELL + 2), _fit(cell.caption, draw, font), fill=(230, 230, 230), font=font)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.tmp{path.suffix}")
    sheet.save(temporary)
    temporary.replace(path)


def _fit(text: str, draw: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    while text and draw.textlength(text, font=font) > CELL - 4:
        text = text[:-4] + "..." if not text.endswith("...") else text[:-5] + "..."
        if len(text) < 8:
            break
    return text
