"""Films without pictures, with a broken index, several tracks, in color: never half done."""

import struct
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from click.testing import Result
from odd_films import odd_film
from PIL import Image

from colorization.video.film_reader import Film, FilmError

Pan = Callable[..., list[np.ndarray]]
Cli = Callable[..., Result]
Refused = Callable[..., str]


def test_a_film_of_no_frames(cli: Cli, refused: Refused, pan: Pan, tmp_path: Path) -> None:
    """A header and nothing behind it, as a recorder leaves that was switched off."""
    source = odd_film(tmp_path / "in.mkv", pan("coffee", 2))
    data = source.read_bytes()
    source.write_bytes(data[: data.index(b"\x1f\x43\xb6\x75")])  # the first cluster
    refused(cli("video", source, "--output", tmp_path / "out.mp4"), source, "no frame")
    assert [p.name for p in tmp_path.iterdir()] == ["in.mkv"]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
def test_a_broken_index_is_one_line_or_no_matter(
    cli: Cli, refused: Refused, pan: Pan, tmp_path: Path, suffix: str
) -> None:
    """Without it Matroska is read from the front; of the others nothing is made by halves."""
    name = {".mp4": b"stco", ".mkv": b"\x1c\x53\xbb\x6b", ".avi": b"idx1"}[suffix]
    codec = "mpeg4" if suffix == ".avi" else "libx264"
    source = odd_film(tmp_path / f"in{suffix}", pan("coffee", 4), codec)
    data = bytearray(source.read_bytes())
    place = data.rindex(name) + 8
    data[place : place + 24] = b"\xff" * 24
    source.write_bytes(data)
    if suffix == ".mkv":
        assert len(list(Film(source).frames())) == 4
    else:
        refused(cli("video", source, "--output", tmp_path / "out.mp4"), source)
        assert [p.name for p in tmp_path.iterdir()] == [source.name]


def test_an_mp4_cut_before_its_index(pan: Pan, tmp_path: Path) -> None:
    source = odd_film(tmp_path / "in.mp4", pan("coffee", 4))
    data = source.read_bytes()
    source.write_bytes(data[: data.index(b"moov") - 4])
    with pytest.raises(FilmError, match=r"in\.mp4: "):
        Film(source)


def test_the_track_that_players_show_is_colored(pan: Pan, tmp_path: Path) -> None:
    """Of two, the one that the file calls its default."""
    source = odd_film(tmp_path / "in.mkv", pan("coffee", 2), tracks=2)
    with av.open(str(source)) as container:
        first, second = container.streams.video
        assert first.width == second.width
    np.testing.assert_array_equal(next(Film(source).frames()).luma, pan("coffee", 2)[0])


def test_a_film_in_color_is_told(
    cli: Cli, make_film: Callable[..., Path], pan: Pan, tmp_path: Path, quick: None
) -> None:
    """One of a single hue is toned, and counts as gray; here each half has its own."""
    source = tmp_path / "in.mkv"
    with av.open(str(source), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv444p"
        for luma in pan("coffee", 3):
            planes = np.stack((luma, np.full_like(luma, 90), np.full_like(luma, 160)))
            planes[1:, :, 32:] = 255 - planes[1:, :, 32:]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(planes, format="yuv444p")))
        container.mux(stream.encode())
    result = cli("video", source, "--output", tmp_path / "out.mp4")
    assert result.exit_code == 0
    assert "note: it has colors already; they are replaced\n" in result.stderr
    toned = make_film(tmp_path / "toned.mkv", pan("coffee", 3))
    assert "colors already" not in cli("video", toned, "--output", tmp_path / "b.mp4").stderr


def test_an_absurd_size_is_one_line(pan: Pan, tmp_path: Path) -> None:
    source = odd_film(tmp_path / "in.avi", pan("coffee", 2), "mjpeg", pix_fmt="yuvj420p")
    data = bytearray(source.read_bytes())
    place = data.index(b"strf") + 8
    struct.pack_into("<ii", data, place + 4, 2_000_000_000, 2_000_000_000)
    source.write_bytes(data)
    try:
        assert len(list(Film(source, allow_damaged=True).frames())) <= 2
    except FilmError as error:
        assert str(error).startswith(f"{source}: ") and "\n" not in str(error)


def test_an_animated_webp_is_not_called_damaged(
    cli: Cli, refused: Refused, pan: Pan, tmp_path: Path
) -> None:
    first, *others = [Image.fromarray(gray) for gray in pan("coffee", 3)]
    for name in ("in.webp", "in.gif"):
        first.save(tmp_path / name, save_all=True, append_images=others, duration=100)
    output, words = tmp_path / "out.mp4", "is an animated WebP, which FFmpeg cannot read; save it"
    refused(cli("video", tmp_path / "in.webp", "--output", output), tmp_path / "in.webp", words)
    assert len(list(Film(tmp_path / "in.gif").frames())) == 3  # which the error advises
    first.save(tmp_path / "still.webp")
    assert len(list(Film(tmp_path / "still.webp").frames())) == 1
