"""Covers, timecodes, chapters and tracks: kept where the container can, told where it cannot."""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from odd_films import odd_film

from colorization.video.container.beside import copy_tags, covers_of, timecode_of
from colorization.video.container.trial import check_container
from colorization.video.film_reader import SUFFIXES, Film, pictures_of

Pan = Callable[..., list[np.ndarray]]
COVER = "its cover picture is left out: {} cannot hold it, .mkv and .mp4 can"


@pytest.mark.parametrize("cover", ["mjpeg", "png"])
def test_covers_are_told_where_they_cannot_be_kept(pan: Pan, tmp_path: Path, cover: str) -> None:
    film = Film(odd_film(tmp_path / "in.mp4", pan("coffee", 2), cover=cover))
    for suffix in (".mp4", ".mkv"):
        assert check_container(film, tmp_path / f"out{suffix}", tmp_path) == []
    for suffix in (".mov", ".m4v", ".webm"):
        lines = check_container(film, tmp_path / f"out{suffix}", tmp_path)
        assert lines == [COVER.format(suffix)]


def test_timecodes_are_kept(pan: Pan, tmp_path: Path) -> None:
    film = Film(odd_film(tmp_path / "in.mov", pan("coffee", 2), timecode="01:02:03:04"))
    with av.open(str(film.path)) as container:
        assert timecode_of(container) == "01:02:03:04"
    for suffix in SUFFIXES:
        lines = check_container(film, tmp_path / f"out{suffix}", tmp_path)
        assert lines == []


def test_further_video_tracks_are_told(pan: Pan, tmp_path: Path) -> None:
    film = Film(odd_film(tmp_path / "in.mkv", pan("coffee", 2), tracks=3))
    lines = check_container(film, tmp_path / "out.mkv", tmp_path)
    assert lines == ["2 more video tracks are left out; one is colored"]


def test_a_film_has_a_cover(pan: Pan, tmp_path: Path) -> None:
    with av.open(str(odd_film(tmp_path / "in.mp4", pan("coffee", 2), cover="png"))) as container:
        assert len(covers_of(container)) == 1
        assert timecode_of(container) == ""


def test_language_and_title_are_those_of_the_track_that_is_shown(pan: Pan, tmp_path: Path) -> None:
    source = odd_film(tmp_path / "in.mkv", pan("coffee", 2), tracks=2, shown=1)
    with av.open(str(source)) as container, av.open(str(tmp_path / "out.mkv"), "w") as result:
        shown = pictures_of(container)
        assert shown is not None and shown.index == 1
        stream = result.add_stream("libx264", rate=25)
        copy_tags(container, result, stream)
        assert stream.metadata["title"] == "track 1"


def test_a_cover_alone_is_no_film(pan: Pan, tmp_path: Path) -> None:
    source = odd_film(tmp_path / "in.mp4", pan("coffee", 2), tracks=0, cover="png")
    with av.open(str(source)) as container:
        assert len(container.streams.video) == 1 and pictures_of(container) is None
