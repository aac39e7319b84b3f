"""The report tells what each scene was colored from, recommended or given."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from colorization.video.film_reader import Film
from colorization.video.job import FilmJob
from colorization.video.report import FilmReport, write_report
from colorization.video.scene_plan import Scene

Pan = Callable[..., list[np.ndarray]]


@pytest.mark.parametrize("given", [(), (Path("mine.jpg"),)])
def test_references_of_scenes(
    make_film: Callable[..., Path], pan: Pan, tmp_path: Path, given: tuple[Path, ...]
) -> None:
    source = make_film(tmp_path / "in.mkv", pan("coffee", 2))
    scenes = [Scene(0, 1, [("a.jpg", 0.5)]), Scene(1, 2, [])]
    found = FilmReport(2, scenes, [], 2, 1.0, ["a note"])
    job = FilmJob(source, tmp_path / "out.mp4", given)
    write_report(tmp_path / "r.json", found, job, Film(source), lambda what, done, total: None)
    told = json.loads((tmp_path / "r.json").read_text())
    own = [[["mine.jpg", None]]] * 2 if given else [[["a.jpg", 0.5]], []]
    assert [scene["references"] for scene in told["scenes"]] == own
    assert (told["frames"], told["notes"], told["frames_per_second"]) == (2, ["a note"], 2.0)
