"""Colorize files one after the other and go on past bad ones."""

import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from colorization.batch.explanation import attribution, write_explanation
from colorization.batch.jobs import Job, beside, explanation_paths
from colorization.batch.manifest import RunManifest
from colorization.batch.manifest_lines import Stamp, stamp_of
from colorization.batch.outcome import Outcome, describe_recommendation
from colorization.batch.request import Request
from colorization.batch.target_colors import recolored
from colorization.batch.variants import Way, most_different, ways_of
from colorization.inference.picture_features import PictureFeatures
from colorization.inference.prepared_photo import PreparedPhoto
from colorization.inference.reference_checks import read_reference
from colorization.messages import reason
from colorization.network.hints import Point
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
from retrieval.safe_files import FullDiskError
from retrieval.search.recommendation import Recommendation
from retrieval.stage_clock import stage

CURE = "; --allow-damaged colorizes what can be read"
PASSED = "it has colors already; --recolor colorizes it all the same"
# the last two: torch has no memory; tags are too large for a format
EXPECTED = (ValueError, OSError, MemoryError, RuntimeError, struct.error)


def run_jobs(
    jobs: Sequence[Job],
    pipeline: ColorizationPipeline,
    request: Request,
    options: ColorizeOptions,
    done: Callable[[Outcome], None],
    num_cells: int = 0,
    manifest: RunManifest | None = None,
    overwrite: bool = False,
) -> None:
    """Colorize every job; a file that fails is reported and the next one is taken.

    Args:
        jobs: from plan_jobs.
        pipeline: with an index if references are to be recommended.
        request: for all jobs; no references takes recommended ones, or none without an index.
        options: see ColorizeOptions.
        done: called with each outcome.
        num_cells: how many outcomes carry thumbnails for a contact sheet, the first ones.
        manifest: learns of each outcome before its files appear.
        overwrite: whether results may be replaced that somebody else has written or changed.

    Raises:
        PictureError: a given reference or palette cannot be used.
        FullDiskError: there is no room for a result.
    """
    references = [read_reference(path) for path in request.references]
    palette = read_reference(request.palette, "palette picture") if request.palette else None
    described = [pipeline.describe(reference, options) for reference in references]
    worker = _Worker(
        pipeline, request, references, described, palette, options, manifest, overwrite
    )
    for job in jobs:
        start, seen = time.perf_counter(), stamp_of(job.input_path)
        try:
            outcome = worker.run(job, start, seen, num_cells > 0)
            num_cells -= bool(outcome.cells)
        except FullDiskError:  # it holds no other result either
            raise
        except EXPECTED as error:
            told = reason(error)
            line = told if str(job.input_path) in told else f"{job.input_path}: {told}"
            line += CURE if isinstance(error, DamagedPictureError) else ""
            outcome = Outcome(job, error=line, seconds=time.perf_counter() - start)
            if manifest:
                manifest.add(job, seen, outcome.facts(), {}, _is_lasting(error))
        done(outcome)


