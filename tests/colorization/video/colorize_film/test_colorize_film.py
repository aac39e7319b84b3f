"""Whole films: what is kept, what is colored, what is refused."""

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline
from colorization.video.colorize_film import colorize_film
from colorization.video.film_reader import FilmError
from colorization.video.job import FilmJob
from colorization.video.options import FilmOptions
from colorization.video.report import FilmReport

Pictures = dict[str, np.ndarray]
MakeFilm = Callable[..., Path]
Pan = Callable[..., list[np.ndarray]]
Run = Callable[..., FilmReport]
EXACT = FilmOptions(quality=0)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov", ".webm"])
def test_luma_timestamps_and_rate_are_kept_and_colors_added(
    make_film: MakeFilm, pan: Pan, probe, run: Run, tmp_path: Path, suffix: str
) -> None:
    """24000/1001 frames a second; the luma of quality 0 is that of the input, bit for bit."""
    lumas = pan("coffee", 4)
    rate = Fraction(24000, 1001)
    source = make_film(tmp_path / "in.mkv", lumas, rate=rate, time_base=1 / rate)
    report = run(source, tmp_path / f"out{suffix}")
    assert (report.frames, report.colored, len(report.scenes), report.notes) == (4, 4, 1, [])
    output = tmp_path / f"out{suffix}"
    for kept, luma in zip(probe.lumas(output), lumas, strict=True):
        np.testing.assert_array_equal(kept, luma)
    assert [float(t) for t in probe.times(output)] == pytest.approx(
        [float(t) for t in probe.times(source)], abs=5e-4
    )
    chroma = probe.chroma(output)
    assert all(np.abs(c).mean() > 1 for c in chroma)
    # the colors of the input are gone
    assert not any((c[: len(c) // 2] == 90 - 128).all() for c in chroma)
    with av.open(str(output)) as container:
        assert float(container.streams.video[0].guessed_rate or 0) == pytest.approx(
            float(rate), rel=0.02
        )
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.mkv", f"out{suffix}"]


def test_at_the_default_quality_luma_is_close(
    make_film: MakeFilm, pan: Pan, probe, run: Run, tmp_path: Path
) -> None:
    lumas = pan("chelsea", 3)
    run(make_film(tmp_path / "in.mkv", lumas), tmp_path / "out.mp4", FilmOptions())
    errors = [
        np.square(a.astype(float) - b).mean()
        for a, b in zip(probe.lumas(tmp_path / "out.mp4"), lumas, strict=True)
    ]
    assert 0 < max(errors) < 255**2 / 10**4.0  # above 40 dB


def test_variable_frame_rate_is_kept(
    make_film: MakeFilm, pan: Pan, probe, run: Run, tmp_path: Path
) -> None:
    """Timestamps in 1/600 s, also across the borders of segments, and a start that is not zero."""
    pts = [61, 70, 85, 86, 110, 130]
    source = make_film(
        tmp_path / "in.mp4", pan("rocket", 6), pts, Fraction(1, 600), codec="libx264"
    )
    wanted = probe.times(source)
    assert [t - wanted[0] for t in wanted] == [Fraction(p - 61, 600) for p in pts]
    run(source, tmp_path / "out.mp4", FilmOptions(segment_frames=2))
    assert probe.times(tmp_path / "out.mp4") == wanted


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_films_of_phones_are_turned_upright(
    make_film: MakeFilm, pan: Pan, probe, run: Run, tmp_path: Path, rotation: int
) -> None:
    lumas = pan("chelsea", 2)
    source = make_film(
        tmp_path / "in.mp4",
        lumas,
        codec="libx264",
        rotation=rotation,
        sample_aspect_ratio=Fraction(4, 3),
    )
    with av.open(str(source)) as container:
        stored = next(container.decode(video=0)).rotation
    assert stored % 180 == rotation % 180
    run(source, tmp_path / "out.mp4")
    for kept, luma in zip(probe.lumas(tmp_path / "out.mp4"), lumas, strict=True):
        np.testing.assert_array_equal(kept, np.rot90(luma, stored // 90))
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert next(container.decode(video=0)).rotation == 0
        assert container.streams.video[0].sample_aspect_ratio == (
            Fraction(4, 3) if rotation == 180 else Fraction(3, 4)
        )


@pytest.mark.parametrize(("suffix", "size"), [(".mp4", (46, 66)), (".webm", (45, 65))])
def test_odd_sizes(
    make_film: MakeFilm,
    pan: Pan,
    probe,
    run: Run,
    tmp_path: Path,
    suffix: str,
    size: tuple[int, int],
) -> None:
    """H.264 has even sizes only: the last row and column are shown twice, and a note says so."""
    lumas = pan("coffee", 2, 45, 65)
    report = run(
        make_film(tmp_path / "in.mkv", lumas, pix_fmt="yuv444p"), tmp_path / f"out{suffix}"
    )
    kept = probe.lumas(tmp_path / f"out{suffix}")
    assert [k.shape for k in kept] == [size] * 2
    np.testing.assert_array_equal(kept[1][:45, :65], lumas[1])
    assert [("odd" in note) for note in report.notes] == ([True] if suffix == ".mp4" else [])


def test_a_film_of_one_frame_without_sound(
    make_film: MakeFilm, pan: Pan, probe, run: Run, tmp_path: Path
) -> None:
    lumas = pan("coffee", 1)
    report = run(
        make_film(tmp_path / "in.mkv", lumas), tmp_path / "out.mp4", report=tmp_path / "report.json"
    )
    assert report.frames == 1
    np.testing.assert_array_equal(probe.lumas(tmp_path / "out.mp4")[0], lumas[0])
    assert json.loads((tmp_path / "report.json").read_text())["cdc"] is None


def test_black_white_and_full_range(make_film: MakeFilm, probe, run: Run, tmp_path: Path) -> None:
    """Black and white get no color, in both ranges; the range is written as it was read."""
    for full, black, white in ((False, 16, 235), (True, 0, 255)):
        luma = np.full((32, 48), black, np.uint8)
        luma[:, 24:] = white
        source = make_film(tmp_path / f"{full}.mkv", [luma], color_range=2 if full else 1)
        output = tmp_path / f"{full}.mp4"
        run(source, output)
        np.testing.assert_array_equal(probe.lumas(output)[0], luma)
        assert np.abs(probe.chroma(output)[0]).max() <= 1
        with av.open(str(output)) as container:
            frame = next(container.decode(video=0))
            assert (frame.color_range, frame.colorspace) == (2 if full else 1, 6)


def test_scenes_take_their_own_references_from_the_index(
    indexed: ColorizationPipeline,
    pan: Pan,
    make_film: MakeFilm,
    tiny: ColorizeOptions,
    tmp_path: Path,
    probe,
) -> None:
    """Windows as large as the photos, which find them; a cut between them."""
    lumas = [*pan("coffee", 9, 100, 120), *pan("astronaut", 2, 100, 100)]
    lumas = [np.pad(luma, ((0, 0), (0, 120 - luma.shape[1])), "edge") for luma in lumas]
    source = make_film(tmp_path / "in.mkv", lumas)
    report = colorize_film(FilmJob(source, tmp_path / "out.mkv"), indexed, tiny, EXACT)
    assert [(s.start, s.stop) for s in report.scenes] == [(0, 9), (9, 11)]
    assert [Path(s.references[0][0]).name for s in report.scenes] == ["coffee.png", "astronaut.png"]
    assert len(probe.lumas(tmp_path / "out.mkv")) == 11


def test_a_reference_gives_its_colors(
    make_film: MakeFilm, pan: Pan, probe, run: Run, tmp_path: Path, pictures: Pictures
) -> None:
    """A red reference makes V positive, a blue one U."""
    source = make_film(tmp_path / "in.mkv", pan("coffee", 3, 100, 120))
    mean = {}
    for name, color in (("red", (1.0, 0.3, 0.3)), ("blue", (0.3, 0.3, 1.0))):
        Image.fromarray((pictures["coffee"] * np.array(color)).astype(np.uint8)).save(
            tmp_path / f"{name}.png"
        )
        run(source, tmp_path / f"{name}.mkv", references=[tmp_path / f"{name}.png"])
        u, v = np.split(np.stack(probe.chroma(tmp_path / f"{name}.mkv")), 2, 1)
        mean[name] = u.mean(), v.mean()
    assert mean["red"][1] > mean["blue"][1] + 5 and mean["blue"][0] > mean["red"][0] + 5


@pytest.mark.parametrize("suffix", [".mkv", ".webm", ".mp4"])
def test_films_that_begin_later(
    make_film: MakeFilm, pan: Pan, probe, run: Run, tmp_path: Path, suffix: str
) -> None:
    codec = "libvpx-vp9" if suffix == ".webm" else "libx264"
    source = make_film(
        tmp_path / f"in{suffix}", pan("coffee", 6), pts=[250 + i for i in range(6)], codec=codec
    )
    run(source, tmp_path / "out.mkv")
    assert len(probe.times(tmp_path / "out.mkv")) == 6


def test_names_with_a_colon_in_the_folder_that_one_is_in(
    make_film: MakeFilm, pan: Pan, probe, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make_film(tmp_path / "in.mkv", pan("coffee", 4), sound=0.2)
    source.rename(tmp_path / "2020-01-01T10:20.mkv")
    monkeypatch.chdir(tmp_path)
    run(Path("2020-01-01T10:20.mkv"), Path("Wedding: part 1.mkv"))
    assert len(probe.times(tmp_path / "Wedding: part 1.mkv")) == 4


def test_films_joined_byte_by_byte_are_told_before_the_work(
    make_film: MakeFilm, pan: Pan, run: Run, tmp_path: Path
) -> None:
    part = make_film(tmp_path / "part.mpg", pan("coffee", 24), codec="mpeg2video")
    (tmp_path / "both.mpg").write_bytes(2 * part.read_bytes())
    with pytest.raises(
        FilmError,
        match=r"both\.mpg: its time starts over after .* s,"
        r" .*ffmpeg -i .*both\.mpg -c copy joined\.mkv",
    ):
        run(tmp_path / "both.mpg", tmp_path / "out.mkv")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["both.mpg", "part.mpg"]


def test_interlaced_films_are_noted(
    make_film: MakeFilm, pan: Pan, run: Run, tmp_path: Path
) -> None:
    flags = av.codec.context.Flags.interlaced_dct | av.codec.context.Flags.interlaced_me
    source = make_film(tmp_path / "in.mpg", pan("coffee", 6), codec="mpeg2video", flags=flags)
    assert any("it is interlaced" in note for note in run(source, tmp_path / "out.mkv").notes)
