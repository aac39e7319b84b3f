"""Small pictures for the page: previews, and the overlay of doubt."""

from pathlib import Path
from secrets import token_hex

import numpy as np
from PIL import Image, ImageColor

from colorization.photo_files.whole_files import save_whole
from retrieval.safe_files import replacing

# orange: seldom in photographs, and not red, which many cannot tell from green
DOUBT_COLOR = np.array([255, 140, 0])
DOUBT_SHARE = 0.75


def save_preview(rgb: np.ndarray, path: Path) -> Path:
    """Write a picture as a browser shows it.

    Colors are not halved in resolution, as those of JPEGs usually are.

    Args:
        rgb: (height, width, 3), uint8.
        path: JPEG, which appears when it is whole; folders are made as needed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, path.with_name(f"{path.stem}.{token_hex(4)}.tmp")) as temporary:
        save_whole(Image.fromarray(rgb), temporary, "JPEG", quality=88, subsampling=0)
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


def parse_color(text: str) -> tuple[int, int, int]:
    """Read a color as browsers write it, ``#rrggbb``.

    Returns:
        sRGB, 0..255.

    Raises:
        ValueError: it is no color.
    """
    red, green, blue = ImageColor.getrgb(text.strip())[:3]
    return red, green, blue
