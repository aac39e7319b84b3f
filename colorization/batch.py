"""Colorize files: plan where results go, refuse what would lose something, go on past bad files."""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from colorization.hints import Point, chroma_of
from colorization.options import ColorizeOptions
from colorization.output import check_output, output_suffix, write_picture
from colorization.pipeline import ColorizationPipeline, Colorized
from colorization.sheet import Cell, thumbnail
from colorization.working import read_reference
from retrieval.pictures import list_pictures, read_picture, to_uint8


@dataclass(frozen=True)
class Job:
    """One input and where its result goes."""

    input_path: Path
    output_path: Path


@dataclass(frozen=True)
class PixelPoint:
    """A color wanted at a pixel: column and row from the upper left corner, raw Lab chroma."""

    x: int
    y: int
    ab: tuple[float, float]

    def on(self, picture: np.ndarray, path: Path) -> Point:
        """The point on a picture.

        Raises:
            ValueError: the pixel is outside the picture.
        """
        height, width = picture.shape[:2]
        if not (0 <= self.x < width and 0 <= self.y < height):
            raise ValueError(f"{path}: the point {self.x},{self.y} is outside the picture of {width}x{height} pixels")
        return Point((self.x + 0.5) / width, (self.y + 0.5) / height, self.ab)


@dataclass(frozen=True)
class Wishes:
    """What is asked for all inputs: reference files, color points, a palette file."""

    references: Sequence[Path] = ()
    points: Sequence[PixelPoint] = ()
    palette: Path | None = None


def parse_point(text: str) -> PixelPoint:
    """Read ``X,Y,#RRGGBB``.

    Raises:
        ValueError: it is written otherwise, or the color is no color.
    """
    found = re.fullmatch(r"\s*(-?\d+)\s*,\s*(-?\d+)\s*,\s*#?([0-9a-fA-F]{6})\s*", text)
    if not found:
        raise ValueError(f"--point {text!r}: expected X,Y,#RRGGBB, as in 120,80,#c03020")
    rgb = torch.tensor(list(bytes.fromhex(found[3]))).view(3, 1, 1) / 255
    return PixelPoint(int(found[1]), int(found[2]), chroma_of(rgb))


@dataclass(frozen=True)
class Outcome:
    """What became of a job.

    Attributes:
        job: see Job.
        references: path and scores of each reference.
        seconds: from file to file.
        error: one line, empty if the result was written.
        notes: lines worth telling.
        cells: thumbnails for a contact sheet.
    """

    job: Job
    references: list[dict[str, object]] = field(default_factory=list)
    seconds: float = 0.0
    error: str = ""
    notes: list[str] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "input": str(self.job.input_path),
            "output": str(self.job.output_path) if not self.error else None,
            "references": self.references,
            "seconds": round(self.seconds, 3),
            "error": self.error or None,
            "notes": self.notes,
        }


def plan_jobs(
    inputs: Sequence[Path], output: Path, overwrite: bool, protected: Sequence[Path] = ()
) -> tuple[list[Job], list[Path]]:
    """Decide where each result goes.

    Args:
        inputs: files, and folders that are walked.
        output: the result's file for one input file, else a folder; structure below input folders is kept.
        overwrite: whether existing results may be replaced.
        protected: files that must not be replaced, besides the inputs.

    Returns:
        Jobs to do, and results that exist already and stay.

    Raises:
        FileNotFoundError: an input does not exist.
        ValueError: nothing to do, two inputs with one result, a result that would replace an input or a reference, an
            existing result for a single input, or an output that cannot be written.
    """
    single = len(inputs) == 1 and not inputs[0].is_dir()
    pairs: list[Job] = []
    for entry in inputs:
        if not entry.exists():
            raise FileNotFoundError(f"{entry}: no such file")
        if single and not output.is_dir():
            pairs.append(Job(entry, output))
            continue
        for path in _pictures(entry, output) if entry.is_dir() else [entry]:
            inside = path.relative_to(entry) if entry.is_dir() else Path(path.name)
            pairs.append(Job(path, output / inside.with_suffix(output_suffix(path.suffix))))
    if not pairs:
        raise ValueError(f"no pictures in {', '.join(map(str, inputs))}")
    _check_collisions(pairs, [*(job.input_path for job in pairs), *protected])
    if not single and output.exists() and not output.is_dir():
        raise ValueError(f"{output}: is a file; several inputs need a folder")
    check_output(pairs[0].output_path)
    existing = [job.output_path for job in pairs if job.output_path.exists() and not overwrite]
    if single and existing:
        raise ValueError(f"{existing[0]}: exists already; replace it with --overwrite")
    return [job for job in pairs if job.output_path not in existing], existing


