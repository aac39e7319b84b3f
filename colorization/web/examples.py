"""Photos to begin with; they come with scikit-image."""

from pathlib import Path

import numpy as np
from PIL import Image

from colorization.inference.pictures.luminance import luminance_of
from colorization.photo_files.whole_files import save_whole
from colorization.web.editing.previews import save_preview
from colorization.web.storage.file_store import FileStore

# what the page calls them, by the names that scikit-image gives them
EXAMPLES = {"astronaut": "A portrait", "camera": "A photographer"}
THUMBNAIL_SIDE = 144


def example_photo(name: str, store: FileStore) -> Path:
    """Write a gray example photo into the store.

    Args:
        name: one of EXAMPLES.
        store: of the page.

    Raises:
        ValueError: there is no such example.
    """
    path = store.new(f"{name}.jpg")
    save_whole(_gray(name), path, "JPEG", quality=95)
    return path


def example_thumbnail(name: str, store: FileStore) -> Path:
    """A small picture of an example, in the store.

    Args:
        name: one of EXAMPLES.
        store: of the page.

    Raises:
        ValueError: there is no such example.
    """
    picture = _gray(name)
    picture.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    path = store.folder / "thumbnails" / f"example-{name}.jpg"
    return save_preview(np.asarray(picture), path)


def _gray(name: str) -> Image.Image:
    from skimage import data

    if name not in EXAMPLES:
        raise ValueError("there is no such example")
    picture = getattr(data, name)()
    return Image.fromarray(luminance_of(picture)[..., 0] if picture.ndim == 3 else picture)
