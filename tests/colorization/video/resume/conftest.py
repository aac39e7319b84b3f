"""Films that are stopped on the way, and taken up again."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from stopped_films import SHORT, StoppedError

from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline
from colorization.video.colorize_film import colorize_film
from colorization.video.job import FilmJob
from colorization.video.options import FilmOptions
from colorization.video.report import FilmReport

MakeFilm = Callable[..., Path]
Pan = Callable[..., list[np.ndarray]]


@pytest.fixture
def run(colorizer: ColorizationPipeline, tiny: ColorizeOptions) -> Callable[..., FilmReport]:
    """Color a film; ``stop_at=(what, done)`` stops it when progress says so."""

    def color(
        source: Path,
        output: Path,
        stop_at: tuple[str, int] = ("", 0),
        film_options: FilmOptions = SHORT,
        report: Path | None = None,
        **job: object,
    ) -> FilmReport:
        def progress(what: str, done: int, total: int) -> None:
            if (what, done) == stop_at:
                raise StoppedError

        asked = FilmJob(source, output, **job)  # type: ignore[arg-type]
        return colorize_film(asked, colorizer, tiny, film_options, progress, report)

    return color


@pytest.fixture
def two_scenes(make_film: MakeFilm, pan: Pan, tmp_path: Path) -> Path:
    """Five frames and three of another scene."""
    return make_film(
        tmp_path / "in.mp4", [*pan("coffee", 5), *pan("rocket", 3)], sound=0.3, codec="libx264"
    )


@pytest.fixture
def frame_dir(pan: Pan, tmp_path: Path) -> Path:
    """Seven pictures."""
    (tmp_path / "in").mkdir()
    for i, gray in enumerate(pan("coffee", 7)):
        Image.fromarray(gray).save(tmp_path / "in" / f"{i}.png")
    return tmp_path / "in"
