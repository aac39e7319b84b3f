"""Colorize files one after the other and go on past bad ones."""

import struct
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from colorization.batch.explanation import attribution, write_explanation
from colorization.batch.jobs import Job, beside, explanation_paths
from colorization.batch.manifest import Manifest, Stamp, stamp_of
from colorization.batch.request import Wishes
from colorization.batch.target_colors import recolored
from colorization.inference.picture_features import PictureFeatures
from colorization.inference.prepared_photo import PreparedPhoto
from colorization.inference.reference_checks import read_reference
from colorization.options import ColorizeOptions
from colorization.photo_files.contact_sheet import Cell, thumbnail, write_sheet
from colorization.photo_files.provenance import credited
from colorization.photo_files.staged_files import Staged, staging
from colorization.photo_files.writer import encode_picture, what_is_lost
from colorization.pipeline import ColorizationPipeline
from colorization.result import Colorized
from retrieval.photos.reader import (
    DamagedPictureError,
    Picture,
    PictureError,
    read_picture,
)
from retrieval.stage_clock import stage

# torch has no memory; tags too large for a format
CURE = "; --allow-damaged colorizes what can be read"
PASSED = "it has colors already; --recolor colorizes it all the same"
EXPECTED = (ValueError, OSError, MemoryError, RuntimeError, struct.error)


@dataclass(frozen=True)
class Outcome:
    """What became of a job.

    Attributes:
        job: see Job.
        references: path and scores of each reference; of variants also the result that it gave.
        seconds: from file to file.
        error: one line, empty if the result was written.
        notes: lines worth telling.
        cells: thumbnails for a contact sheet.
        results: the files that were written; several only of variants.
        passed: why the photo was passed over, empty if it was not.
    """

    job: Job
    references: list[dict[str, object]] = field(default_factory=list)
    seconds: float = 0.0
    error: str = ""
    notes: list[str] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    results: list[Path] = field(default_factory=list)
    passed: str = ""

    def as_dict(self, has_variants: bool = False) -> dict[str, object]:
        """For JSON; the output is a list if variants were asked for, and None if there is none."""
        outputs = [str(path) for path in self.results]
        output = outputs if has_variants else next(iter(outputs), None)
        return {"input": str(self.job.input_path), "output": output, **self.facts()}

    def facts(self) -> dict[str, object]:
        """What is known but for the files."""
        return {
            "references": self.references,
            "seconds": round(self.seconds, 3),
            "error": self.error or None,
            "notes": self.notes,
            "passed": self.passed or None,
        }


def run_jobs(
    jobs: Sequence[Job],
    pipeline: ColorizationPipeline,
    wishes: Wishes,
    options: ColorizeOptions,
    done: Callable[[Outcome], None],
    num_cells: int = 0,
    manifest: Manifest | None = None,
    overwrite: bool = False,
) -> None:
    """Colorize every job; a file that fails is reported and the next one is taken.

    Args:
        jobs: from plan_jobs.
        pipeline: with an index if references are to be recommended.
        wishes: for all jobs; no references takes recommended ones, or none without an index.
        options: see ColorizeOptions.
        done: called with each outcome.
        num_cells: how many outcomes carry thumbnails for a contact sheet, the first ones.
        manifest: learns of each outcome before its files appear.
        overwrite: whether results may be replaced that somebody else has written or changed.

    Raises:
        PictureError: a given reference or palette cannot be used.
    """
    references = [read_reference(path) for path in wishes.references]
    palette = read_reference(wishes.palette, "palette picture") if wishes.palette else None
    described = [pipeline.describe(reference, options) for reference in references]
    worker = _Worker(pipeline, wishes, references, described, palette, options, manifest, overwrite)
    for job in jobs:
        start, seen = time.perf_counter(), stamp_of(job.input_path)
        try:
            outcome = worker.run(job, start, seen, num_cells > 0)
            num_cells -= bool(outcome.cells)
        except EXPECTED as error:
            line = str(error) if str(job.input_path) in str(error) else f"{job.input_path}: {error}"
            line += CURE if isinstance(error, DamagedPictureError) else ""
            outcome = Outcome(job, error=line, seconds=time.perf_counter() - start)
            if manifest:
                manifest.add(job, seen, outcome.facts(), {}, _is_lasting(error))
        done(outcome)


def describe_recommendation(recommendation: object) -> dict[str, object]:
    """A recommendation for JSON: path and each part of its score."""
    return {
        k: str(v) if isinstance(v, Path) else round(v, 4) for k, v in vars(recommendation).items()
    }


