import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorization.batch.jobs import Extras, Job, beside, explanation_paths, plan_jobs
from colorization.photo_files.contact_sheet import Cell, write_sheet
from colorization.photo_files.provenance import credited
from colorization.photo_files.writer import FORMATS, write_picture
from retrieval.photos.metadata import SNIFFED
from retrieval.photos.passed_over import PassedOver
from retrieval.photos.reader import Picture

ARTIST = 0x013B


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., list[Path]]:
    """``files("a.png", "sub/b.jpg")`` makes files of any content below tmp_path."""

    def make(*names: str) -> list[Path]:
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(name.encode())
        return [tmp_path / name for name in names]

    return make


def planned(jobs: list[Job], output: Path) -> dict[str, str]:
    return {job.input_path.name: str(job.output_path.relative_to(output)) for job in jobs}


def test_names_beside_a_result() -> None:
    assert beside(Path("a/photo.old.jpg"), "-1", ".png") == Path("a/photo.old-1.png")
    assert explanation_paths(Path("x.tif")) == (Path("x-explained.png"), Path("x-explained.json"))


@pytest.mark.parametrize(
    ("extras", "names"),
    [
        (Extras(), ["x.jpg"]),
        (Extras(variants=2), ["x-1.jpg", "x-2.jpg", "x-variants.png"]),
        (Extras(explain=True), ["x.jpg", "x-explained.png", "x-explained.json"]),
        (Extras(1, True), ["x-1.jpg", "x-variants.png", "x-1-explained.png", "x-1-explained.json"]),
    ],
)
def test_all_that_a_job_may_write(extras: Extras, names: list[str]) -> None:
    assert [path.name for path in extras.files(Path("x.jpg"))] == names


@pytest.mark.parametrize(
    ("names", "extras", "wanted"),
    [
        (("a.gif", "a.png"), Extras(), {"a.gif": "a.gif.png", "a.png": "a.png"}),
        (("a.bmp", "a.pgm"), Extras(), {"a.bmp": "a.png", "a.pgm": "a.pgm.png"}),
        (("a.jpg", "a.png"), Extras(), {"a.jpg": "a.jpg", "a.png": "a.png"}),
        (("a.jpg", "a.png"), Extras(explain=True), {"a.jpg": "a.jpg", "a.png": "a.png.png"}),
        (("a.jpg", "a.png"), Extras(variants=2), {"a.jpg": "a.jpg", "a.png": "a.png.png"}),
        (("a.png", "a-1.png"), Extras(variants=2), {"a.png": "a.png", "a-1.png": "a-1.png"}),
        (
            ("a.png", "a-explained.png"),
            Extras(explain=True),
            {"a-explained.png": "a-explained.png", "a.png": "a.png.png"},
        ),
    ],
    ids=str,
)
def test_photos_that_would_write_the_same_file_keep_their_suffix(
    tmp_path: Path,
    files: Callable[..., list[Path]],
    names: tuple[str, ...],
    extras: Extras,
    wanted: dict[str, str],
) -> None:
    files(*(f"in/{name}" for name in names))
    jobs = plan_jobs([tmp_path / "in"], tmp_path / "out", False, extras=extras)
    assert planned(jobs, tmp_path / "out") == wanted
    written = [path for job in jobs for path in extras.files(job.output_path)]
    assert len(written) == len(set(written))
    assert [job.input_path.name for job in jobs] == sorted(names)


def test_what_exists_beside_a_single_result_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    (tmp_path / "x-2.png").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"x-2\.png: exists already"):
        plan_jobs([tmp_path / "a.png"], tmp_path / "x.png", False, extras=Extras(variants=2))
    assert plan_jobs([tmp_path / "a.png"], tmp_path / "x.png", True, extras=Extras(variants=2))


def test_one_file_goes_to_one_file(tmp_path: Path, files: Callable[..., list[Path]]) -> None:
    inputs = files("a.gif")
    assert plan_jobs(inputs, tmp_path / "new" / "x.tif", False) == [
        Job(inputs[0], tmp_path / "new" / "x.tif")
    ]


