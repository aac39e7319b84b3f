"""What became of a film, in figures."""

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from colorization.measures.cdc import color_distribution_consistency
from colorization.staging import staging
from colorization.video.job import FilmJob, open_source
from colorization.video.media import Film
from colorization.video.options import FilmOptions
from colorization.video.pictures import PictureFilm
from colorization.video.plan import Scene


@dataclass(frozen=True)
class FilmReport:
    """What became of a film.

    Attributes:
        frames: of the film.
        scenes: first frame and references of each.
        colored: frames that this run has colored; the others an earlier run had.
        seconds: that coloring them took.
        notes: lines worth telling.
    """

    frames: int
    scenes: list[Scene]
    colored: int
    seconds: float
    notes: list[str]


def film_cdc(film: Film | PictureFilm) -> tuple[float, float]:
    """CDC of a film and of its luminance."""
    grays = (np.repeat(frame.gray[..., None], 3, 2) for frame in film.frames())
    return color_distribution_consistency(film.rgb_frames()), color_distribution_consistency(grays)


def write_report(path: Path, report: FilmReport, job: FilmJob, film_options: FilmOptions) -> None:
    """Write figures of a run as JSON: CDC of the result beside that of its luminance, frames a second, scenes."""
    cdc, luminance = film_cdc(open_source(job.output_path, film_options))
    figures = {
        "input": str(job.input_path),
        "output": str(job.output_path),
        "references": [str(path) for path in job.references],
        "frames": report.frames,
        "cdc": None if math.isnan(cdc) else cdc,
        "cdc_of_luminance": None if math.isnan(luminance) else luminance,
        "frames_colored": report.colored,
        "seconds": round(report.seconds, 3),
        "frames_per_second": round(report.colored / report.seconds, 3) if report.colored else None,
        "scenes": [vars(scene) for scene in report.scenes],
        "notes": report.notes,
    }
    with staging() as files:
        files.add(path).write_text(json.dumps(figures, indent=1))
