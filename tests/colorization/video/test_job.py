"""What is asked for: opened as a film, and refused where something would be lost."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorization.video.film_reader import Film, FilmError
from colorization.video.frame_folder import PictureFilm
from colorization.video.job import FilmJob, check_job, open_source, result_paths
from colorization.video.options import FilmOptions
from colorization.video.unfinished_work import JOB, MOVING, PICTURES, work_folder

MakeFilm = Callable[..., Path]
Pan = Callable[..., list[np.ndarray]]
Listing = Callable[[Path], dict[str, bytes]]


@pytest.fixture
def frame_dir(tmp_path: Path) -> Path:
    """A GIF, which is not written, and two PNGs."""
    folder = tmp_path / "frames"
    folder.mkdir()
    for name in ("1.gif", "2.png", "10.png"):
        Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(folder / name)
    return folder


def test_a_file_is_opened_as_a_film_and_a_folder_as_pictures(
    make_film: MakeFilm, pan: Pan, frame_dir: Path, tmp_path: Path
) -> None:
    film = open_source(make_film(tmp_path / "in.mkv", pan("coffee", 2)), FilmOptions())
    assert isinstance(film, Film) and not film.allow_damaged
    options = FilmOptions(frame_rate=12.0, allow_damaged=True)
    pictures = open_source(frame_dir, options, one_size=True)
    assert isinstance(pictures, PictureFilm) and pictures.allow_damaged
    assert (pictures.num_frames, pictures.rate, pictures.one_size) == (3, 12, True)
    for path in (tmp_path / "missing.mkv", tmp_path / "empty.mkv"):
        with pytest.raises(FilmError, match=path.name):
            open_source(path, FilmOptions())
        (tmp_path / "empty.mkv").touch()


def test_results_of_a_folder_come_in_its_order(frame_dir: Path, tmp_path: Path) -> None:
    job = FilmJob(frame_dir, tmp_path / "out")
    assert result_paths(job) == [tmp_path / "out" / name for name in ("1.png", "2.png", "10.png")]


def test_nothing_that_exists_is_replaced(
    make_film: MakeFilm, pan: Pan, tmp_path: Path, listing: Listing
) -> None:
    source = make_film(tmp_path / "in.mp4", pan("coffee", 2), codec="libx264")
    reference = tmp_path / "reference.mp4"  # whatever it holds
    reference.write_bytes(b"a reference")
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "frames").mkdir()
    Image.new("L", (8, 8)).save(tmp_path / "frames" / "1.png")
    before = listing(tmp_path)
    cases = {
        source: "replace what was given",
        reference: "replace what was given",
        tmp_path / "folder.mp4": "folder",
        tmp_path / "frames": "folder",
        tmp_path / "out.avi": "cannot write .avi",
        tmp_path / "out": "suffix",
        source / "below" / "out.mp4": "cannot be written",
    }
    for output, said in cases.items():
        with pytest.raises(ValueError, match=said):
            check_job(FilmJob(source, output, [reference], overwrite=True))
    (tmp_path / "old.mkv").write_bytes(b"old")
    with pytest.raises(ValueError, match=r"exists already; replace it with --overwrite"):
        check_job(FilmJob(source, tmp_path / "old.mkv"))
    check_job(FilmJob(source, tmp_path / "old.mkv", overwrite=True))
    with pytest.raises(ValueError, match="replace what was given"):
        check_job(FilmJob(tmp_path / "frames", tmp_path / "frames", overwrite=True))
    (tmp_path / "old.mkv").unlink()
    assert listing(tmp_path) == before


def test_a_reference_among_the_results_stays(frame_dir: Path, tmp_path: Path) -> None:
    """As one has that colored a frame by hand, and lends its colors to the others."""
    (tmp_path / "out").mkdir()
    by_hand = tmp_path / "out" / "2.png"
    Image.new("RGB", (8, 8), "red").save(by_hand)
    with pytest.raises(ValueError, match=r"2\.png: the result would replace what was given"):
        check_job(FilmJob(frame_dir, tmp_path / "out", [by_hand], overwrite=True))
    check_job(FilmJob(frame_dir, tmp_path / "other", [by_hand]))


def test_a_new_folder_with_a_dot_in_its_name_is_told_how_to_be_one(
    frame_dir: Path, make_film: MakeFilm, pan: Pan, tmp_path: Path
) -> None:
    output = tmp_path / "colored.v2"
    with pytest.raises(
        ValueError,
        match=r"cannot write \.v2; use \.mp4, .*; for a folder of frames make that folder first",
    ):
        check_job(FilmJob(frame_dir, output))
    with pytest.raises(ValueError, match=r"cannot write \.v2; use .*, \.webm$"):
        check_job(FilmJob(make_film(tmp_path / "in.mkv", pan("coffee", 2)), output))
    output.mkdir()
    check_job(FilmJob(frame_dir, output))


def test_a_picture_that_exists_is_named_and_replaced_only_if_asked_for(
    frame_dir: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "other.png").write_bytes(b"no result of these")
    check_job(FilmJob(frame_dir, out))
    (out / "1.png").write_bytes(b"mine")
    with pytest.raises(ValueError, match=r"1\.png: exists already; replace it with --overwrite"):
        check_job(FilmJob(frame_dir, out))
    check_job(FilmJob(frame_dir, out, overwrite=True))
    assert (out / "1.png").read_bytes() == b"mine"


def test_frames_go_into_a_folder_that_can_be_written(
    frame_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    out.write_text("a file")
    for overwrite in (False, True):
        with pytest.raises(ValueError, match="is a file; frames are written into a folder"):
            check_job(FilmJob(frame_dir, out, overwrite=overwrite))
    out.unlink()
    out.mkdir()
    (out / "-").write_text("no result of these")
    check_job(FilmJob(frame_dir, out))
    monkeypatch.setattr("os.access", lambda folder, _: Path(folder) != out)
    with pytest.raises(ValueError, match=r"the folder .*out cannot be written"):
        check_job(FilmJob(frame_dir, out))


def test_pictures_that_a_stopped_run_has_moved_are_no_reason_to_refuse(
    frame_dir: Path, tmp_path: Path
) -> None:
    """One that it has not moved yet is somebody else's."""
    out = tmp_path / "out"
    (work_folder(out) / PICTURES).mkdir(parents=True)
    (work_folder(out) / JOB).write_text("{}")
    (work_folder(out) / MOVING).touch()
    (work_folder(out) / PICTURES / "2.png").write_bytes(b"not moved yet")
    out.mkdir()
    (out / "1.png").write_bytes(b"moved")
    check_job(FilmJob(frame_dir, out))
    (out / "2.png").write_bytes(b"mine")
    with pytest.raises(ValueError, match=r"2\.png: exists already"):
        check_job(FilmJob(frame_dir, out))
