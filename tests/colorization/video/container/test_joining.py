"""Whole results: what stands beside the pictures is really there."""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from odd_films import odd_film

from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline
from colorization.video.colorize_film import colorize_film
from colorization.video.container.beside import covers_of, timecode_of
from colorization.video.job import FilmJob
from colorization.video.options import FilmOptions
from colorization.video.report import FilmReport

Pan = Callable[..., list[np.ndarray]]
Run = Callable[..., FilmReport]


@pytest.fixture
def run(colorizer: ColorizationPipeline, tiny: ColorizeOptions) -> Run:
    def color(source: Path, output: Path, sound: str = "copy") -> FilmReport:
        return colorize_film(FilmJob(source, output), colorizer, tiny, FilmOptions(sound=sound))

    return color


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_cover_and_a_timecode_come_with_the_result(
    pan: Pan, run: Run, tmp_path: Path, suffix: str
) -> None:
    source = odd_film(
        tmp_path / "in.mp4", pan("coffee", 3), sounds=["aac"], cover="mjpeg", timecode="10:00:00:00"
    )
    report = run(source, tmp_path / f"out{suffix}")
    assert report.notes == [] and report.frames == 3
    with av.open(str(source)) as given, av.open(str(tmp_path / f"out{suffix}")) as made:
        assert timecode_of(made) == "10:00:00:00"
        stored = [bytes(p) for p in given.demux(covers_of(given)[0]) if p.size]
        kept = [bytes(p) for p in made.demux(covers_of(made)[0]) if p.size]
        assert kept[:1] == stored[:1] and kept
    with av.open(str(source)) as given, av.open(str(tmp_path / f"out{suffix}")) as made:
        packets = [[bytes(p) for p in one.demux(audio=0) if p.size] for one in (given, made)]
        assert packets[0] == packets[1] and len(packets[0]) > 3


@pytest.mark.parametrize(("sound", "suffix"), [("aac", ".mp4"), ("opus", ".webm")])
def test_converted_sound_is_in_the_result(
    pan: Pan, run: Run, tmp_path: Path, sound: str, suffix: str
) -> None:
    source = odd_film(tmp_path / "in.avi", pan("coffee", 3), "mpeg4", ["adpcm_ms"])
    assert run(source, tmp_path / f"out{suffix}", sound).frames == 3
    with av.open(str(tmp_path / f"out{suffix}")) as made:
        assert made.streams.audio[0].codec_context.name in (sound, f"lib{sound}")
        frames = list(made.decode(audio=0))
        seconds = sum(frame.samples / frame.rate for frame in frames)
        assert seconds == pytest.approx(0.5, abs=0.08)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.avi", f"out{suffix}"]
