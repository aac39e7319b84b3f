"""Colorize files, several at a time, and go on past bad ones."""

import struct
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial

from colorization.batch.jobs import Job
from colorization.batch.manifest import RunManifest
from colorization.batch.manifest_lines import stamp_of
from colorization.batch.outcome import Outcome
from colorization.batch.photo_worker import PhotoWorker
from colorization.batch.request import RunSettings
from colorization.batch.side_by_side import side_by_side
from colorization.messages import reason
from retrieval.photos.reader import DamagedPictureError, PictureError, pixels_of
from retrieval.safe_files import FullDiskError

CURE = "; --allow-damaged colorizes what can be read"
# the last two: torch has no memory; tags are too large for a format
EXPECTED = (ValueError, OSError, MemoryError, RuntimeError, struct.error)


def run_jobs(
    jobs: Sequence[Job],
    settings: RunSettings,
    done: Callable[[Outcome], None],
    manifest: RunManifest | None = None,
) -> None:
    """Colorize every job; a file that fails is reported and the next one is taken.

    Args:
        jobs: from plan_jobs.
        settings: for all jobs; no references takes recommended ones, or none without an index.
        done: called with each outcome, in the order of the jobs.
        manifest: learns of each outcome before its files appear.

    Raises:
        PictureError: a given reference or palette cannot be used.
        FullDiskError: there is no room for a result.
    """
    if not jobs:  # references need not be described
        return
    worker, sheet = PhotoWorker.of(settings, manifest), _Sheet(settings.num_cells)
    outcomes = side_by_side(
        partial(_outcome, worker),
        ((job, sheet.is_open) for job in jobs),
        min(settings.workers, len(jobs)),
        lambda one: pixels_of(one[0].input_path),
        settings.room,
    )
    with closing(outcomes):
        for outcome in outcomes:
            done(sheet.shown(outcome))


@dataclass
class _Sheet:
    """The contact sheet: the first photos that can be colorized have a row in it.

    Attributes:
        rows: that are still empty.
    """

    rows: int

    @property
    def is_open(self) -> bool:
        """Whether a photo that is begun now may have a row."""
        return self.rows > 0

    def shown(self, outcome: Outcome) -> Outcome:
        """An outcome, without thumbnails where those before it have filled the sheet."""
        if not self.is_open:
            return replace(outcome, cells=[])
        self.rows -= bool(outcome.cells)
        return outcome


def _outcome(worker: PhotoWorker, task: tuple[Job, bool]) -> Outcome:
    """What becomes of a job, with thumbnails or without."""
    job, with_cells = task
    start, seen = time.perf_counter(), stamp_of(job.input_path)
    try:
        return worker.run(job, with_cells)
    except FullDiskError:  # it holds no other result either
        raise
    except EXPECTED as error:
        told = reason(error)
        line = told if str(job.input_path) in told else f"{job.input_path}: {told}"
        line += CURE if isinstance(error, DamagedPictureError) else ""
        outcome = Outcome(job, error=line, seconds=time.perf_counter() - start)
        if worker.manifest:
            worker.manifest.add(job, seen, outcome.facts(), {}, _is_lasting(error))
        return outcome


def _is_lasting(error: BaseException) -> bool:
    """Whether it is the input that fails, and will again: no disk, memory or extra was missing."""
    cause = error.__cause__
    missing = isinstance(cause, (MemoryError, ImportError)) or getattr(cause, "errno", None)
    return isinstance(error, PictureError) and not missing
