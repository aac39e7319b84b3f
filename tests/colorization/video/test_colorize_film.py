"""Whole films: what is kept, what is colored, what is refused."""

import errno
import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline
from colorization.video.colorize_film import UNLIKE, colorize_film
from colorization.video.film_reader import FilmError
from colorization.video.frame_folder import frame_paths
from colorization.video.job import FilmJob
from colorization.video.options import FilmOptions
from colorization.video.report import FilmReport
from retrieval.search.photo_index import PhotoIndex

Pictures = dict[str, np.ndarray]
MakeFilm = Callable[..., Path]
Pan = Callable[..., list[np.ndarray]]
Run = Callable[..., FilmReport]
EXACT = FilmOptions(quality=0)


@pytest.fixture
def run(colorizer: ColorizationPipeline, tiny: ColorizeOptions) -> Run:
    def color(
        source: Path,
        output: Path,
        film_options: FilmOptions = EXACT,
        report: Path | None = None,
        **job: object,
    ) -> FilmReport:
        return colorize_film(
            FilmJob(source, output, **job), colorizer, tiny, film_options, report=report
        )  # type: ignore[arg-type]

    return color


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


@pytest.mark.parametrize(
    ("suffix", "result"), [(".mkv", ".mkv"), (".mp4", ".mp4"), (".mp4", ".mov"), (".mp4", ".mkv")]
)
def test_sound_is_copied(
    make_film: MakeFilm, pan: Pan, probe, run: Run, tmp_path: Path, suffix: str, result: str
) -> None:
    source = make_film(tmp_path / f"in{suffix}", pan("rocket", 5), codec="libx264", sound=0.5)
    run(source, tmp_path / f"out{result}")
    ours, theirs = probe.sound(tmp_path / f"out{result}"), probe.sound(source)
    assert [data for data, _ in ours] == [data for data, _ in theirs] and len(ours) > 3
    # Matroska has no times before 0 and shifts all
    starts = probe.times(tmp_path / f"out{result}")[0], probe.times(source)[0]
    assert [float(t - starts[0]) for _, t in ours] == pytest.approx(
        [float(t - starts[1]) for _, t in theirs], abs=2e-3
    )


def test_a_container_that_cannot_hold_the_sound_is_told_first(
    make_film: MakeFilm, pan: Pan, run: Run, tmp_path: Path
) -> None:
    source = make_film(tmp_path / "in.mp4", pan("rocket", 2), codec="libx264", sound=0.3)
    with pytest.raises(FilmError, match=r"\.webm cannot hold the sound .*choose \.mp4 or \.mkv"):
        run(source, tmp_path / "out.webm")
    source.rename(tmp_path / "in.avi")  # of a container that is not written
    with pytest.raises(FilmError, match=r"\.webm cannot hold the sound .*choose \.mkv or \.mp4"):
        run(tmp_path / "in.avi", tmp_path / "out.webm")
    (tmp_path / "in.avi").rename(source)
    assert [p.name for p in tmp_path.iterdir()] == ["in.mp4"]


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


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".webm"])
def test_a_film_says_that_it_was_colorized(
    make_film: MakeFilm, pan: Pan, run: Run, tmp_path: Path, pictures: Pictures, suffix: str
) -> None:
    Image.fromarray(pictures["coffee"]).save(tmp_path / "cup.png")
    source = make_film(
        tmp_path / "in.mkv",
        pan("coffee", 2),
        metadata={"comment": "summer of 1931", "title": "Holidays"},
    )
    run(source, tmp_path / f"out{suffix}", references=[tmp_path / "cup.png"])
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        said = {key.lower(): value for key, value in container.metadata.items()}
    assert said["title"] == "Holidays"
    assert said["comment"].startswith("summer of 1931; Colorized by Rechroma")
    assert said["comment"].endswith("the colors are not original. Colors from cup.png.")


