"""Folders of pictures, read as films are."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from picture_levels import deep
from PIL import Image

from colorization.video.film_reader import FilmError
from colorization.video.frame_folder import PictureFilm, frame_paths, result_name
from retrieval.photos.reader import PictureError

Pan = Callable[..., list[np.ndarray]]


@pytest.fixture
def grays(pan: Pan) -> list[np.ndarray]:
    return pan("coffee", 12)


@pytest.fixture
def frame_dir(tmp_path: Path, grays: list[np.ndarray]) -> Path:
    """Twelve frames named frame_1.png .. frame_12.png, and a text."""
    folder = tmp_path / "frames"
    folder.mkdir()
    for i, gray in enumerate(grays, 1):
        Image.fromarray(gray).save(folder / f"frame_{i}.png")
    (folder / "notes.txt").write_text("not a picture\n")
    return folder


def test_pictures_come_in_the_order_of_their_numbers(frame_dir: Path) -> None:
    (frame_dir / "frame_0.png").mkdir()  # no picture
    names = [path.name for path in frame_paths(frame_dir)]
    assert names == [f"frame_{i}.png" for i in range(1, 13)]


def test_digits_that_are_no_numbers_in_names(frame_dir: Path) -> None:
    (frame_dir / "frame_2.png").rename(frame_dir / "frame_1\u00b2.png")
    names = [path.name for path in frame_paths(frame_dir)]
    assert sorted(names) == sorted(path.name for path in frame_dir.glob("*.png"))
    assert names.index("frame_3.png") < names.index("frame_10.png")


def test_frames_are_the_pictures_at_even_times(frame_dir: Path, grays: list[np.ndarray]) -> None:
    film = PictureFilm(frame_dir, frame_rate=12.5)
    assert (film.num_frames, film.rate, film.time_base) == (12, Fraction(25, 2), Fraction(2, 25))
    frames = list(film.frames())
    assert [(frame.pts, frame.duration) for frame in frames] == [(i, 1) for i in range(12)]
    for frame, gray in zip(frames, grays, strict=True):
        np.testing.assert_array_equal(frame.gray, gray)
        # 0 is 16 and 255 is 235
        np.testing.assert_allclose(frame.luma, 16 + gray.astype(float) * 219 / 255, atol=0.501)
        assert frame.picture is not None
        np.testing.assert_array_equal(frame.picture.rgb[..., 0], gray)
    for rgb, gray in zip(film.rgb_frames(), grays, strict=True):
        np.testing.assert_array_equal(rgb, np.dstack([gray] * 3))


def test_16_bits_are_rounded_for_the_film_and_kept_for_the_picture(
    frame_dir: Path, grays: list[np.ndarray]
) -> None:
    stored = deep(grays[0]) // 2
    Image.fromarray(stored).save(frame_dir / "frame_1.png")
    film = PictureFilm(frame_dir, 25.0)
    first = next(film.frames())
    np.testing.assert_array_equal(first.gray, np.rint(stored / 257))
    assert first.picture is not None
    np.testing.assert_array_equal(first.picture.rgb[..., 0], stored)
    assert next(film.rgb_frames()).dtype == np.uint8


def test_pictures_of_several_sizes_are_refused_where_a_film_is_made(frame_dir: Path) -> None:
    Image.new("L", (10, 20), 90).save(frame_dir / "frame_5.png")
    found = [frame.gray.shape for frame in PictureFilm(frame_dir, 25.0).frames()]
    assert found.count((20, 10)) == 1 and len(found) == 12
    frames = PictureFilm(frame_dir, 25.0, one_size=True).frames()
    assert [next(frames).pts for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(
        FilmError,
        match=r"frame_5\.png: is 10x20 pixels, the pictures before 64x48; a film has one size",
    ):
        next(frames)


def test_a_picture_that_cannot_be_read_is_named(frame_dir: Path) -> None:
    (frame_dir / "frame_2.png").write_bytes(b"")
    frames = PictureFilm(frame_dir, 25.0).frames()
    next(frames)
    with pytest.raises(PictureError, match=r"frame_2\.png: the file is empty"):
        next(frames)


def test_a_damaged_picture_is_refused_with_the_cure_or_read_with_a_note(
    frame_dir: Path, grays: list[np.ndarray]
) -> None:
    damaged = frame_dir / "frame_2.png"
    damaged.write_bytes(damaged.read_bytes()[:-1000])
    strict = PictureFilm(frame_dir, 25.0)
    for frames in (strict.frames(), strict.rgb_frames()):
        next(frames)
        with pytest.raises(
            PictureError, match=r"frame_2\.png: .*; --allow-damaged colors what can be read$"
        ):
            next(frames)
    film = PictureFilm(frame_dir, 25.0, allow_damaged=True)
    found = [frame.gray for frame in film.frames()]
    assert len(found) == len(list(film.rgb_frames())) == 12
    np.testing.assert_array_equal(found[1][:20], grays[1][:20])
    (note,) = film.notes
    assert note.startswith(f"{damaged}: it is damaged")


def test_a_folder_without_pictures_is_no_film(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a picture\n")
    with pytest.raises(FilmError, match="holds no pictures") as error:
        PictureFilm(tmp_path, 25.0)
    assert str(tmp_path) in str(error.value)


def test_results_keep_names_and_formats_that_can_be_written() -> None:
    names = ("a.1.png", "b.JPG", "c.tif", "d.gif", "e.bmp")
    found = [result_name(Path("folder") / name) for name in names]
    assert found == ["a.1.png", "b.JPG", "c.tif", "d.png", "e.png"]
