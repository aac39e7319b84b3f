"""Encode pictures first and write them then."""

import io
from pathlib import Path
from typing import Any

from PIL import Image


def save_whole(picture: Image.Image, path: Path, format_: str, **settings: Any) -> None:
    """Save a picture, or fail: where a disk is full, Pillow does not see a JPEG's last bytes lost.

    Args:
        picture: any.
        path: where to.
        format_: as Pillow calls it.
        settings: of the format.

    Raises:
        OSError: it cannot be written.
    """
    buffer = io.BytesIO()
    picture.save(buffer, format_, **settings)
    path.write_bytes(buffer.getbuffer())