def test_chapters_and_the_language_of_the_picture_are_kept(
    make_film: MakeFilm, pan: Pan, run: Run, tmp_path: Path
) -> None:
    source = make_film(tmp_path / "in.mkv", pan("coffee", 4))
    chapters = [
        {
            "id": i + 1,
            "start": 80 * i,
            "end": 80 * i + 80,
            "time_base": Fraction(1, 1000),
            "metadata": {"title": f"part {i}"},
        }
        for i in range(2)
    ]
    with av.open(str(source)) as plain, av.open(str(tmp_path / "chapters.mkv"), "w") as container:
        stream = container.add_stream_from_template(plain.streams.video[0])
        stream.metadata.update({"language": "deu", "title": "Bild"})
        container.set_chapters(chapters)
        for packet in plain.demux(plain.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                container.mux(packet)
    run(tmp_path / "chapters.mkv", tmp_path / "out.mkv")
    with av.open(str(tmp_path / "out.mkv")) as container:
        found = [
            (c["start"] * c["time_base"], c["end"] * c["time_base"], c["metadata"]["title"])
            for c in container.chapters()
        ]
        said = {key.lower(): value for key, value in container.streams.video[0].metadata.items()}
    assert found == [(Fraction(2 * i, 25), Fraction(2 * i + 2, 25), f"part {i}") for i in range(2)]
    assert (said["language"], said["title"]) == ("deu", "Bild")


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


def test_the_track_that_plays_stays_the_one(
    make_film: MakeFilm, pan: Pan, run: Run, tmp_path: Path
) -> None:
    source = make_film(tmp_path / "in.mkv", pan("coffee", 4), sound=0.2)
    with av.open(str(source)) as plain, av.open(str(tmp_path / "two.mkv"), "w") as container:
        picture = container.add_stream_from_template(plain.streams.video[0])
        tracks = [container.add_stream_from_template(plain.streams.audio[0]) for _ in range(2)]
        tracks[0].disposition, tracks[1].disposition = (
            av.stream.Disposition(0),
            av.stream.Disposition.default,
        )
        for packet in plain.demux():
            if packet.dts is not None:
                for stream in [picture] if packet.stream.type == "video" else tracks:
                    packet.stream = stream
                    container.mux(packet)
    run(tmp_path / "two.mkv", tmp_path / "out.mkv")
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert [
            bool(s.disposition & av.stream.Disposition.default) for s in container.streams.audio
        ] == [False, True]


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_attachments_are_kept_where_they_can_be(
    make_film: MakeFilm, pan: Pan, run: Run, tmp_path: Path, suffix: str
) -> None:
    source = make_film(tmp_path / "plain.mkv", pan("coffee", 2))
    with av.open(str(source)) as plain, av.open(str(tmp_path / "in.mkv"), "w") as container:
        stream = container.add_stream_from_template(plain.streams.video[0])
        container.add_attachment("font.ttf", "application/x-truetype-font", b"letters")
        for packet in plain.demux(plain.streams.video[0]):
            if packet.size:
                packet.stream = stream
                container.mux(packet)
    report = run(tmp_path / "in.mkv", tmp_path / f"out{suffix}")
    with av.open(str(tmp_path / f"out{suffix}")) as result:
        kept = [(one.name, one.mimetype, bytes(one.data)) for one in result.streams.attachments]
    assert kept == (
        [("font.ttf", "application/x-truetype-font", b"letters")] if suffix == ".mkv" else []
    )
    assert len(report.notes) == (suffix != ".mkv")


def test_films_joined_byte_by_byte_are_told_before_the_work(
    make_film: MakeFilm, pan: Pan, run: Run, tmp_path: Path
) -> None:
    part = make_film(tmp_path / "part.mpg", pan("coffee", 24), codec="mpeg2video")
    (tmp_path / "both.mpg").write_bytes(2 * part.read_bytes())
    with pytest.raises(
        FilmError,
        match=r"both\.mpg: its time starts over after .* s, .*ffmpeg -i .*both\.mpg -c copy joined\.mkv",
    ):
        run(tmp_path / "both.mpg", tmp_path / "out.mkv")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["both.mpg", "part.mpg"]


def test_interlaced_films_are_noted(
    make_film: MakeFilm, pan: Pan, run: Run, tmp_path: Path
) -> None:
    flags = av.codec.context.Flags.interlaced_dct | av.codec.context.Flags.interlaced_me
    source = make_film(tmp_path / "in.mpg", pan("coffee", 6), codec="mpeg2video", flags=flags)
    assert any("it is interlaced" in note for note in run(source, tmp_path / "out.mkv").notes)


def test_digits_that_are_no_numbers_in_names(frame_dir: Path) -> None:
    (frame_dir / "frame_2.png").rename(frame_dir / "frame_1\u00b2.png")
    names = [path.name for path in frame_paths(frame_dir)]
    assert sorted(names) == sorted(path.name for path in frame_dir.glob("*.png"))
    assert names.index("frame_3.png") < names.index("frame_10.png")


# --- folders of pictures


@pytest.fixture
def frame_dir(tmp_path: Path, pan: Pan) -> Path:
    """Twelve frames named frame_1.png .. frame_12.png, and a text."""
    folder = tmp_path / "frames"
    folder.mkdir()
    for i, gray in enumerate(pan("coffee", 12), 1):
        Image.fromarray(gray).save(folder / f"frame_{i}.png")
    (folder / "notes.txt").write_text("not a picture\n")
    return folder


def test_a_folder_becomes_a_folder(frame_dir: Path, run: Run, tmp_path: Path) -> None:
    report = run(frame_dir, tmp_path / "out")
    assert report.frames == 12
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(
        f"frame_{i}.png" for i in range(1, 13)
    )
    for path in sorted((tmp_path / "out").iterdir()):
        result = np.asarray(Image.open(path)).astype(int)
        gray = np.asarray(Image.open(frame_dir / path.name)).astype(int)
        assert np.ptp(result, 2).mean() > 2  # colored
        assert np.abs(result @ [0.2126, 0.7152, 0.0722] - gray).mean() < 6  # and not mixed up
        assert "the colors are not original" in Image.open(path).getexif()[0x010E]
    with pytest.raises(ValueError, match="exists already"):
        run(frame_dir, tmp_path / "out")
    run(frame_dir, tmp_path / "out", overwrite=True)


def test_each_picture_tells_the_references_of_its_own_scene(
    colorizer: ColorizationPipeline,
    tiny: ColorizeOptions,
    index_dir: Path,
    pan: Pan,
    tmp_path: Path,
) -> None:
    (tmp_path / "frames").mkdir()
    for i, gray in enumerate([*pan("coffee", 5), *pan("rocket", 3)]):
        Image.fromarray(gray).save(tmp_path / "frames" / f"{i}.png")
    pipeline = ColorizationPipeline(
        colorizer.backbone, PhotoIndex.open(index_dir), colorizer.network
    )
    every = replace(tiny, method="training-free")  # weak matches too
    report = colorize_film(
        FilmJob(tmp_path / "frames", tmp_path / "out"), pipeline, every, FilmOptions(min_scene=2)
    )
    (first, *_), (second, *_) = (scene.references for scene in report.scenes)
    told = colorize_film(
        FilmJob(tmp_path / "frames", tmp_path / "automatic"),
        pipeline,
        tiny,
        FilmOptions(min_scene=2),
    )
    assert told.notes.count(UNLIKE) == 1 and [] in [scene.references for scene in told.scenes]
    for i in range(8):
        own, other = (
            Path(path).name for path, _ in ((first, second) if i < 5 else (second, first))
        )
        told = Image.open(tmp_path / "out" / f"{i}.png").getexif()[0x010E]
        assert own in told and other not in told


def test_the_report_is_about_the_pictures_of_the_result_only(
    frame_dir: Path, run: Run, tmp_path: Path
) -> None:
    """Not about others of the output folder."""
    (tmp_path / "among").mkdir()
    Image.new("RGB", (64, 48), "red").save(tmp_path / "among" / "frame_13.png")
    for name in ("alone", "among"):
        run(frame_dir, tmp_path / name, report=tmp_path / f"{name}.json")
    alone, among = (
        json.loads((tmp_path / name).read_text())["cdc"] for name in ("alone.json", "among.json")
    )
    assert alone == among > 0


def test_a_folder_becomes_a_film_in_the_order_of_numbers(
    frame_dir: Path, run: Run, probe, tmp_path: Path
) -> None:
    run(frame_dir, tmp_path / "out.mp4", FilmOptions(quality=0, frame_rate=12.0))
    assert probe.times(tmp_path / "out.mp4") == [Fraction(i, 12) for i in range(12)]
    for i, luma in enumerate(probe.lumas(tmp_path / "out.mp4"), 1):
        gray = np.asarray(Image.open(frame_dir / f"frame_{i}.png")).astype(float)
        np.testing.assert_allclose(luma, 16 + gray * 219 / 255, atol=1.01)


@pytest.mark.parametrize("rate", [0.5, 0.1])
def test_slide_shows(frame_dir: Path, run: Run, probe, tmp_path: Path, rate: float) -> None:
    run(frame_dir, tmp_path / "out.mkv", FilmOptions(quality=0, frame_rate=rate))
    assert probe.times(tmp_path / "out.mkv") == [
        Fraction(i) / Fraction(rate).limit_denominator() for i in range(12)
    ]


def test_a_folder_on_another_disk(
    frame_dir: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.replace

    def across(path: Path, target: Path) -> Path:
        if path.parent != target.parent:
            raise OSError(errno.EXDEV, "Invalid cross-device link", str(path))
        return real(path, target)

    monkeypatch.setattr(Path, "replace", across)
    run(frame_dir, tmp_path / "out")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(
        f"frame_{i}.png" for i in range(1, 13)
    )
    assert not list(tmp_path.glob(".out*"))


def test_pictures_of_several_sizes_make_no_film(frame_dir: Path, run: Run, tmp_path: Path) -> None:
    Image.new("L", (10, 10)).save(frame_dir / "frame_5.png")
    with pytest.raises(
        FilmError, match=r"frame_5\.png: is 10x10 pixels, the pictures before 64x48"
    ):
        run(frame_dir, tmp_path / "out.mp4")
    assert run(frame_dir, tmp_path / "out").frames == 12


def test_two_pictures_with_one_result_are_refused(
    frame_dir: Path, run: Run, tmp_path: Path
) -> None:
    Image.new("L", (64, 48)).save(frame_dir / "frame_3.gif")
    with pytest.raises(
        FilmError, match=r"frame_3\.gif and .*frame_3\.png would both be written to .*frame_3\.png"
    ):
        run(frame_dir, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_without_pictures(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(FilmError, match="holds no pictures"):
        run(tmp_path / "empty", tmp_path / "out")
