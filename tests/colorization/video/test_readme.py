"""The tables of the README, done: every cell is what really happens."""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from odd_films import odd_film

from colorization.video.container.trial import check_container, prepared_sound
from colorization.video.film_reader import SUFFIXES, Film, FilmError

Pan = Callable[..., list[np.ndarray]]
README = Path(__file__).parents[3] / "colorization" / "video" / "README.md"
# containers that hold sound which others do not
HOLDERS = {"adpcm_ms": ".avi", "amr_nb": ".3gp", "pcm_mulaw": ".mov"}


def rows(first: str) -> list[list[str]]:
    """Cells of the table whose head begins with a word, with the head."""
    text = README.read_text("utf-8")
    table = text[text.index(f"| {first} |") :].partition("\n\n")[0]
    lines = [[cell.strip() for cell in line[1:-1].split("|")] for line in table.splitlines()]
    return [lines[0], *lines[2:]]


def test_all_containers_are_in_the_tables() -> None:
    assert set(rows("sound")[0][1:]) == set(rows("what")[0][1:]) == set(SUFFIXES)


@pytest.mark.parametrize("cells", rows("sound")[1:], ids=lambda cells: cells[0])
def test_sound(cells: list[str], pan: Pan, tmp_path: Path) -> None:
    by_option = cells[0].startswith("--sound ")
    name = "adpcm_ms" if by_option else cells[0]
    suffix = HOLDERS.get(name, ".mkv")
    codec = "libx264" if suffix == ".mkv" else "mpeg4"
    film = Film(odd_film(tmp_path / f"in{suffix}", pan("coffee", 2), codec, [name]))
    chosen = cells[0].removeprefix("--sound ") if by_option else "copy"
    sound = prepared_sound(film, tmp_path, chosen)
    for output, cell in zip(rows("sound")[0][1:], cells[1:], strict=True):
        if cell == "refused":
            with pytest.raises(FilmError, match=rf"\{output} cannot hold the sound of .*--sound"):
                check_container(film, tmp_path / f"out{output}", tmp_path, sound)
        else:
            assert check_container(film, tmp_path / f"out{output}", tmp_path, sound) == []
            assert cell == ("converted" if by_option else "kept")


def with_attachment(path: Path, lumas: list[np.ndarray]) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.add_attachment("a.ttf", "application/x-truetype-font", b"a font")
        for luma in lumas:
            frame = av.VideoFrame.from_ndarray(luma, format="gray").reformat(format="yuv420p")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("cells", rows("what")[1:], ids=lambda cells: cells[0])
def test_beside(cells: list[str], pan: Pan, tmp_path: Path) -> None:
    lumas, path = pan("coffee", 2), tmp_path / "in.mkv"
    makers: dict[str, Callable[[], Path]] = {
        "timecode": lambda: odd_film(path.with_suffix(".mov"), lumas, timecode="01:02:03:04"),
        "cover picture": lambda: odd_film(path.with_suffix(".mp4"), lumas, cover="mjpeg"),
        "fonts and other attachments": lambda: with_attachment(path, lumas),
        "second video track": lambda: odd_film(path, lumas, tracks=2),
    }
    film = Film(makers[cells[0]]())
    for output, cell in zip(rows("what")[0][1:], cells[1:], strict=True):
        lines = check_container(film, tmp_path / f"out{output}", tmp_path)
        assert len(lines) == (cell == "told"), (output, lines)
