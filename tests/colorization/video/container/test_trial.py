"""What a container cannot hold is told before the first frame, with what helps."""

from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from odd_films import odd_film
from PIL import Image

from colorization.video.container import joining
from colorization.video.container.trial import check_container, prepared_sound
from colorization.video.film_reader import Film, FilmError
from colorization.video.frame_folder import PictureFilm

Pan = Callable[..., list[np.ndarray]]

# sound, container and codec of pictures: as old cameras and programs wrote them
OLD = {
    "PCM in AVI": ("pcm_s16le", ".avi", "mpeg4"),
    "ADPCM in AVI": ("adpcm_ima_wav", ".avi", "mpeg4"),
    "ADPCM of Microsoft": ("adpcm_ms", ".avi", "mpeg4"),
    "µ-law in QuickTime": ("pcm_mulaw", ".mov", "mpeg4"),
    "AMR in 3GP": ("amr_nb", ".3gp", "mpeg4"),
    "MPEG": ("mp2", ".mpg", "mpeg2video"),
}


@pytest.mark.parametrize(
    ("kind", "output", "cure"),
    [
        ("PCM in AVI", ".m4v", "choose .mkv or .mp4, or --sound aac converts the sound"),
        ("PCM in AVI", ".webm", "choose .mkv or .mp4, or --sound opus converts the sound"),
        ("ADPCM in AVI", ".mp4", "--sound aac converts the sound"),
        ("ADPCM of Microsoft", ".mkv", "--sound aac converts the sound"),
        ("µ-law in QuickTime", ".mp4", "choose .mov, or --sound aac converts the sound"),
        ("AMR in 3GP", ".mkv", "choose .mov, or --sound aac converts the sound"),
    ],
)
def test_the_line_names_what_can(
    pan: Pan, tmp_path: Path, kind: str, output: str, cure: str
) -> None:
    sound, suffix, codec = OLD[kind]
    path = odd_film(tmp_path / f"in{suffix}", pan("coffee", 2), codec, [sound])
    with pytest.raises(FilmError) as caught:
        check_container(Film(path), tmp_path / f"out{output}", tmp_path)
    said = f"{tmp_path / 'out'}{output}: {output} cannot hold the sound of {path}; {cure}"
    assert str(caught.value) == said
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", OLD)
def test_what_the_line_names_does_help(pan: Pan, tmp_path: Path, kind: str) -> None:
    """In every container, sound of every kind passes in one of the two codecs."""
    sound, suffix, codec = OLD[kind]
    film = Film(odd_film(tmp_path / f"in{suffix}", pan("coffee", 2), codec, [sound]))
    aac = prepared_sound(film, tmp_path, "aac")
    opus = prepared_sound(film, tmp_path, "opus")
    for output in (".mp4", ".m4v", ".mov", ".mkv"):
        assert check_container(film, tmp_path / f"out{output}", tmp_path, aac) == []
    assert check_container(film, tmp_path / "out.webm", tmp_path, opus) == []


@pytest.mark.parametrize("layout", ["mono", "stereo"])
def test_plain_sound_of_avi_is_kept_in_mp4(pan: Pan, tmp_path: Path, layout: str) -> None:
    """AVI says how many channels there are, not which."""
    lumas = pan("coffee", 2)
    path = odd_film(tmp_path / "in.avi", lumas, "mpeg4", ["pcm_s16le"], layout=layout)
    assert check_container(Film(path), tmp_path / "out.mp4", tmp_path) == []


def test_sound_is_tried_to_its_end(
    pan: Pan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A muxer may refuse a packet long after the header."""
    real = joining.copied_packets

    def failing(*args: object) -> Iterator[av.Packet]:
        for number, packet in enumerate(real(*args)):  # type: ignore[arg-type]
            if number > 20 and packet.stream.container.format.name != "matroska":
                raise ValueError("Application provided invalid timestamps")
            yield packet

    path = odd_film(tmp_path / "in.mkv", pan("coffee", 2), "libx264", ["aac"], seconds=1.0)
    monkeypatch.setattr(joining, "copied_packets", failing)
    with pytest.raises(FilmError, match=r"\.mp4 cannot hold the sound of .*; choose \.mkv"):
        check_container(Film(path), tmp_path / "out.mp4", tmp_path)


def test_a_folder_of_pictures_has_nothing_beside(tmp_path: Path) -> None:
    Image.new("L", (20, 10), 90).save(tmp_path / "1.png")
    film = PictureFilm(tmp_path, 25.0)
    assert check_container(film, tmp_path / "out.webm", tmp_path) == []
    assert prepared_sound(film, tmp_path, "aac") is None


def test_a_film_without_sound_needs_none_converted(pan: Pan, tmp_path: Path) -> None:
    film = Film(odd_film(tmp_path / "in.mp4", pan("coffee", 2)))
    assert prepared_sound(film, tmp_path, "aac") is None
    assert check_container(film, tmp_path / "out.webm", tmp_path) == []


def test_sound_is_converted_once(pan: Pan, tmp_path: Path) -> None:
    film = Film(odd_film(tmp_path / "in.mkv", pan("coffee", 2), "libx264", ["pcm_s16le"]))
    path = prepared_sound(film, tmp_path, "aac")
    assert path is not None
    stamp = path.stat().st_mtime_ns
    assert prepared_sound(film, tmp_path, "aac") == path and path.stat().st_mtime_ns == stamp