def run_jobs(
    jobs: Sequence[Job],
    pipeline: ColorizationPipeline,
    wishes: Wishes,
    options: ColorizeOptions,
    done: Callable[[Outcome], None],
    with_cells: bool = False,
) -> None:
    """Colorize every job; a file that fails is reported and the next one is taken.

    Args:
        jobs: from plan_jobs.
        pipeline: with an index if references are to be recommended.
        wishes: references, points and palette for all jobs; no references takes recommended ones, or none without an index.
        options: see ColorizeOptions.
        done: called with each outcome.
        with_cells: whether outcomes carry thumbnails for a contact sheet.

    Raises:
        PictureError: a given reference or palette cannot be used.
    """
    references = [read_reference(path) for path in wishes.references]
    palette = read_reference(wishes.palette, "palette picture") if wishes.palette else None
    for job in jobs:
        start = time.perf_counter()
        try:
            outcome = _run(job, pipeline, wishes, references, palette, options, with_cells)
        except (ValueError, OSError, MemoryError, RuntimeError) as error:  # RuntimeError: torch has no memory
            outcome = Outcome(job, error=str(error) if str(job.input_path) in str(error) else f"{job.input_path}: {error}")
        done(Outcome(**{**outcome.__dict__, "seconds": time.perf_counter() - start}))


def _run(
    job: Job,
    pipeline: ColorizationPipeline,
    wishes: Wishes,
    references: list[np.ndarray],
    palette: np.ndarray | None,
    options: ColorizeOptions,
    with_cells: bool,
) -> Outcome:
    picture, paths = read_picture(job.input_path), wishes.references
    points = [point.on(picture.rgb, job.input_path) for point in wishes.points]
    result = pipeline.colorize(picture.rgb, references or None, options, points, palette)
    write_picture(job.output_path, result.rgb, picture)
    notes = [f"reference skipped: {line}" for line in result.skipped]
    if picture.rgb.dtype == np.uint16 and job.output_path.suffix.lower() not in (".tif", ".tiff"):
        notes.append("16 bits became 8; choose a .tif output to keep them")
    if picture.alpha is not None and job.output_path.suffix.lower() in (".jpg", ".jpeg"):
        notes.append("JPEG cannot hold transparency; choose a .png output to keep it")
    cells = _cells(picture.rgb, result, paths, references) if with_cells else []
    return Outcome(job, _describe(result, paths), notes=notes, cells=cells)


def _describe(result: Colorized, paths: Sequence[Path]) -> list[dict[str, object]]:
    shares = [round(share, 3) for share in result.influence]
    if not result.references:
        return [{"path": str(p), "influence": s} for p, s in zip(paths, shares, strict=True)]
    return [{**describe_recommendation(r), "influence": s} for r, s in zip(result.references, shares, strict=True)]


def describe_recommendation(recommendation: object) -> dict[str, object]:
    """A recommendation for JSON: path and each part of its score."""
    return {k: str(v) if isinstance(v, Path) else round(v, 4) for k, v in vars(recommendation).items()}


def _cells(target: np.ndarray, result: Colorized, paths: Sequence[Path], references: list[np.ndarray]) -> list[Cell]:
    if result.references:
        shown = [(read_reference(r.path), f"{r.path.name} {r.score:.2f}") for r in result.references]
    else:
        shown = [(rgb, path.name) for rgb, path in zip(references, paths, strict=True)]
    cells = [(to_uint8(target), "target"), *shown, (to_uint8(result.rgb), "result")]
    return [Cell(thumbnail(rgb), caption) for rgb, caption in cells]


def _pictures(folder: Path, output: Path) -> list[Path]:
    """The pictures of a folder without the results of an earlier run, where they lie below it."""
    inside = output.resolve()
    if inside == folder.resolve():
        return list(list_pictures(folder))
    return [path for path in list_pictures(folder) if not path.resolve().is_relative_to(inside)]


def _check_collisions(pairs: Sequence[Job], protected: Sequence[Path]) -> None:
    originals = {path.resolve() for path in protected}
    seen: dict[Path, Path] = {}
    for job in pairs:
        target = job.output_path.resolve()
        if target in originals:
            raise ValueError(f"{job.output_path}: the result would replace a picture that was given; choose another --output")
        if target in seen:
            raise ValueError(f"{seen[target]} and {job.input_path} would both be written to {job.output_path}")
        seen[target] = job.input_path
