"""Planes of frames: mirrored and turned in eight ways, and HDR by hand."""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from odd_films import odd_film

from colorization.video.film_reader import Film
from colorization.video.frame_planes import lies_on_its_side, matrix_of_display, upright
from colorization.video.yuv import BT709
from retrieval.photos.color.hdr_curves import HLG, PQ

Pan = Callable[..., list[np.ndarray]]
ONE = 1 << 16
# matrix (a, b, c, d): where x goes is (a, b), where y goes is (c, d); and what numpy makes of it
WAYS = {
    (1, 0, 0, 1): lambda p: p,
    (-1, 0, 0, 1): np.fliplr,
    (1, 0, 0, -1): np.flipud,
    (-1, 0, 0, -1): lambda p: np.rot90(p, 2),
    (0, 1, 1, 0): np.transpose,
    (0, 1, -1, 0): lambda p: np.rot90(p, -1),
    (0, -1, 1, 0): lambda p: np.rot90(p, 1),
    (0, -1, -1, 0): lambda p: np.rot90(p, 2).T,
}


@pytest.mark.parametrize("way", WAYS)
def test_eight_ways_from_a_file(pan: Pan, tmp_path: Path, way: tuple[int, ...]) -> None:
    a, b, c, d = (ONE * v for v in way)
    luma = pan("coffee", 1)[0]
    path = odd_film(tmp_path / "in.mp4", [luma], matrix=(a, b, 0, c, d, 0, 0, 0, 1 << 30))
    film = Film(path)
    (frame,) = film.frames()
    np.testing.assert_array_equal(frame.luma, WAYS[way](luma))
    (rgb,) = film.rgb_frames()
    assert rgb.shape[:2] == frame.luma.shape
    with av.open(str(path)) as container:
        matrix = matrix_of_display(next(container.decode(video=0)))
    assert matrix == ((a, b, c, d) if way != (1, 0, 0, 1) else matrix)
    assert lies_on_its_side(matrix) == (way[0] == 0)


def test_turning_a_matrix_by_players_equals_ours(rng: np.random.Generator) -> None:
    """FFmpeg's own: x' = a x + c y, y' = b x + d y, of every pixel's place about the middle."""
    plane = rng.integers(0, 255, (3, 5))
    for way in WAYS:
        a, b, c, d = way
        found = upright(plane, way)
        y, x = np.mgrid[0:3, 0:5]
        across, down = a * x + c * y, b * x + d * y
        wanted = np.zeros_like(found)
        wanted[down - down.min(), across - across.min()] = plane
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(
    ("transfer", "code", "light"),
    [
        (PQ, 0.0, 0.0),
        (PQ, 0.58069, 1.0),  # 203 cd/m², by ITU-R BT.2408
        (HLG, 0.0, 0.0),
        (HLG, 0.75, 1.0),  # likewise
    ],
)
def test_hdr_becomes_a_usual_screens(
    tmp_path: Path, transfer: int, code: float, light: float
) -> None:
    """Reference white gets 0.8 of the screen's light by the knee, about 91 % of its signal."""
    level = round(64 + 876 * code)
    luma = np.full((48, 64), level, np.uint16)
    film = Film(odd_film(tmp_path / "in.mkv", [luma] * 2, "libx265", transfer=transfer))
    frame = next(film.frames())
    rest = 0.4
    shown = 0.6 + rest * (1 - np.exp(-0.2 / rest)) if light else 0.0
    assert frame.luma.mean() == pytest.approx(16 + 219 * shown ** (1 / 2.4), abs=1.5)
    assert (film.coding.matrix, film.primaries, film.transfer) == (BT709, BT709, BT709)
    name = "PQ" if transfer == PQ else "HLG"
    told = f"HDR ({name}) became the range of a usual screen (BT.709), by a fixed tone curve"
    assert film.notes == [told, "10 bits became 8"]


def test_brighter_stays_brighter(tmp_path: Path) -> None:
    """A ramp through all codes of PQ neither clips below its end nor turns back."""
    luma = np.broadcast_to(np.linspace(64, 800, 64).astype(np.uint16), (48, 64))
    film = Film(odd_film(tmp_path / "in.mkv", [luma], "libx265", transfer=PQ))
    row = next(film.frames()).luma[20].astype(int)
    assert (np.diff(row) >= 0).all() and row[0] <= 17 and 225 < row[-1] <= 235
    assert len(set(row.tolist())) > 45
