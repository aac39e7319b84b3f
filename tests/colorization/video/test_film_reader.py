"""Reading: pixel formats, depth, missing timestamps, covers of albums."""

import re
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from odd_films import odd_film
from PIL import Image

from colorization.video.film_reader import Film, FilmError
from colorization.video.frame_folder import PictureFilm

MakeFilm = Callable[..., Path]
Pan = Callable[..., list[np.ndarray]]


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p", "yuv444p", "gray", "nv12"])
def test_luma_of_8_bits_is_read_as_it_is(
    make_film: MakeFilm, pan: Pan, tmp_path: Path, pix_fmt: str
) -> None:
    lumas = pan("coffee", 2)
    codec = "rawvideo" if pix_fmt == "nv12" else "ffv1"
    film = Film(make_film(tmp_path / "in.nut", lumas, codec=codec, pix_fmt=pix_fmt))
    for frame, luma in zip(film.frames(), lumas, strict=True):
        np.testing.assert_array_equal(frame.luma, luma)
    assert (film.notes, film.coding.full_range) == ([], pix_fmt == "gray")


@pytest.mark.parametrize(("pix_fmt", "bits"), [("yuv420p10le", 10), ("gray16le", 16)])
def test_deeper_films_become_8_bits_with_a_note(
    make_film: MakeFilm, pan: Pan, tmp_path: Path, pix_fmt: str, bits: int
) -> None:
    lumas = pan("coffee", 2)
    film = Film(make_film(tmp_path / "in.mkv", lumas, pix_fmt=pix_fmt))
    for frame, luma in zip(film.frames(), lumas, strict=True):
        assert np.abs(frame.luma.astype(int) - luma).max() <= 1
    assert film.notes == [f"{bits} bits became 8"]


def test_rgb_films_become_luma(make_film: MakeFilm, pan: Pan, tmp_path: Path) -> None:
    grays = pan("coffee", 1)
    film = Film(make_film(tmp_path / "in.mkv", grays, pix_fmt="bgr0"))
    (frame,) = film.frames()
    assert np.abs(frame.gray.astype(int) - grays[0]).max() <= 2


def test_frames_without_timestamps_get_those_of_the_rate(
    make_film: MakeFilm, pan: Pan, tmp_path: Path
) -> None:
    """A bare H.264 stream has none."""
    film = Film(make_film(tmp_path / "in.h264", pan("coffee", 4), codec="libx264", rate=25))
    times = [frame.pts * film.time_base for frame in film.frames()]
    assert [b - a for a, b in pairwise(times)] == [Fraction(1, 25)] * 3


