from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from colorization.photo_files.tiff import write_tiff
from retrieval.photos.embedded.tiff_tags import FOLDERS
from retrieval.photos.metadata import load_exif

TAKEN, LATITUDE, INDEX = 0x9003, 2, 1


def exif_of(endian: str) -> Image.Exif:
    exif = Image.Exif()
    exif.endian = endian
    exif[0x010E], exif[0x010F], exif[700] = (
        "a description that is longer than four bytes",
        "Leica",
        b"old XMP",
    )
    exif.get_ifd(FOLDERS[0])[TAKEN] = "1936:07:01 10:00:00"
    exif.get_ifd(FOLDERS[0])[FOLDERS[2]] = {INDEX: "R98"}
    exif.get_ifd(FOLDERS[1])[LATITUDE] = (52.0, 30.0, 12.0)
    return load_exif(exif.tobytes())


@pytest.mark.parametrize("endian", ["<", ">"])
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_pixels_and_tags_come_back(
    tmp_path: Path, rng: np.random.Generator, dtype: type, channels: int, endian: str
) -> None:
    pixels = rng.integers(0, np.iinfo(dtype).max, (31, 45, channels), endpoint=True).astype(dtype)
    write_tiff(tmp_path / "a.tif", pixels, exif_of(endian), b"profile", b"<x/>", (300.0, 150.0))
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.tif"), pixels)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert len(file.pages) == 1
        tags = file.pages.first.tags
        assert tags["Compression"].value == tifffile.COMPRESSION.LZW
        codes = [tag.code for tag in tags]
        assert codes == sorted(set(codes))  # as the format demands
        assert bytes(tags[700].value) == b"<x/>" and bytes(tags[34675].value) == b"profile"
    exif = Image.Exif()
    with (tmp_path / "a.tif").open("rb") as opened:
        exif.load_from_fp(opened)
        assert (exif[0x010E], exif[0x010F]) == (
            "a description that is longer than four bytes",
            "Leica",
        )
        assert (exif[282], exif[283], exif[296]) == (300, 150, 2)
        assert exif.get_ifd(FOLDERS[0])[TAKEN] == "1936:07:01 10:00:00"
        assert exif.get_ifd(FOLDERS[2])[INDEX] == "R98"
        assert tuple(map(float, exif.get_ifd(FOLDERS[1])[LATITUDE])) == (52.0, 30.0, 12.0)


def test_pillow_reads_it(tmp_path: Path, rng: np.random.Generator) -> None:
    pixels = rng.integers(0, 256, (31, 45, 3), dtype=np.uint8)
    write_tiff(tmp_path / "a.tif", pixels, exif_of("<"))
    with Image.open(tmp_path / "a.tif") as image:
        np.testing.assert_array_equal(np.asarray(image), pixels)


def test_nothing_but_pixels(tmp_path: Path) -> None:
    write_tiff(tmp_path / "a.tif", np.zeros((5, 5, 3), np.uint8), Image.Exif())
    assert tifffile.imread(tmp_path / "a.tif").shape == (5, 5, 3)
