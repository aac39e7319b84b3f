"""Sound in another codec: the same tone at the same time."""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from odd_films import odd_film

from colorization.video.container.sound import CODECS, convert_sound
from colorization.video.film_reader import FilmError

Pan = Callable[..., list[np.ndarray]]


def heard(path: Path, track: int = 0) -> tuple[np.ndarray, int, float]:
    """Samples of a sound track, their rate and the time of the first."""
    with av.open(str(path)) as container:
        frames = list(container.decode(container.streams.audio[track]))
    samples = np.concatenate([frame.to_ndarray().astype(float).reshape(-1) for frame in frames])
    return samples, frames[0].rate, float(frames[0].time or 0)


@pytest.mark.parametrize("name", CODECS)
def test_the_tone_stays(pan: Pan, tmp_path: Path, name: str) -> None:
    """440 Hz for one second, from PCM of 44,100 Hz, which Opus does not have."""
    source = odd_film(tmp_path / "in.mkv", pan("coffee", 2), "libx264", ["pcm_s16le"], seconds=1.0)
    assert convert_sound(source, tmp_path / "out.mp4", name) == 0
    samples, rate, start = heard(tmp_path / "out.mp4")
    assert len(samples) / rate == pytest.approx(1.0, abs=0.05) and abs(start) < 0.05
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    assert spectrum.argmax() * rate / len(samples) == pytest.approx(440, abs=3)


def test_every_track_is_converted(pan: Pan, tmp_path: Path) -> None:
    tracks = ["pcm_s16le", "flac", "mp2"]
    source = odd_film(tmp_path / "in.mkv", pan("coffee", 2), "libx264", tracks)
    convert_sound(source, tmp_path / "out.mp4", "aac")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert [s.codec_context.name for s in container.streams.audio] == ["aac"] * 3
        assert not container.streams.video


def test_a_part_for_a_trial(pan: Pan, tmp_path: Path) -> None:
    source = odd_film(tmp_path / "in.mkv", pan("coffee", 2), "libx264", ["pcm_s16le"], seconds=4.0)
    convert_sound(source, tmp_path / "out.mp4", "aac", seconds=1.0)
    samples, rate, _ = heard(tmp_path / "out.mp4")
    assert 0.8 < len(samples) / rate < 1.6


def test_what_fails_leaves_no_whole_file(pan: Pan, tmp_path: Path) -> None:
    with pytest.raises(FilmError, match="no such file"):
        convert_sound(tmp_path / "missing.mkv", tmp_path / "out.mp4", "aac")
    assert not (tmp_path / "out.mp4").exists()


def test_sound_of_which_nothing_can_be_decoded(pan: Pan, tmp_path: Path) -> None:
    source = odd_film(tmp_path / "in.mkv", pan("coffee", 2), "libx264", ["aac"])
    with pytest.raises(FilmError, match=r"in\.mkv: its sound cannot be decoded"):
        convert_sound(source, tmp_path / "out.mp4", "aac", seconds=-1.0)
    assert [path.name for path in tmp_path.iterdir()] == ["in.mkv"]
