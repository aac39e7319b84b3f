"""Small pictures for the page: previews, marks, the overlay, swatches."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageColor, ImageDraw

from colorization.network.hints import Point
from colorization.web.messages import as_number
from retrieval.photos.reader import to_uint8

# orange: seldom in photographs, and not red, which many cannot tell from green
DOUBT_COLOR = np.array([255, 140, 0])
DOUBT_SHARE = 0.75


def shrunk(rgb: np.ndarray, side: int) -> np.ndarray:
    """A picture of 8 bits whose longer side is at most ``side``."""
    picture = Image.fromarray(to_uint8(rgb))
    picture.thumbnail((side, side), Image.Resampling.BOX, reducing_gap=2.0)
    return np.asarray(picture)


def save_preview(rgb: np.ndarray, path: Path) -> Path:
    """Write a picture as a browser shows it; colors are not halved in resolution, as JPEGs' usually are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(rgb).save(path, "JPEG", quality=88, subsampling=0)
    return path


def with_doubt(rgb: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """Tint a picture orange where its references say little.

    Args:
        rgb: (height, width, 3), uint8.
        confidence: 0..1, of any size.
    """
    doubt = Image.fromarray(1.0 - confidence.astype(np.float32)).resize(
        (rgb.shape[1], rgb.shape[0]), Image.Resampling.BILINEAR
    )
    share = DOUBT_SHARE * np.clip(np.asarray(doubt), 0.0, 1.0)[..., None]
    tinted: np.ndarray = np.rint(rgb * (1.0 - share) + DOUBT_COLOR * share).astype(np.uint8)
    return tinted


def with_marks(
    rgb: np.ndarray, points: Sequence[Point], spot: tuple[float, float] | None
) -> np.ndarray:
    """Mark color points with small rings, and the chosen spot with a cross.

    Args:
        rgb: (height, width, 3), uint8.
        points: see Point.
        spot: x and y in 0..1.
    """
    picture = Image.fromarray(rgb)
    height, width, _ = rgb.shape
    draw = ImageDraw.Draw(picture)
    radius = max(3, max(height, width) // 130)
    for point in points:
        x, y = point.x * width, point.y * height
        for grown, color in ((2, "black"), (0, "white")):
            reach = radius + grown
            draw.ellipse((x - reach, y - reach, x + reach, y + reach), outline=color, width=2)
    if spot is not None:
        x, y = spot[0] * width, spot[1] * height
        for thick, color in ((5, "black"), (2, "white")):
            draw.line((x - 3 * radius, y, x + 3 * radius, y), fill=color, width=thick)
            draw.line((x, y - 3 * radius, x, y + 3 * radius), fill=color, width=thick)
    return np.asarray(picture)


def parse_color(text: str) -> tuple[int, int, int]:
    """Read a color as browsers write it: ``#rrggbb``, ``rgb(…)`` or ``rgba(…)``, with fractions too.

    Returns:
        0..255.

    Raises:
        ValueError: it is no color.
    """
    inside = text.strip().lower()
    if inside.startswith(("rgb(", "rgba(")) and inside.endswith(")"):
        numbers = inside[inside.index("(") + 1 : -1].split(",")
        red, green, blue = (
            min(255, max(0, round(as_number(float(part), "each part of a color"))))
            for part in numbers[:3]
        )
        return red, green, blue
    return ImageColor.getrgb(inside)[:3]
