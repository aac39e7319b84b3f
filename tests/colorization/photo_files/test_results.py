from pathlib import Path

import numpy as np

from colorization.photo_files.provenance import Sources
from colorization.photo_files.results import write_result
from retrieval.photos.embedded.tiff_tags import DESCRIPTION
from retrieval.photos.metadata import load_exif
from retrieval.photos.reader import Picture, read_picture


def test_a_result_says_where_its_colors_come_from_and_what_is_lost(tmp_path: Path) -> None:
    rgb = np.full((6, 8, 3), 40_000, np.uint16)
    lost = write_result(tmp_path / "a.jpg", rgb, Picture(rgb, pages=3), Sources((), "tones.png", 2))
    assert [line.split(";")[0] for line in lost] == ["the first of 3 pages", "16 bits became 8"]
    said = load_exif(read_picture(tmp_path / "a.jpg").metadata["exif"])[DESCRIPTION]
    assert "Colors from the palette of tones.png, 2 set by hand." in str(said)
    assert write_result(tmp_path / "a.tif", rgb, Picture(rgb), Sources()) == []
    assert read_picture(tmp_path / "a.tif").rgb.dtype == np.uint16
