from pathlib import Path
from typing import Any

import numpy as np
import pytest

from colorization.photo_files.provenance import Sources
from colorization.photo_files.results import save, write_result
from colorization.photo_files.writer import write_picture
from colorization.result import Colorized
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


def result(rgb: np.ndarray, **lent: Any) -> Colorized:
    cells = np.zeros((2, *rgb.shape[:2]), np.float32)
    return Colorized(rgb, cells, cells[0], **lent)


def description(path: Path) -> str:
    return str(load_exif(read_picture(path).metadata["exif"])[DESCRIPTION])


def test_python_saves_as_the_commands_do(tmp_path: Path) -> None:
    gray = np.full((6, 8, 3), 30_000, np.uint16)
    write_picture(tmp_path / "gray.tif", gray, Picture(gray, metadata={"dpi": (300, 300)}))
    made = result(gray + np.uint16(9), influence=[0.5, 0.2])
    assert save(made, tmp_path / "made.png", tmp_path / "gray.tif", num_points=1) == []
    written = read_picture(tmp_path / "made.png")
    assert np.array_equal(written.rgb, made.rgb) and written.rgb.dtype == np.uint16
    assert written.metadata["dpi"] == pytest.approx((300, 300), abs=0.1)
    told = "Colors from reference 1, reference 2, 1 set by hand."
    assert told in description(tmp_path / "made.png")
    assert save(made, str(tmp_path / "alone.tif"), palette="tones.png") == []
    assert "the palette of tones.png" in description(tmp_path / "alone.tif")


def test_another_photo_is_no_original(tmp_path: Path) -> None:
    gray = np.zeros((6, 8, 3), np.uint8)
    write_picture(tmp_path / "gray.png", gray, Picture(gray))
    with pytest.raises(ValueError, match=r"gray\.png: has another size than the result"):
        save(result(gray[:4]), tmp_path / "x.png", tmp_path / "gray.png")
    assert not (tmp_path / "x.png").exists()
