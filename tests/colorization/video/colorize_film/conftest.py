"""Colorizing films at the smallest size."""

from collections.abc import Callable
from pathlib import Path

import pytest

from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline
from colorization.video.colorize_film import colorize_film
from colorization.video.job import FilmJob
from colorization.video.options import FilmOptions
from colorization.video.report import FilmReport

Run = Callable[..., FilmReport]
EXACT = FilmOptions(quality=0)


@pytest.fixture
def run(colorizer: ColorizationPipeline, tiny: ColorizeOptions) -> Run:
    """``run(source, output, film_options, report, **job)``: color a film."""

    def color(
        source: Path,
        output: Path,
        film_options: FilmOptions = EXACT,
        report: Path | None = None,
        **job: object,
    ) -> FilmReport:
        return colorize_film(
            FilmJob(source, output, **job), colorizer, tiny, film_options, report=report
        )  # type: ignore[arg-type]

    return color
