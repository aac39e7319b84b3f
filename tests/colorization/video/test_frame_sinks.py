"""Where colored frames go: each has its name once the whole is there."""

import errno
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from picture_levels import deep
from PIL import Image

from colorization.options import ColorizeOptions
from colorization.video.container.joining import Timing
from colorization.video.film_reader import Film, FilmError
from colorization.video.frame_folder import PictureFilm
from colorization.video.frame_sinks import ODD, FilmSink, PictureSink, sink_of
from colorization.video.options import FilmOptions
from colorization.video.scene_plan import Plan
from retrieval.photos.reader import read_picture

MakeFilm = Callable[..., Path]
Pan = Callable[..., list[np.ndarray]]
EXACT, OPTIONS = FilmOptions(quality=0), ColorizeOptions()
LUMINANCE = torch.full((1, 1, 24, 32), 50.0)
RED = torch.stack((torch.full((12, 16), 40.0), torch.full((12, 16), 20.0)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """For unfinished work."""
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


@pytest.fixture
def picture_film(pan: Pan, tmp_path: Path) -> PictureFilm:
    """Three of 8 bits and one of 16."""
    (tmp_path / "in").mkdir()
    for i, gray in enumerate(pan("coffee", 4)):
        stored = deep(gray) if i == 3 else gray
        Image.fromarray(stored).save(tmp_path / "in" / f"{i}.png")
    return PictureFilm(tmp_path / "in", 25.0)


def plan_of(film: Film | PictureFilm) -> Plan:
    frames = list(film.frames())
    return Plan([], Timing([frame.pts for frame in frames], frames[-1].duration), [])


def filled(sink: FilmSink | PictureSink, film: Film | PictureFilm, length: int = 2) -> None:
    """Write all frames in red, in segments of a length."""
    for i, frame in enumerate(film.frames()):
        if i % length == 0:
            if i:
                sink.end()
            sink.begin(i // length)
        sink.write(frame, LUMINANCE, RED)
    sink.end()


def test_the_suffix_of_the_result_decides(picture_film: PictureFilm, folder: Path) -> None:
    film = sink_of(picture_film, folder.parent / "out.MP4", folder, OPTIONS, EXACT)
    assert isinstance(film, FilmSink)
    assert isinstance(
        sink_of(picture_film, folder.parent / "out", folder, OPTIONS, EXACT), PictureSink
    )
    assert list(folder.iterdir()) == []  # the trial has left nothing


# Films


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_a_film_keeps_luma_and_times_and_tells_who_lent_its_colors(
    make_film: MakeFilm, pan: Pan, probe, tmp_path: Path, folder: Path, suffix: str
) -> None:
    film = Film(make_film(tmp_path / "in.mkv", lumas := pan("coffee", 5)))
    output = tmp_path / f"out{suffix}"
    sink = FilmSink(film, output, folder, OPTIONS, EXACT)
    filled(sink, film)
    assert len(list(folder.glob("segment-*.nut"))) == 3
    whole = sink.finish(plan_of(film), ["cup.png"])
    assert not output.exists()
    sink.publish()
    assert whole.path.parent == folder and not whole.path.exists()
    for kept, luma in zip(probe.lumas(output), lumas, strict=True):
        np.testing.assert_array_equal(kept, luma)
    assert probe.times(output) == [Fraction(i, 25) for i in range(5)]
    _, v = np.split(np.stack(probe.chroma(output)), 2, 1)
    assert v.mean() > 15
    with av.open(str(output)) as container:
        said = {key.lower(): value for key, value in container.metadata.items()}
    assert said["comment"].endswith("the colors are not original. Colors from cup.png.")


def test_saturation_0_leaves_a_film_gray(
    make_film: MakeFilm, pan: Pan, probe, tmp_path: Path, folder: Path
) -> None:
    film = Film(make_film(tmp_path / "in.mkv", pan("coffee", 2)))
    sink = FilmSink(film, tmp_path / "out.mkv", folder, ColorizeOptions(saturation=0.0), EXACT)
    filled(sink, film)
    sink.finish(plan_of(film), [])
    sink.publish()
    assert all(np.abs(chroma).max() <= 1 for chroma in probe.chroma(tmp_path / "out.mkv"))


def test_a_segment_that_is_dropped_leaves_nothing(
    make_film: MakeFilm, pan: Pan, tmp_path: Path, folder: Path
) -> None:
    film = Film(make_film(tmp_path / "in.mkv", pan("coffee", 2)))
    sink = FilmSink(film, tmp_path / "out.mkv", folder, OPTIONS, EXACT)
    sink.abort()  # before the first
    sink.begin(0)
    sink.write(next(film.frames()), LUMINANCE, RED)
    sink.abort()
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(("suffix", "told"), [(".mp4", 1), (".webm", 0)])
def test_an_odd_size_is_told_once(
    make_film: MakeFilm, pan: Pan, tmp_path: Path, folder: Path, suffix: str, told: int
) -> None:
    film = Film(make_film(tmp_path / "in.mkv", pan("coffee", 2, 45, 65), pix_fmt="yuv444p"))
    filled(FilmSink(film, tmp_path / f"out{suffix}", folder, OPTIONS, EXACT), film)
    assert film.notes.count(ODD) == told


def test_a_container_that_cannot_hold_the_sound_is_refused_at_once(
    make_film: MakeFilm, pan: Pan, tmp_path: Path, folder: Path
) -> None:
    film = Film(make_film(tmp_path / "in.mp4", pan("coffee", 2), codec="libx264", sound=0.3))
    with pytest.raises(FilmError, match=r"\.webm cannot hold the sound"):
        sink_of(film, tmp_path / "out.webm", folder, OPTIONS, EXACT)
    assert list(folder.iterdir()) == []


# Folders of pictures


def test_pictures_keep_names_and_depth_and_tell_who_lent_their_colors(
    picture_film: PictureFilm, folder: Path
) -> None:
    output = folder.parent / "out"
    sink = PictureSink(picture_film, output, folder, OPTIONS)
    sink.lent = ["cup.png"]
    filled(sink, picture_film)
    assert not output.exists()
    whole = sink.finish(plan_of(picture_film), [])
    assert {path.parent for path in whole.paths} == {folder / "pictures"}
    sink.publish()
    assert sorted(path.name for path in output.iterdir()) == [f"{i}.png" for i in range(4)]
    for i, source in enumerate(picture_film.paths):
        found = read_picture(output / source.name)
        assert found.rgb.dtype == (np.uint16 if i == 3 else np.uint8)
        top = np.iinfo(found.rgb.dtype).max
        assert (found.rgb[..., 0] / top - found.rgb[..., 1] / top).mean() > 0.1  # it is red
        with Image.open(output / source.name) as image:
            assert "Colors from cup.png." in image.getexif()[0x010E]


def test_the_whole_is_found_where_a_stopped_run_has_published_some(
    picture_film: PictureFilm, folder: Path
) -> None:
    output = folder.parent / "out"
    sink = PictureSink(picture_film, output, folder, OPTIONS)
    filled(sink, picture_film)
    output.mkdir()
    (folder / "pictures" / "0.png").replace(output / "0.png")
    whole = sink.finish(plan_of(picture_film), [])
    assert whole.paths[0] == output / "0.png"
    assert [path.parent.name for path in whole.paths] == ["out", *["pictures"] * 3]
    sink.publish()  # what is moved already is no error
    assert len(list(output.iterdir())) == 4


def test_pictures_take_their_names_on_another_disk(
    picture_film: PictureFilm, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, real = folder.parent / "out", Path.replace
    sink = PictureSink(picture_film, output, folder, OPTIONS)
    filled(sink, picture_film)
    kept = {path.name: path.read_bytes() for path in (folder / "pictures").iterdir()}

    def across(path: Path, target: Path) -> Path:
        if path.parent != target.parent:
            raise OSError(errno.EXDEV, "Invalid cross-device link", str(path))
        return real(path, target)

    monkeypatch.setattr(Path, "replace", across)
    sink.publish()
    assert {path.name: path.read_bytes() for path in output.iterdir()} == kept
    assert list((folder / "pictures").iterdir()) == []


def test_two_pictures_with_one_name_are_refused(picture_film: PictureFilm, folder: Path) -> None:
    Image.new("L", (64, 48)).save(picture_film.path / "2.gif")
    with pytest.raises(FilmError, match=r"2\.gif and .*2\.png would both be written to .*2\.png"):
        PictureSink(PictureFilm(picture_film.path, 25.0), folder.parent / "out", folder, OPTIONS)
