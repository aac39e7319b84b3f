"""Colorize files one after the other and go on past bad ones."""

import struct
import time
from collections.abc import Callable, Sequence

from colorization.batch.jobs import Job
from colorization.batch.manifest import RunManifest
from colorization.batch.manifest_lines import stamp_of
from colorization.batch.outcome import Outcome
from colorization.batch.photo_worker import PhotoWorker
from colorization.batch.request import RunSettings
from colorization.messages import reason
from retrieval.photos.reader import DamagedPictureError, PictureError
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
        done: called with each outcome.
        manifest: learns of each outcome before its files appear.

    Raises:
        PictureError: a given reference or palette cannot be used.
        FullDiskError: there is no room for a result.
    """
    if not jobs:  # references need not be looked at
        return
    worker, num_cells = PhotoWorker.of(settings, manifest), settings.num_cells
    for job in jobs:
        start, seen = time.perf_counter(), stamp_of(job.input_path)
        try:
            outcome = worker.run(job, num_cells > 0)
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


def _is_lasting(error: BaseException) -> bool:
    """Whether it is the input that fails, and will again: no disk, memory or extra was missing."""
    cause = error.__cause__
    missing = isinstance(cause, (MemoryError, ImportError)) or getattr(cause, "errno", None)
    return isinstance(error, PictureError) and not missing