def test_one_file_goes_into_a_folder_that_exists(
    tmp_path: Path, files: Callable[..., list[Path]]
) -> None:
    (tmp_path / "out").mkdir()
    jobs = plan_jobs(files("a.jpg"), tmp_path / "out", False)
    assert planned(jobs, tmp_path / "out") == {"a.jpg": "a.jpg"}


def test_folders_keep_their_structure(tmp_path: Path, files: Callable[..., list[Path]]) -> None:
    files(
        "in/b.JPG",
        "in/1932/c.bmp",
        "in/1932/deep/d.tif",
        "in/notes.txt",
        "in/.hidden.png",
        "in/.cache/e.png",
    )
    extra = files("f.pgm")
    jobs = plan_jobs([tmp_path / "in", *extra], tmp_path / "out", False)
    wanted = {"c.bmp": "1932/c.png", "d.tif": "1932/deep/d.tif", "b.JPG": "b.JPG", "f.pgm": "f.png"}
    assert planned(jobs, tmp_path / "out") == wanted
    assert not (tmp_path / "out").exists()  # planning makes nothing


def test_a_folder_of_one_picture_still_goes_to_a_folder(
    tmp_path: Path, files: Callable[..., list[Path]]
) -> None:
    files("in/a.png")
    jobs = plan_jobs([tmp_path / "in"], tmp_path / "out", False)
    assert planned(jobs, tmp_path / "out") == {"a.png": "a.png"}


def test_a_single_result_that_exists_is_an_error(
    tmp_path: Path, files: Callable[..., list[Path]]
) -> None:
    inputs, old = files("a.png"), files("out.png")
    with pytest.raises(ValueError, match="exists already; replace it with --overwrite") as error:
        plan_jobs(inputs, old[0], False)
    assert str(old[0]) in str(error.value)
    assert len(plan_jobs(inputs, old[0], True)) == 1


def test_a_missing_input_is_named(tmp_path: Path, files: Callable[..., list[Path]]) -> None:
    for inputs in ([tmp_path / "gone.png"], [*files("a.png"), tmp_path / "gone.png"]):
        with pytest.raises(FileNotFoundError, match=r"gone\.png: no such file"):
            plan_jobs(inputs, tmp_path / "out", False)


def test_nothing_to_do_is_an_error(tmp_path: Path, files: Callable[..., list[Path]]) -> None:
    files("in/notes.txt")
    with pytest.raises(ValueError, match="no pictures in") as error:
        plan_jobs([tmp_path / "in"], tmp_path / "out", False)
    assert str(tmp_path / "in") in str(error.value)


@pytest.mark.parametrize(
    "names",
    [("in/sub/a.jpg", "other/sub/a.jpg"), ("a.png", "in/a.png"), ("in/a.gif", "other/a.gif")],
    ids=str,
)
def test_two_inputs_with_one_result_are_refused(
    tmp_path: Path, files: Callable[..., list[Path]], names: tuple[str, str]
) -> None:
    first, second = files(*names)
    inputs = list(dict.fromkeys(tmp_path / n.split("/")[0] for n in names))
    with pytest.raises(ValueError, match="would both be written to") as error:
        plan_jobs(inputs, tmp_path / "out", True)
    assert str(first) in str(error.value) and str(second) in str(error.value)


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_result_never_replaces_an_input(
    tmp_path: Path, files: Callable[..., list[Path]], overwrite: bool
) -> None:
    inputs = files("in/a.png", "in/b.png")
    (tmp_path / "link").symlink_to(tmp_path / "in")
    for chosen, output in [
        (inputs[:1], inputs[0]),
        (inputs[:1], tmp_path / "in" / "sub" / ".." / "a.png"),
        (inputs[:1], tmp_path / "link" / "a.png"),
        (inputs, tmp_path / "in"),
        ([tmp_path / "in"], tmp_path / "in"),
        ([tmp_path / "in"], tmp_path / "link"),
        ([tmp_path / "link" / "b.png"], tmp_path / "in"),
    ]:
        with pytest.raises(ValueError, match="would replace a picture that was given"):
            plan_jobs(chosen, output, overwrite)


def test_a_result_never_replaces_a_reference(
    tmp_path: Path, files: Callable[..., list[Path]]
) -> None:
    inputs, references = files("a.png"), files("ref/a.png")
    for output in (references[0], tmp_path / "ref"):
        with pytest.raises(ValueError, match="would replace a picture that was given"):
            plan_jobs(inputs, output, True, references)


