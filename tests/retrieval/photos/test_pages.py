"""Which of several pictures is the photograph."""

from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from retrieval.photos.pages import is_no_page, num_pages, pass_thumbnails

THUMBNAIL, PAGE = 1, 0


def pages(path: Path, *types: int) -> Path:
    with tifffile.TiffWriter(path) as file:
        for number, one in enumerate(types):
            file.write(np.full((8, 8), number, np.uint8), subfiletype=one, metadata=None)
    return path


def test_thumbnails_are_passed(tmp_path: Path) -> None:
    with Image.open(pages(tmp_path / "x.tif", THUMBNAIL, THUMBNAIL, PAGE, PAGE)) as image:
        assert is_no_page(image)
        pass_thumbnails(image)
        assert image.tell() == 2 and not is_no_page(image)
    assert num_pages(tmp_path / "x.tif", ["TIFF"], (OSError,)) == 2


def test_where_there_is_nothing_else_the_first_is_taken(tmp_path: Path) -> None:
    with Image.open(pages(tmp_path / "x.tif", THUMBNAIL, THUMBNAIL)) as image:
        pass_thumbnails(image)
        assert image.tell() == 0
    assert num_pages(tmp_path / "x.tif", ["TIFF"], (OSError,)) == 1
