"""Make what is wanted of one photo: its result or several, what explains them, and a sheet."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from colorization.batch.explanation import attribution, write_explanation
from colorization.batch.jobs import Job, beside, explanation_paths
from colorization.batch.manifest import RunManifest
from colorization.batch.manifest_lines import Stamp, stamp_of
from colorization.batch.outcome import Outcome, describe_recommendation
from colorization.batch.request import RunSettings
from colorization.batch.target_colors import HAS_COLORS, has_colors
from colorization.batch.variants import Way, closer_side, most_different, ways_of
from colorization.inference.picture_features import PictureFeatures
from colorization.inference.prepared_photo import PreparedPhoto
from colorization.inference.reference_checks import read_reference
from colorization.network.hints import Point
from colorization.photo_files.contact_sheet import Cell, thumbnail, write_sheet
from colorization.photo_files.provenance import credited
from colorization.photo_files.staged_files import Staged, staging
from colorization.photo_files.writer import check_size, encode_picture, what_is_lost
from colorization.result import Colorized
from retrieval.photos.reader import Picture, read_picture
from retrieval.search.recommendation import Recommendation
from retrieval.stage_clock import stage

PASSED = "it has colors already; --recolor colorizes it all the same"


@dataclass(frozen=True)
class _Making:
    """What the results of one job add up to, while they are made.

    Attributes:
        outcome: whose lists grow.
        target: thumbnail of the input; nothing if no thumbnails are wanted.
        lent: of the references.
        made: of the results.
    """

    outcome: Outcome
    target: list[Cell]
    lent: list[Cell] = field(default_factory=list)
    made: list[Cell] = field(default_factory=list)


@dataclass(frozen=True)
class _Attempt:
    """A result that is to be written: where, from what, and what it is."""

    path: Path
    prepared: PreparedPhoto
    way: Way


@dataclass(frozen=True)
class PhotoWorker:
    """What all photos of a run share.

    Attributes:
        settings: of the run.
        given: references that were given, as pictures; none beside a palette.
        described: the same as the networks see them.
        palette: the picture whose palette is taken, if one is.
        manifest: learns of each outcome before its files appear; None without one.
    """

    settings: RunSettings
    given: list[np.ndarray]
    described: list[PictureFeatures]
    palette: np.ndarray | None
    manifest: RunManifest | None

    @classmethod
    def of(cls, settings: RunSettings, manifest: RunManifest | None) -> "PhotoWorker":
        """Read given references and palette.

        Args:
            settings: of the run.
            manifest: of its folder; None for a single photo.

        Raises:
            PictureError: one of them cannot be used.
        """
        request, pipeline = settings.request, settings.pipeline
        if request.palette:  # it overrules references
            palette = read_reference(request.palette, "palette picture")
            return cls(settings, [], [], palette, manifest)
        given = [read_reference(path) for path in request.references]
        described = [pipeline.describe(rgb, settings.options) for rgb in given]
        return cls(settings, given, described, None, manifest)

    def run(self, job: Job, with_cells: bool) -> Outcome:
        """Make everything that is wanted of a photo; nothing appears unless all of it can be made.

        Args:
            job: the photo, and where its result goes.
            with_cells: whether the outcome carries thumbnails.

        Raises:
            PictureError: the photo cannot be read.
            ValueError, OSError, MemoryError, RuntimeError, struct.error: something else fails.
        """
        start, seen, request = time.perf_counter(), stamp_of(job.input_path), self.settings.request
        with stage("reading"):
            picture = read_picture(job.input_path, request.allow_damaged)
        check_size(job.output_path, picture.rgb)
        colored = has_colors(picture)
        if colored and self.manifest and not request.recolor:
            outcome = Outcome(job, passed=PASSED)
            self.manifest.add(job, seen, outcome.facts(), {})
            return outcome
        points = [point.on(picture.rgb, job.input_path) for point in request.points]
        with_target = with_cells or bool(request.extras.variants)
        target = [Cell(thumbnail(picture.rgb), job.input_path.name)] if with_target else []
        making = _Making(Outcome(job), target)
        with staging() as files:
            for attempt in self._attempts(job, picture, points):
                self._write(attempt, self._apply(attempt, points), picture, files, making)
            notes = making.outcome.notes
            notes.extend([HAS_COLORS] if colored else [])
            notes.extend(what_is_lost(picture, job.output_path))
            if request.extras.variants:
                self._write_variants(files, making)
            shown = [] if request.extras.variants else making.lent
            outcome = replace(
                making.outcome,
                seconds=time.perf_counter() - start,
                notes=list(dict.fromkeys(notes)),
                cells=[*making.target, *shown, *making.made] if with_cells else [],
            )
            outdated = self._commit(job, seen, outcome, files) if self.manifest else []
        for path in outdated:
            path.unlink(missing_ok=True)
        return outcome

    def _write_variants(self, files: Staged, making: _Making) -> None:
        """Write the sheet to choose from."""
        wanted = self.settings.request.extras.variants
        if len(making.made) < wanted:
            making.outcome.notes.append(
                f"only {len(making.made)} of {wanted} results; any other looks like one of these"
            )
        rows = [[*making.target, *making.made], making.lent]
        path = files.add(beside(making.outcome.job.output_path, "-variants", ".png"))
        write_sheet(path, [row for row in rows if row])

    def _commit(self, job: Job, seen: Stamp | None, outcome: Outcome, files: Staged) -> list[Path]:
        """Tell the manifest what is about to appear.

        Returns:
            Files of an earlier run that it replaces, and that are to go when it is there.

        Raises:
            ValueError: somebody has retouched a result since the run began, perhaps hours ago.
        """
        assert self.manifest is not None
        extras = self.settings.request.extras
        for path in extras.files(job.output_path):
            if not self.settings.overwrite and self.manifest.is_foreign(path):
                raise ValueError(f"{path}: was written by another program meanwhile; it is kept")
        written = files.flush()
        outdated = self.manifest.outdated(job, written)
        self.manifest.add(job, seen, outcome.facts(), written)
        return [path for path in outdated if extras.replaces(path, job.output_path)]

    def _attempts(self, job: Job, picture: Picture, points: Sequence[Point]) -> list[_Attempt]:
        """What is to be written: one result, or several of which no two look alike."""
        paths = self.settings.request.extras.results(job.output_path)
        rgb, options, given = picture.rgb, self.settings.options, self.described
        wanted = given or (None if self.palette is None else [])  # None recommends them
        prepared = self.settings.pipeline.prepare(rgb, wanted, options)
        references: Sequence[PictureFeatures | Recommendation] = given or prepared.references
        used = tuple(range(len(references)))
        if not self.settings.request.extras.variants:
            return [_Attempt(paths[0], prepared, Way("result", options, used))]
        names = [path.name for path in self.settings.request.references]
        names = names or [one.path.name for one in prepared.references]
        by_network = self.settings.pipeline.network_for(options) is not None
        finer = closer_side(options, min(rgb.shape[:2]))
        matched, small, tried = {(options.working_side, used): prepared}, thumbnail(rgb), []
        for way in ways_of(options, used, names, by_network, finer):
            if (key := (way.options.working_side, way.picks)) not in matched:
                is_finer = way.options.working_side != options.working_side
                lend = self.given if is_finer and given else references
                picked = [lend[i] for i in way.picks]
                matched[key] = self.settings.pipeline.prepare(rgb, picked, way.options)
            tried.append(_Attempt(paths[0], replace(matched[key], target=small), way))
        looks = [self._apply(one, points).rgb for one in tried]
        chosen = [tried[i] for i in most_different(looks, len(paths))]
        return [
            _Attempt(path, matched[one.way.options.working_side, one.way.picks], one.way)
            for path, one in zip(paths, chosen, strict=False)
        ]

    def _apply(self, attempt: _Attempt, points: Sequence[Point]) -> Colorized:
        return self.settings.pipeline.apply(
            attempt.prepared, attempt.way.options, points, self.palette
        )

    def _write(
        self,
        attempt: _Attempt,
        result: Colorized,
        picture: Picture,
        files: Staged,
        making: _Making,
    ) -> None:
        """Write one result and what explains it, and add it to what is being made."""
        path, request, outcome = attempt.path, self.settings.request, making.outcome
        known = self._describe(result, attempt)
        shares = [
            (Path(str(one["path"])).name, share)
            for one, share in zip(known, result.influence, strict=True)
        ]
        credit = credited(picture, request.sources(shares))
        with stage("writing"):
            encode_picture(files.add(path), result.rgb, credit, request.quality)
        outcome.results.append(path)
        if request.extras.variants:
            outcome.variants.append(attempt.way.caption)
        outcome.references.extend(known)
        outcome.notes.extend(f"reference skipped: {line}" for line in result.skipped)
        outcome.notes.extend([result.note] if result.note else [])
        is_first = len(outcome.results) == 1  # which has all references
        shown = []
        if request.extras.explain or (making.target and is_first):
            shown = self._shown(result, attempt)
        if request.extras.explain:
            picture_path, json_path = (files.add(one) for one in explanation_paths(path))
            found = attribution(attempt.prepared.match, sum(result.influence, 0.0))
            pairs = list(zip(shown, known, strict=True))
            write_explanation(picture_path, json_path, (picture.rgb, result.rgb), pairs, found)
        if making.target:
            number = f"{len(outcome.results)} " if request.extras.variants else ""
            making.made.append(Cell(thumbnail(result.rgb), f"{number}{attempt.way.caption}"))
            if is_first:
                cells = zip(shown, known, strict=True)
                making.lent.extend(Cell(thumbnail(lent), _caption(one)) for lent, one in cells)

    def _shown(self, result: Colorized, attempt: _Attempt) -> list[np.ndarray]:
        """The references of a result as pictures."""
        if result.references:
            return [read_reference(one.path) for one in result.references]
        return [self.given[i] for i in attempt.way.picks] if self.given else []

    def _describe(self, result: Colorized, attempt: _Attempt) -> list[dict[str, object]]:
        shares = [round(share, 3) for share in result.influence]
        made = {"result": attempt.path.name} if self.settings.request.extras.variants else {}
        if not result.references:
            paths = list(self.settings.request.references)
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
