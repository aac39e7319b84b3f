"""Segments are whole or not there."""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from odd_films import odd_film

from colorization.video.container.segment_writer import SegmentWriter
from colorization.video.film_reader import Film

Pan = Callable[..., list[np.ndarray]]


@pytest.fixture
def film(pan: Pan, tmp_path: Path) -> Film:
    return Film(odd_film(tmp_path / "in.mkv", pan("coffee", 3)))


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_planes_come_back_without_loss(film: Film, tmp_path: Path, suffix: str) -> None:
    """Of quality 0, with chroma that is given apart."""
    writer = SegmentWriter(tmp_path / "one.nut", film, suffix, 0)
    blue = np.full((24, 32), 90, np.uint8)
    lumas = [frame.luma for frame in film.frames()]
    for luma in lumas:
        writer.write(luma, (blue, 255 - blue))
    assert not (tmp_path / "one.nut").exists()
    writer.close()
    with av.open(str(tmp_path / "one.nut")) as container:
        frames = [frame.to_ndarray() for frame in container.decode(video=0)]
    for frame, luma in zip(frames, lumas, strict=True):
        np.testing.assert_array_equal(frame[:48], luma)
        assert set(frame[48:].ravel().tolist()) == {90, 165}


def test_what_is_dropped_leaves_nothing(film: Film, tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path / "one.nut", film, ".mp4", 16)
    writer.write(next(film.frames()).luma, (np.full((24, 32), 128, np.uint8),) * 2)
    writer.abort()
    assert [path.name for path in tmp_path.iterdir()] == ["in.mkv"]


def test_odd_sizes_are_padded_where_the_codec_needs_it(film: Film, tmp_path: Path) -> None:
    odd, even = np.zeros((5, 8), np.uint8), np.zeros((4, 8), np.uint8)
    for suffix, padded in ((".mp4", True), (".webm", False)):
        writer = SegmentWriter(tmp_path / "one.nut", film, suffix, 16)
        assert (writer.pads(odd), writer.pads(even)) == (padded, False)
        writer.abort()
