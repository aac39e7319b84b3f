"""What a film has besides its pictures: sound, names, chapters, attachments."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from colorization.video.film_reader import FilmError
from colorization.video.report import FilmReport

Pictures = dict[str, np.ndarray]
MakeFilm = Callable[..., Path]
Pan = Callable[..., list[np.ndarray]]
Run = Callable[..., FilmReport]


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
