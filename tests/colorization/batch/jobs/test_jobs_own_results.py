"""What Rechroma has made before is no photo to be colorized."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorization.batch.jobs import Job, plan_jobs
from colorization.photo_files.contact_sheet import Cell, write_sheet
from colorization.photo_files.provenance import Sources, credited
from colorization.photo_files.writer import FORMATS, write_picture
from retrieval.photos.metadata import SNIFFED
from retrieval.photos.reader import Picture

ARTIST = 0x013B


def test_results_of_an_earlier_run_are_no_inputs(
    tmp_path: Path, files: Callable[..., list[Path]]
) -> None:
    """The output folder is in the input folder: a second run must leave what the first has made."""
    files("in/a.png", "in/colored/a.png")
    jobs = plan_jobs([tmp_path / "in"], tmp_path / "in" / "colored", False)
    assert [job.input_path for job in jobs] == [tmp_path / "in" / "a.png"]


def test_a_sheet_among_the_photos_is_no_input(
    tmp_path: Path, files: Callable[..., list[Path]]
) -> None:
    (photo,) = files("in/a.png")
    sheet = tmp_path / "in" / "sheet.png"
    write_sheet(sheet, [[Cell(np.zeros((8, 8, 3), np.uint8), "x")]])
    assert [job.input_path for job in plan_jobs([photo.parent], tmp_path / "out", False)] == [photo]
    assert len(plan_jobs([photo, sheet], tmp_path / "out", False)) == 2  # what is named is meant
    photo.unlink()
    with pytest.raises(ValueError, match=r": no pictures, or none but what Rechroma has made"):
        plan_jobs([photo.parent], tmp_path / "out", False)
    files("in/sheet.png")  # somebody's photo
    assert len(plan_jobs([photo.parent], tmp_path / "out", False)) == 1


@pytest.mark.parametrize("large", [50_000, 300_000])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("suffix", FORMATS)
def test_results_of_other_runs_are_no_inputs(
    tmp_path: Path,
    files: Callable[..., list[Path]],
    rng: np.random.Generator,
    suffix: str,
    dtype: type,
    large: int,
) -> None:
    """However large the file is, and whatever else it carries."""
    (photo,) = files("in/a.png")
    pixels = rng.integers(0, int(np.iinfo(dtype).max) + 1, (600, 600, 3)).astype(dtype)
    exif = Image.Exif()
    exif[ARTIST] = "a" * 50_000
    metadata = {"exif": exif.tobytes(), "xmp": b"<x:xmpmeta/>" + b" " * large}
    write_picture(
        photo.parent / f"careful{suffix}",
        pixels,
        credited(Picture(pixels, metadata=metadata), Sources()),
    )
    assert (photo.parent / f"careful{suffix}").stat().st_size > 3 * SNIFFED
    assert [job.input_path for job in plan_jobs([photo.parent], tmp_path / "out", False)] == [photo]


def test_results_among_the_photos_are_no_inputs(
    tmp_path: Path, files: Callable[..., list[Path]]
) -> None:
    """Inputs of formats that are not written lie beside their results."""
    (photo,) = files("in/a.gif")
    (job,) = plan_jobs([photo.parent], photo.parent, False)
    pixels = np.zeros((8, 8, 3), np.uint8)
    write_picture(job.output_path, pixels, credited(Picture(pixels), Sources()))
    assert plan_jobs([photo.parent], photo.parent, False) == [job]


def test_an_output_around_the_inputs(tmp_path: Path, files: Callable[..., list[Path]]) -> None:
    (photo,) = files("work/scans/a.jpg")
    (job,) = plan_jobs([photo.parent], tmp_path / "work", False)
    assert job == Job(photo, tmp_path / "work" / "a.jpg")
    pixels = np.zeros((8, 8, 3), np.uint8)
    # of an earlier run
    write_picture(
        tmp_path / "work" / "scans" / "b.png", pixels, credited(Picture(pixels), Sources())
    )
    assert plan_jobs([photo.parent], tmp_path / "work", False) == [job]
