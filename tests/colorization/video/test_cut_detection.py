"""Where films cut, on made ones: pans, flicker, noise, flashes and fades are no cuts."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from colorization.video.cut_detection import CutFinder
from colorization.video.options import FilmOptions

Pan = Callable[..., list[np.ndarray]]


def cuts(film: Sequence[np.ndarray], **options: object) -> list[int]:
    finder = CutFinder(FilmOptions(**options))  # type: ignore[arg-type]
    return [i for i, gray in enumerate(film) if finder.is_cut(gray)]


def test_a_cut_between_two_pans(pan: Pan) -> None:
    assert cuts([*pan("coffee", 12), *pan("rocket", 10), *pan("chelsea", 9)]) == [0, 12, 22]


def test_a_pan_with_noise_and_flicker_is_one_scene(pan: Pan, rng: np.random.Generator) -> None:
    film = [
        gray * (1.0 + 0.08 * (i % 2)) + rng.normal(0, 8, gray.shape)
        for i, gray in enumerate(pan("coffee", 30))
    ]
    assert cuts([np.clip(gray, 0, 255).astype(np.uint8) for gray in film]) == [0]


def test_a_fast_pan_is_one_scene(pan: Pan) -> None:
    assert cuts(pan("astronaut", 30, 60, 40)[::4]) == [0]


def test_a_fade_is_no_cut(pan: Pan) -> None:
    assert cuts(
        [(gray * (i / 24)).astype(np.uint8) for i, gray in enumerate(pan("coffee", 25))]
    ) == [0]


def test_a_flash_makes_no_short_scenes(pan: Pan) -> None:
    """The flash itself may begin a scene, but the frame after it does not."""
    film = pan("coffee", 30)
    film[15] = np.full_like(film[15], 250)
    found = cuts(film)
    assert found in ([0], [0, 15])
    assert len(cuts(film, min_scene=1)) >= len(found)


def test_a_strobe_is_one_scene(pan: Pan) -> None:
    """Every frame differs from the one before as much as after a cut."""
    assert cuts([*pan("coffee", 1), *pan("rocket", 1)] * 12) == [0]


def test_scenes_have_at_least_the_given_length(pan: Pan) -> None:
    film = [*pan("coffee", 5), *pan("rocket", 5), *pan("chelsea", 10)]
    assert cuts(film, min_scene=5) == [0, 5, 10]
    assert cuts(film, min_scene=6) == [0, 10]


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (64, 64)], ids=str)
def test_frames_of_every_size(size: tuple[int, int]) -> None:
    assert cuts([np.zeros(size, np.uint8)] * 9 + [np.full(size, 200, np.uint8)] * 3) == [0, 9]
