"""What became of a film, in figures."""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from colorization.evaluation.measures.cdc import color_distribution_consistency
from colorization.inference.pictures.picture_arrays import as_rgb
from colorization.photo_files.staged_files import staging
from colorization.photo_files.writer import check_writable
from colorization.video.film_reader import Film
from colorization.video.frame_folder import PictureFilm, frame_paths
from colorization.video.job import FilmJob, result_paths
from colorization.video.scene_plan import Scene

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class FilmReport:
    """What became of a film.

    Attributes:
        frames: of the film.
        scenes: first frame and references of each.
        lent: file names of the references, each once.
        colored: frames that this run has colored; the others an earlier run had.
        seconds: that coloring them took.
        notes: lines worth telling.
    """

    frames: int
    scenes: list[Scene]
    lent: list[str]
    colored: int
    seconds: float
    notes: list[str]


def check_report(path: Path, job: FilmJob) -> None:
    """Refuse a report that cannot be written or would replace something else, before any work.

    Args:
        path: of the report.
        job: whose input, references and results the report must not replace.

    Raises:
        ValueError: it is a folder or in one that cannot be written, it is a file of the same run,
            or there is something that is no report.
    """
    files = [job.input_path, job.output_path, *job.references]
    files += [*frame_paths(job.input_path), *result_paths(job)] if job.input_path.is_dir() else []
    if path.resolve() in {file.resolve() for file in files}:
        raise ValueError(
            f"{path}: the report would replace a file of this run; choose another --report"
        )
    if path.is_dir():
        raise ValueError(f"{path}: is a folder; choose another --report")
    if path.exists() and not _is_report(path):
        raise ValueError(
            f"{path}: exists already and is no report of a film; choose another --report"
        )
    check_writable(path)


def write_report(
    path: Path, report: FilmReport, job: FilmJob, result: Film | PictureFilm, progress: Progress
) -> None:
    """Write figures of a run as JSON: CDC of the result and of its luminance, speed, scenes.

    Args:
        path: of the JSON.
        report: what became of the film.
        job: what was asked for.
        result: the colored film, wherever it lies.
        progress: see colorize_film.
    """

    def told(what: str, frames: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        for done, frame in enumerate(frames, 1):
            progress(what, done, report.frames)
            yield frame

    cdc = color_distribution_consistency(told("measuring colors", result.rgb_frames()))
    grays = (as_rgb(frame.gray) for frame in result.frames())
    luminance = color_distribution_consistency(told("measuring luminance", grays))
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
        "scenes": [_told(scene, job) for scene in report.scenes],
        "notes": report.notes,
    }
    with staging() as files:
        files.add(path).write_text(json.dumps(figures, indent=1))


def _told(scene: Scene, job: FilmJob) -> dict[str, object]:
    """Frames of a scene, and path and score of its references; given ones have no score."""
    given = [(str(path), None) for path in job.references]
    return {**vars(scene), "references": given or scene.references}


def _is_report(path: Path) -> bool:
    """Whether there is what write_report writes; of films and photos, one byte is read."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        text = file.read() if file.peek(1)[:1] == b"{" else b""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return (
        isinstance(found, dict)
        and {"input", "output", "frames", "cdc", "cdc_of_luminance", "scenes"} <= found.keys()
    )