@dataclass
class _Making:
    """What the results of one job add up to, while they are made.

    Attributes:
        target: thumbnail of the input; nothing if no thumbnails are wanted.
        lent: of the references.
        made: of the results.
        references: see Outcome.
        notes: likewise.
        results: likewise.
    """

    target: list[Cell]
    lent: list[Cell] = field(default_factory=list)
    made: list[Cell] = field(default_factory=list)
    references: list[dict[str, object]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    results: list[Path] = field(default_factory=list)


@dataclass(frozen=True)
class _Worker:
    """What all jobs of a run share."""

    pipeline: ColorizationPipeline
    wishes: Wishes
    references: list[np.ndarray]
    described: list[PictureFeatures]
    palette: np.ndarray | None
    options: ColorizeOptions
    manifest: Manifest | None
    overwrite: bool

    def run(self, job: Job, start: float, seen: Stamp | None, with_cells: bool) -> Outcome:
        with stage("reading"):
            picture = read_picture(job.input_path, self.wishes.allow_damaged)
        colored = recolored(picture)
        if colored and self.manifest and not self.wishes.recolor:
            outcome = Outcome(job, passed=PASSED)
            self.manifest.add(job, seen, outcome.facts(), {})
            return outcome
        points = [point.on(picture.rgb, job.input_path) for point in self.wishes.points]
        variants = self.wishes.extras.variants
        making = _Making([Cell(thumbnail(picture.rgb), "target")] if with_cells or variants else [])
        with staging() as files:
            for path, prepared in self._attempts(job, picture, making):
                result = self.pipeline.apply(prepared, self.options, points, self.palette)
                self._write(path, result, prepared, picture, files, making)
            making.notes += [*colored, *what_is_lost(picture, job.output_path)]
            if variants:
                rows = [
                    [*making.target, *making.made],
                    [Cell(np.zeros_like(making.target[0].rgb), ""), *making.lent],
                ]
                write_sheet(files.add(beside(job.output_path, "-variants", ".png")), rows)
            cells = (
                [*making.target, *(() if variants else making.lent), *making.made]
                if with_cells
                else []
            )
            seconds = time.perf_counter() - start
            outcome = Outcome(
                job,
                making.references,
                seconds,
                notes=making.notes,
                cells=cells,
                results=making.results,
            )
            outdated: list[Path] = []
            if self.manifest:
                self._check_unchanged(job, self.manifest)
                written = files.flush()
                outdated = self.manifest.outdated(job, written)
                self.manifest.add(job, seen, outcome.facts(), written)
        for path in outdated:
            path.unlink(missing_ok=True)
        return outcome

    def _check_unchanged(self, job: Job, manifest: Manifest) -> None:
        """Refuse to replace what somebody has retouched since the run began, which may be hours ago."""
        for path in self.wishes.extras.files(job.output_path):
            if not self.overwrite and manifest.is_foreign(path):
                raise ValueError(f"{path}: was written by another program meanwhile; it is kept")

    def _attempts(
        self, job: Job, picture: Picture, making: _Making
    ) -> Iterator[tuple[Path, PreparedPhoto]]:
        """Where results go, and the photo matched for each; what is missing is noted."""
        results = self.wishes.extras.results(job.output_path)
        if not self.wishes.extras.variants:
            yield (
                results[0],
                self.pipeline.prepare(picture.rgb, self.described or None, self.options),
            )
            return
        made, unreadable = 0, []
        for candidate in self.pipeline.candidates(
            picture.rgb, len(results), self.options.same_class
        ):
            if made == len(results):
                return
            try:
                prepared = self.pipeline.prepare(picture.rgb, [candidate], self.options)
            except PictureError as error:
                unreadable.append(str(error))
                making.notes.append(f"reference skipped: {error}")
                continue
            yield results[made], prepared
            made += 1
        if not made:
            raise ValueError(
                f"none of the recommended photos can be read; the first: {unreadable[0]}; have the photos moved?"
            )
        if made < len(results):
            making.notes.append(
                f"only {made} of {len(results)} variants: the index has no more references for this photo"
            )

    def _write(
        self,
        path: Path,
        result: Colorized,
        prepared: PreparedPhoto,
        picture: Picture,
        files: Staged,
        making: _Making,
    ) -> None:
        """Write one result and what explains it, and add it to what is being made."""
        known = self._describe(result, path)
        shares = [
            (Path(str(one["path"])).name, share)
            for one, share in zip(known, result.influence, strict=True)
        ]
        palette = self.wishes.palette.name if self.wishes.palette else ""
        credit = credited(picture, shares, palette, len(self.wishes.points))
        with stage("writing"):
            encode_picture(files.add(path), result.rgb, credit, self.wishes.quality)
        making.results.append(path)
        making.references += known
        making.notes += [f"reference skipped: {line}" for line in result.skipped]
        extras = self.wishes.extras
        if not (making.target or extras.explain):
            return
        shown = [read_reference(r.path) for r in result.references] or self.references
        if extras.explain:
            picture_path, json_path = (files.add(one) for one in explanation_paths(path))
            found = attribution(prepared.match, self.options, self.wishes.palette is not None)
            pairs = list(zip(shown, known, strict=True))
            write_explanation(picture_path, json_path, (picture.rgb, result.rgb), pairs, found)
        if making.target:
            making.made.append(
                Cell(thumbnail(result.rgb), path.stem if extras.variants else "result")
            )
            making.lent += [
                Cell(thumbnail(lent), _caption(one)) for lent, one in zip(shown, known, strict=True)
            ]

    def _describe(self, result: Colorized, path: Path) -> list[dict[str, object]]:
        shares = [round(share, 3) for share in result.influence]
        if not result.references:
            return [
                {"path": str(p), "influence": s}
                for p, s in zip(self.wishes.references, shares, strict=True)
            ]
        made = {"result": path.name} if self.wishes.extras.variants else {}
        return [
            {**describe_recommendation(r), "influence": s, **made}
            for r, s in zip(result.references, shares, strict=True)
        ]


def _caption(known: dict[str, object]) -> str:
    name, score = Path(str(known["path"])).name, known.get("score")
    return name if score is None else f"{name} {score:.2f}"


def _is_lasting(error: BaseException) -> bool:
    """Whether an input would fail again while it does not change: it is no picture, and no disk, memory or extra was missing."""
    cause = error.__cause__
    missing = isinstance(cause, (MemoryError, ImportError)) or getattr(cause, "errno", None)
    return isinstance(error, PictureError) and not missing
