"""Media that cannot be used, and what would lose something: one line, and nothing is lost."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from click.testing import Result
from PIL import Image

from colorization.pipeline import ColorizationPipeline
from colorization.video import frame_sinks as sinks
from colorization.video.container.segment_writer import SegmentWriter
from colorization.video.film_reader import Film, FilmError
from colorization.video.job import FilmJob
from colorization.video.report import check_report

MakeFilm = Callable[..., Path]
Pan = Callable[..., list[np.ndarray]]
Cli = Callable[..., Result]
Refused = Callable[..., str]
Listing = Callable[[Path], dict[str, bytes]]


def damage(path: Path, start: float, stop: float, kind: str) -> Path:
    """Cut a file off at a share of its length, or overwrite from one share to another."""
    data = bytearray(path.read_bytes())
    first, last = int(len(data) * start), int(len(data) * stop)
    if kind == "cut":
        data = data[:first]
    else:
        data[first:last] = (
            np.random.default_rng(0).integers(0, 256, last - first, dtype=np.uint8).tobytes()
        )
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("kind", ["empty", "text", "cut", "garbage", "sound only", "missing"])
def test_unusable_media_are_one_line(
    cli: Cli,
    refused: Refused,
    make_film: MakeFilm,
    pan: Pan,
    tmp_path: Path,
    listing: Listing,
    suffix: str,
    kind: str,
) -> None:
    source = tmp_path / f"in{suffix}"
    if kind in ("cut", "garbage"):
        lumas = [np.asarray(Image.fromarray(luma).resize((128, 96))) for luma in pan("coffee", 20)]
        make_film(source, lumas, codec="libx264")
        damage(source, 0.6, 0.8, kind) if kind == "cut" else damage(source, 0.4, 0.7, kind)
    elif kind == "sound only":
        make_sound(source)
    elif kind != "missing":
        source.write_bytes(b"" if kind == "empty" else b"not a film\n" * 100)
    old = tmp_path / "old.mp4"
    old.write_bytes(b"an earlier result")
    before = listing(tmp_path)
    refused(cli("video", source, "--output", tmp_path / "new.mp4"), source)
    refused(cli("video", source, "--output", old, "--overwrite"), source)
    assert listing(tmp_path) == before


def make_sound(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac" if path.suffix == ".mp4" else "pcm_s16le", rate=8000)
        samples = av.AudioFrame.from_ndarray(
            np.zeros((1, 1024), np.int16), format="s16", layout="mono"
        )
        samples.sample_rate, samples.pts = 8000, 0
        for packet in [*stream.encode(samples), *stream.encode()]:
            container.mux(packet)


def test_damage_can_be_allowed(make_film: MakeFilm, pan: Pan, tmp_path: Path) -> None:
    """Of a film that is cut off, the first frames can be read."""
    lumas = [np.asarray(Image.fromarray(luma).resize((128, 96))) for luma in pan("coffee", 20)]
    source = damage(make_film(tmp_path / "in.mkv", lumas, codec="libx264"), 0.6, 0.8, "cut")
    with pytest.raises(FilmError, match=r"damaged at 0\.\d s .*--allow-damaged"):
        list(Film(source).frames())
    film = Film(source, allow_damaged=True)
    found = list(film.frames())
    assert 0 < len(found) < 20
    np.testing.assert_array_equal(found[0].luma, lumas[0])
    assert len(film.notes) == 1 and "damaged" in film.notes[0]


def test_a_bad_frame_of_a_folder(
    cli: Cli, refused: Refused, pan: Pan, tmp_path: Path, listing: Listing
) -> None:
    (tmp_path / "frames").mkdir()
    for i, gray in enumerate(pan("coffee", 3)):
        Image.fromarray(gray).save(tmp_path / "frames" / f"{i}.png")
    (tmp_path / "frames" / "1.png").write_bytes(b"")
    before = listing(tmp_path)
    refused(
        cli("video", tmp_path / "frames", "--output", tmp_path / "out"),
        tmp_path / "frames" / "1.png",
        "empty",
    )
    assert listing(tmp_path) == before


def test_a_bad_reference(
    cli: Cli,
    refused: Refused,
    make_film: MakeFilm,
    pan: Pan,
    tmp_path: Path,
    gray_path: Path,
    listing: Listing,
) -> None:
    source = make_film(tmp_path / "in.mkv", pan("coffee", 2))
    before = listing(tmp_path)
    for reference, said in ((gray_path, "gray"), (tmp_path / "missing.png", "no such file")):
        refused(
            cli("video", source, "--output", tmp_path / "out.mp4", "--reference", reference),
            reference,
            said,
        )
    refused(
        cli("video", source, "--output", tmp_path / "out.mp4", "--method", "training-free"),
        "needs a --reference",
    )
    refused(
        cli("video", source, "--output", tmp_path / "out.mp4", "--report", source),
        source,
        "--report",
    )
    assert listing(tmp_path) == before


@pytest.mark.parametrize(
    "name",
    [
        "folder",
        "photo.jpg",
        "other.json",
        "list.json",
        "frames/0.png",
        "out/0.png",
        "out",
        "cut/r.json",
    ],
)
def test_a_report_that_cannot_or_should_not_be_written_is_told_before_the_work(
    cli: Cli,
    refused: Refused,
    pan: Pan,
    tmp_path: Path,
    listing: Listing,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    monkeypatch.setattr(ColorizationPipeline, "load", lambda *_, **__: pytest.fail("loaded"))
    (tmp_path / "frames").mkdir()
    Image.fromarray(pan("coffee", 1)[0]).save(tmp_path / "frames" / "0.png")
    (tmp_path / "folder").mkdir()
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8 a photo")
    (tmp_path / "other.json").write_text('{"input": "a thesis"}')
    (tmp_path / "list.json").write_text('["input", "output"]')
    (tmp_path / "cut").write_text("a file")
    before = listing(tmp_path)
    run = ("video", tmp_path / "frames", "--output", tmp_path / "out", "--report", tmp_path / name)
    refused(cli(*run), tmp_path / name)
    if name not in ("photo.jpg", "other.json", "list.json"):
        refused(cli(*run, "--overwrite"), tmp_path / name)
    assert listing(tmp_path) == before


def test_an_earlier_report_is_replaced_and_never_another_file(tmp_path: Path) -> None:
    job, path = FilmJob(tmp_path / "in.mp4", tmp_path / "out.mp4"), tmp_path / "report.json"
    check_report(path, job)
    figures = dict.fromkeys(("input", "output", "frames", "cdc", "cdc_of_luminance", "scenes"))
    path.write_text(json.dumps(figures))
    check_report(path, job)
    for text in (
        json.dumps(figures)[:-1],
        '{"a":' * 100_000,
        json.dumps({**figures, "cdc": 1}).replace("cdc", "CDC"),
    ):
        path.write_text(text)
        for one in (job, replace(job, overwrite=True)):
            with pytest.raises(
                ValueError,
                match=r"report\.json: exists already and is no report of a film; choose another",
            ):
                check_report(path, one)


def test_without_pyav_one_line_says_how_to_get_it(
    cli: Cli, refused: Refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    refused(
        cli("video", tmp_path / "in.mp4", "--output", tmp_path / "out.mp4"),
        'pip install -e ".[video]"',
    )


@pytest.mark.parametrize("step", ["write", "join"])
def test_a_full_disk_leaves_nothing_half_written(
    cli: Cli,
    refused: Refused,
    make_film: MakeFilm,
    pan: Pan,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    quick: None,
    step: str,
) -> None:
    """What was finished is kept for another try, under a hidden name; the old result stays."""

    trial = [SegmentWriter.write]  # which succeeds: the disk is full only later

    def full(*args: object) -> None:
        if step == "write" and trial:
            return trial.pop()(*args)  # type: ignore[arg-type]
        raise av.error.OSError(28, "No space left on device")

    source, output = make_film(tmp_path / "in.mkv", pan("coffee", 2)), tmp_path / "out.mp4"
    output.write_bytes(b"an earlier result")
    monkeypatch.setattr(
        *((SegmentWriter, "write", full) if step == "write" else (sinks, "join", full))
    )
    refused(
        cli("video", source, "--output", output, "--overwrite"), output, "No space left on device"
    )
    assert output.read_bytes() == b"an earlier result"
    assert sorted(p.name for p in tmp_path.iterdir()) == [".out.mp4.rechroma", "in.mkv", "out.mp4"]
    monkeypatch.undo()
    assert cli("video", source, "--output", output, "--overwrite").exit_code == 0
    assert (
        sorted(p.name for p in tmp_path.iterdir()) == ["in.mkv", "out.mp4"]
        and Film(output).num_frames == 2
    )
