"""Looking through a film: scenes, their middle frames, timestamps, and the file that keeps them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from colorization.video.film_reader import Film
from colorization.video.options import FilmOptions
from colorization.video.scene_plan import CANDIDATES, KEY_SIDE, Plan, make_plan, read_key, read_plan

MakeFilm = Callable[..., Path]
Pan = Callable[..., list[np.ndarray]]
SHORT = FilmOptions(min_scene=2)


def look(film: Film, folder: Path, recommended: list[np.ndarray] | None = None) -> Plan:
    def recommend(key: np.ndarray) -> tuple[list[tuple[str, float]], list[str]]:
        if recommended is not None:
            recommended.append(key)
        return [("photo.jpg", 0.5)], ["one is missing"]

    return make_plan(film, folder, SHORT, recommend, lambda done, total: None)


def test_the_key_frame_is_the_middle_of_its_scene(
    make_film: MakeFilm, pan: Pan, tmp_path: Path
) -> None:
    """Seven and five frames, luma as gray (full range)."""
    lumas = [*pan("coffee", 7), *pan("rocket", 5)]
    keys: list[np.ndarray] = []
    plan = look(Film(make_film(tmp_path / "in.mkv", lumas, color_range=2)), tmp_path, keys)
    assert [(scene.start, scene.stop) for scene in plan.scenes] == [(0, 7), (7, 12)]
    assert plan.num_frames == 12
    for i, middle in enumerate((3, 9)):
        np.testing.assert_array_equal(keys[i], lumas[middle])
        np.testing.assert_array_equal(read_key(tmp_path, i), lumas[middle])


def test_the_key_frame_of_a_long_scene_is_near_its_middle(
    make_film: MakeFilm, tmp_path: Path
) -> None:
    """Brighter by one from frame to frame; few frames are kept, but evenly."""
    count = 5 * CANDIDATES + 3
    lumas = [np.full((32, 32), 20 + i, np.uint8) for i in range(count)]
    look(Film(make_film(tmp_path / "in.mkv", lumas, color_range=2)), tmp_path)
    assert int(read_key(tmp_path, 0)[0, 0]) - 20 == pytest.approx(
        (count - 1) / 2, abs=count / CANDIDATES
    )


def test_large_key_frames_are_kept_small(make_film: MakeFilm, tmp_path: Path) -> None:
    look(Film(make_film(tmp_path / "in.mkv", [np.zeros((1100, 1604), np.uint8)])), tmp_path)
    height, width = read_key(tmp_path, 0).shape
    assert (KEY_SIDE <= height < 2 * KEY_SIDE) and width / height == pytest.approx(
        1604 / 1100, rel=0.01
    )


def test_a_plan_is_read_as_it_was_written(make_film: MakeFilm, pan: Pan, tmp_path: Path) -> None:
    plan = look(
        Film(make_film(tmp_path / "in.mkv", [*pan("coffee", 3), *pan("rocket", 3)])), tmp_path
    )
    plan.save(tmp_path / "plan.json")
    assert read_plan(tmp_path / "plan.json") == plan
    assert plan.scenes[1].references == [("photo.jpg", 0.5)]
    assert plan.notes == ["one is missing"]  # once, not for each scene
    assert list(plan.timing.pts) == [0, 40, 80, 120, 160, 200]