def test_results_of_an_earlier_run_are_no_inputs(
    tmp_path: Path, files: Callable[..., list[Path]]
) -> None:
    """With the output folder inside the input folder, a second run must not colorize the results of the first."""
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
    with pytest.raises(ValueError, match=r"no pictures in .*, or none but what Rechroma has made"):
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
        photo.parent / f"careful{suffix}", pixels, credited(Picture(pixels, metadata=metadata), [])
    )
    assert (photo.parent / f"careful{suffix}").stat().st_size > 3 * SNIFFED
    assert [job.input_path for job in plan_jobs([photo.parent], tmp_path / "out", False)] == [photo]


def test_folders_that_cannot_be_opened_are_told(
    tmp_path: Path, files: Callable[..., list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    files("in/a.png", "in/private/b.png")
    scandir, passed = os.scandir, PassedOver()

    def refused(path: str) -> object:
        if path.endswith("private"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refused)
    assert [
        job.input_path.name
        for job in plan_jobs([tmp_path / "in"], tmp_path / "out", False, passed=passed)
    ] == ["a.png"]
    assert [(name, reason.strerror) for name, reason in passed.closed.items()] == [
        (str(tmp_path / "in" / "private"), "Permission denied")
    ]


def test_links_that_lead_to_themselves_fail_alone(
    tmp_path: Path, files: Callable[..., list[Path]]
) -> None:
    (photo,) = files("in/a.png")
    (tmp_path / "in" / "loop.jpg").symlink_to(tmp_path / "in" / "loop.jpg")
    assert photo in [job.input_path for job in plan_jobs([photo.parent], tmp_path / "out", False)]


def test_results_among_the_photos_are_no_inputs(
    tmp_path: Path, files: Callable[..., list[Path]]
) -> None:
    """Inputs of formats that are not written lie beside their results."""
    (photo,) = files("in/a.gif")
    (job,) = plan_jobs([photo.parent], photo.parent, False)
    pixels = np.zeros((8, 8, 3), np.uint8)
    write_picture(job.output_path, pixels, credited(Picture(pixels), []))
    assert plan_jobs([photo.parent], photo.parent, False) == [job]


def test_an_output_around_the_inputs(tmp_path: Path, files: Callable[..., list[Path]]) -> None:
    (photo,) = files("work/scans/a.jpg")
    (job,) = plan_jobs([photo.parent], tmp_path / "work", False)
    assert job == Job(photo, tmp_path / "work" / "a.jpg")
    pixels = np.zeros((8, 8, 3), np.uint8)
    # of an earlier run
    write_picture(tmp_path / "work" / "scans" / "b.png", pixels, credited(Picture(pixels), []))
    assert plan_jobs([photo.parent], tmp_path / "work", False) == [job]


def test_several_photos_are_not_written_to_one(
    tmp_path: Path, files: Callable[..., list[Path]]
) -> None:
    """A folder of that name would be made."""
    with pytest.raises(
        ValueError, match=r"x\.png: is the name of a picture; several inputs need a folder"
    ):
        plan_jobs(files("a.png", "b.png"), tmp_path / "x.png", False)


def test_several_inputs_need_a_folder(tmp_path: Path, files: Callable[..., list[Path]]) -> None:
    inputs, out = files("a.png", "b.png"), files("out.png")
    with pytest.raises(ValueError, match="is a file; several inputs need a folder"):
        plan_jobs(inputs, out[0], True)


def test_outputs_that_cannot_be_written_are_refused(
    tmp_path: Path, files: Callable[..., list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs, file = files("a.png"), files("file")
    with pytest.raises(ValueError, match="cannot write"):
        plan_jobs(inputs, tmp_path / "x.bmp", False)
    with pytest.raises(ValueError, match="cannot be written"):
        plan_jobs(inputs, file[0] / "sub" / "x.png", False)
    monkeypatch.setattr(os, "access", lambda *args, **kwargs: False)
    with pytest.raises(ValueError, match="cannot be written"):
        plan_jobs(inputs, tmp_path / "new" / "x.png", False)