def test_timestamps_always_rise(
    make_film: MakeFilm, pan: Pan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = Film(make_film(tmp_path / "in.mkv", pan("coffee", 4)))
    decoded = film._decoded

    def stuttering(*args: object):  # type: ignore[no-untyped-def]
        for frame, pts in zip(decoded(*args), (0, 40, 40, 20), strict=True):  # type: ignore[arg-type]
            frame.pts = pts
            yield frame

    monkeypatch.setattr(film, "_decoded", stuttering)
    assert [frame.pts for frame in film.frames()] == [0, 40, 41, 42]


def test_the_cover_of_an_album_is_no_film(tmp_path: Path, pictures: dict[str, np.ndarray]) -> None:
    with av.open(str(tmp_path / "song.mp3"), "w") as container:
        sound = container.add_stream("libmp3lame", rate=8000)
        cover = container.add_stream("png")
        cover.width, cover.height, cover.pix_fmt = 64, 48, "rgb24"
        cover.disposition = av.stream.Disposition.attached_pic
        samples = av.AudioFrame.from_ndarray(
            np.zeros((1, 4096), np.int16), format="s16p", layout="mono"
        )
        samples.sample_rate, samples.pts = 8000, 0
        frame = av.VideoFrame.from_ndarray(
            np.ascontiguousarray(pictures["coffee"][:48, :64]), format="rgb24"
        )
        for packet in [
            *cover.encode(frame),
            *cover.encode(),
            *sound.encode(samples),
            *sound.encode(),
        ]:
            container.mux(packet)
    with pytest.raises(FilmError, match="holds no moving pictures"):
        Film(tmp_path / "song.mp3")


def test_rgb_frames_are_upright(make_film: MakeFilm, pan: Pan, tmp_path: Path) -> None:
    film = Film(make_film(tmp_path / "in.mp4", pan("coffee", 1), codec="libx264", rotation=90))
    (rgb,), (frame,) = film.rgb_frames(), film.frames()
    assert rgb.shape == (64, 48, 3)
    assert np.corrcoef(rgb[..., 1].ravel(), frame.gray.ravel())[0, 1] > 0.99


def test_pictures_are_sorted_by_their_numbers(tmp_path: Path) -> None:
    for name in ("b_10.png", "b_9.png", "a_11.png", "B_2.png", "b_9_2.png", ".hidden.png", "7.png"):
        Image.new("L", (4, 4)).save(tmp_path / name)
    (tmp_path / "folder.png").mkdir()
    found = [path.name for path in PictureFilm(tmp_path, 24000 / 1001).paths]
    assert found == ["7.png", "B_2.png", "a_11.png", "b_9.png", "b_9_2.png", "b_10.png"]
    assert PictureFilm(tmp_path, 24000 / 1001).rate == Fraction(24000, 1001)


def test_an_avi_that_was_cut_off_between_frames_is_told(pan: Pan, tmp_path: Path) -> None:
    """FFmpeg shortens its duration to what is there; the number of frames in the header stays."""
    source = odd_film(tmp_path / "in.avi", pan("coffee", 25), "mjpeg", pix_fmt="yuvj420p")
    data = source.read_bytes()
    assert len(list(Film(source).frames())) == 25
    frames = [found.start() for found in re.finditer(b"00dc", data[data.index(b"movi") :])]
    source.write_bytes(data[: data.index(b"movi") + frames[13]])
    with pytest.raises(FilmError, match=r"damaged at 0\.5 s .* 1\.0 s were announced: truncated"):
        list(Film(source).frames())
    film = Film(source, allow_damaged=True)
    assert len(list(film.frames())) == 13
    assert ["truncated" in note for note in film.notes] == [True]


def test_a_picture_that_ends_before_its_sound_is_told(
    make_film: MakeFilm, pan: Pan, tmp_path: Path
) -> None:
    source = make_film(tmp_path / "in.mkv", pan("coffee", 25), sound=3.0)
    assert len(list(Film(source).frames())) == 25  # sound that is longer is no damage
    data = source.read_bytes()
    assert data.count(b"00:00:01.000000000") == 1
    source.write_bytes(data.replace(b"00:00:01.000000000", b"00:00:02.500000000"))
    with pytest.raises(FilmError, match=r"damaged at 1\.0 s .* 2\.5 s were announced: truncated"):
        list(Film(source).frames())


@pytest.mark.parametrize("suffix", [".avi", ".mp4", ".mov", ".mkv", ".webm", ".ts"])
@pytest.mark.parametrize("times", ["even", "uneven", "late", "slow"])
def test_whole_films_are_no_truncated_ones(
    make_film: MakeFilm, pan: Pan, tmp_path: Path, suffix: str, times: str
) -> None:
    codec = {".avi": "mpeg4", ".webm": "libvpx-vp9"}.get(suffix, "libx264")
    pts = {
        "even": list(range(20)),
        "uneven": [i + 3 * (i // 3) for i in range(20)],
        "late": [i + 50 for i in range(20)],
        "slow": [i * 50 for i in range(20)],
    }[times]
    film = Film(make_film(tmp_path / f"in{suffix}", pan("coffee", 20), pts=pts, codec=codec))
    assert len(list(film.frames())) == 20
    assert film.notes == []


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_a_film_whose_edit_list_leaves_frames_out_is_whole(
    make_film: MakeFilm, pan: Pan, tmp_path: Path, suffix: str
) -> None:
    whole = make_film(tmp_path / "whole.mp4", pan("coffee", 50), codec="libx264", sound=2.0)
    source, options = tmp_path / f"in{suffix}", {"avoid_negative_ts": "disabled"}
    with av.open(str(whole)) as given, av.open(str(source), "w", options=options) as container:
        streams = [container.add_stream_from_template(stream) for stream in given.streams]
        for packet in given.demux():
            if packet.dts is not None and packet.pts is not None and packet.time_base:
                packet.pts -= int(1 / packet.time_base)
                packet.dts -= int(1 / packet.time_base)
                packet.stream = streams[packet.stream.index]
                container.mux(packet)
    assert len(list(Film(source).frames())) == 25