@dataclass
class _Making:
    """What the results of one job add up to, while they are made.

    Attributes:
        target: thumbnail of the input; nothing if no thumbnails are wanted.
        lent: of the references.
        made: of the results.
        references: of the outcome.
        notes: of the outcome.
        results: of the outcome.
        variants: of the outcome.
    """

    target: list[Cell]
    lent: list[Cell] = field(default_factory=list)
    made: list[Cell] = field(default_factory=list)
    references: list[dict[str, object]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    results: list[Path] = field(default_factory=list)
    variants: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Attempt:
    """A result that is to be written: where, from what, and what it is."""

    path: Path
    prepared: PreparedPhoto
    way: Way


@dataclass(frozen=True)
class _Worker:
    """What all jobs of a run share."""

    pipeline: ColorizationPipeline
    request: Request
    references: list[np.ndarray]
    described: list[PictureFeatures]
    palette: np.ndarray | None
    options: ColorizeOptions
    manifest: RunManifest | None
    overwrite: bool

    def run(self, job: Job, start: float, seen: Stamp | None, with_cells: bool) -> Outcome:
        with stage("reading"):
            picture = read_picture(job.input_path, self.request.allow_damaged)
        colored = recolored(picture)
        if colored and self.manifest and not self.request.recolor:
            outcome = Outcome(job, passed=PASSED)
            self.manifest.add(job, seen, outcome.facts(), {})
            return outcome
        points = [point.on(picture.rgb, job.input_path) for point in self.request.points]
        variants = self.request.extras.variants
        making = _Making([Cell(thumbnail(picture.rgb), "target")] if with_cells or variants else [])
        with staging() as files:
            for attempt in self._attempts(job, picture, points):
                result = self._apply(attempt, points)
                self._write(attempt, result, picture, files, making)
            making.notes += [*colored, *what_is_lost(picture, job.output_path)]
            if variants and len(making.made) < variants:
                making.notes.append(
                    f"only {len(making.made)} of {variants} results;"
                    " any other looks like one of these"
                )
            if variants:
                rows = [[*making.target, *making.made], making.lent]
                path = files.add(beside(job.output_path, "-variants", ".png"))
                write_sheet(path, [row for row in rows if row])
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
                notes=list(dict.fromkeys(making.notes)),
                cells=cells,
                results=making.results,
                variants=making.variants if variants else [],
            )
            outdated: list[Path] = []
            if self.manifest:
                self._check_unchanged(job, self.manifest)
                written = files.flush()
                outdated = [
                    path
                    for path in self.manifest.outdated(job, written)
                    if self.request.extras.replaces(path, job.output_path)
                ]
                self.manifest.add(job, seen, outcome.facts(), written)
        for path in outdated:
            path.unlink(missing_ok=True)
        return outcome

    def _check_unchanged(self, job: Job, manifest: RunManifest) -> None:
        """Refuse to replace what somebody has retouched since the run began, perhaps hours ago."""
        for path in self.request.extras.files(job.output_path):
            if not self.overwrite and manifest.is_foreign(path):
                raise ValueError(f"{path}: was written by another program meanwhile; it is kept")

    def _attempts(self, job: Job, picture: Picture, points: Sequence[Point]) -> list[_Attempt]:
        """What is to be written: one result, or several of which no two look alike."""
        paths = self.request.extras.results(job.output_path)
        rgb, options, given = picture.rgb, self.options, self.described
        prepared = self.pipeline.prepare(rgb, given or None, options)
        references: Sequence[PictureFeatures | Recommendation] = given or prepared.references
        used = tuple(range(len(references)))
        if not self.request.extras.variants:
            return [_Attempt(paths[0], prepared, Way("result", options, used))]
        names = [path.name for path in self.request.references]
        names = names or [one.path.name for one in prepared.references]
        by_network = self.pipeline.network_for(options) is not None
        matched, small, tried = {used: prepared}, thumbnail(rgb), []
        for way in ways_of(options, used, names, by_network):
            if way.picks not in matched:
                picked = [references[i] for i in way.picks]
                matched[way.picks] = self.pipeline.prepare(rgb, picked, options)
            tried.append(_Attempt(paths[0], replace(matched[way.picks], target=small), way))
        looks = [self._apply(one, points).rgb for one in tried]
        chosen = [tried[i] for i in most_different(looks, len(paths))]
        return [
            _Attempt(path, matched[one.way.picks], one.way)
            for path, one in zip(paths, chosen, strict=False)
        ]

    def _apply(self, attempt: _Attempt, points: Sequence[Point]) -> Colorized:
        return self.pipeline.apply(attempt.prepared, attempt.way.options, points, self.palette)

    def _write(
        self,
        attempt: _Attempt,
        result: Colorized,
        picture: Picture,
        files: Staged,
        making: _Making,
    ) -> None:
        """Write one result and what explains it, and add it to what is being made."""
        path, way = attempt.path, attempt.way
        known = self._describe(result, attempt)
        shares = [
            (Path(str(one["path"])).name, share)
            for one, share in zip(known, result.influence, strict=True)
        ]
        palette = self.request.palette.name if self.request.palette else ""
        credit = credited(picture, shares, palette, len(self.request.points))
        with stage("writing"):
            encode_picture(files.add(path), result.rgb, credit, self.request.quality)
        making.results.append(path)
        making.variants.append(way.caption)
        making.references += known
        making.notes += [f"reference skipped: {line}" for line in result.skipped]
        making.notes += [result.note] if result.note else []
        extras = self.request.extras
        if not (making.target or extras.explain):
            return
        given = [self.references[i] for i in way.picks] if self.references else []
        shown = [read_reference(r.path) for r in result.references] or given
        if extras.explain:
            picture_path, json_path = (files.add(one) for one in explanation_paths(path))
            overruled = self.request.palette is not None
            found = attribution(attempt.prepared.match, way.options, overruled)
            pairs = list(zip(shown, known, strict=True))
            write_explanation(picture_path, json_path, (picture.rgb, result.rgb), pairs, found)
        if making.target:
            number = f"{len(making.results)} " if extras.variants else ""
            making.made.append(Cell(thumbnail(result.rgb), f"{number}{way.caption}"))
            if len(making.results) == 1:  # the first has all of them
                cells = zip(shown, known, strict=True)
                making.lent += [Cell(thumbnail(lent), _caption(one)) for lent, one in cells]

    def _describe(self, result: Colorized, attempt: _Attempt) -> list[dict[str, object]]:
        shares = [round(share, 3) for share in result.influence]
        made = {"result": attempt.path.name} if self.request.extras.variants else {}
        if not result.references:
            paths = list(self.request.references)
            used = [paths[i] for i in attempt.way.picks] if paths else []
            return [
                {"path": str(path), "influence": share, **made}
                for path, share in zip(used, shares, strict=True)
            ]
        return [
            {**describe_recommendation(r), "influence": s, **made}
            for r, s in zip(result.references, shares, strict=True)
        ]


def _caption(known: dict[str, object]) -> str:
    name, score = Path(str(known["path"])).name, known.get("score")
    return name if score is None else f"{name} {score:.2f}"


def _is_lasting(error: BaseException) -> bool:
    """Whether it is the input that fails, and will again: no disk, memory or extra was missing."""
    cause = error.__cause__
    missing = isinstance(cause, (MemoryError, ImportError)) or getattr(cause, "errno", None)
    return isinstance(error, PictureError) and not missing
