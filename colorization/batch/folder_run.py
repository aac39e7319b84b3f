"""Colorize many photos into a folder; what earlier runs have finished is not done again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from colorization.batch.jobs import Extras, Job
from colorization.batch.manifest import RunManifest, alone
from colorization.batch.outcome import Outcome
from colorization.batch.request import RunSettings, check_references, settings_hash
from colorization.batch.runner import run_jobs

KEPT = "kept: not written by an earlier run, or changed since"  # told of a result


@dataclass(frozen=True)
class FolderReport:
    """What became of the photos.

    Attributes:
        outcomes: of this run, and what an earlier one could not read.
        kept: of those whose results stay as they are.
    """

    outcomes: list[Outcome]
    kept: list[Outcome]


def run_folder(
    jobs: Sequence[Job],
    output: Path,
    settings: RunSettings,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> FolderReport:
    """Do what is left to do.

    Args:
        jobs: of all photos, from plan_jobs.
        output: the folder of all results; nobody else may be writing there.
        settings: for all jobs; to overwrite is to do everything anew.
        progress: called with (photos done, photos to do).

    Raises:
        PictureError: a given reference or the palette cannot be used; nothing is written.
        ValueError: another run is writing there.
    """
    request = settings.request
    check_references(request)
    with alone(output, jobs):
        manifest = RunManifest(output, settings_hash(settings.pipeline, request, settings.options))
        asked = request.recolor, request.allow_damaged
        todo = manifest.sort_out(jobs, request.extras, settings.overwrite, *asked)
        done: list[Outcome] = []

        def add(outcome: Outcome) -> None:
            done.append(outcome)
            progress(len(done), len(todo.jobs))

        run_jobs(todo.jobs, settings, add, manifest)
        kept = [_finished(job, manifest, request.extras) for job in todo.finished]
        kept += [_foreign(job, request.extras) for job in todo.foreign]
    return FolderReport([*(Outcome(job, error=error) for job, error in todo.failed), *done], kept)


def _finished(job: Job, manifest: RunManifest, extras: Extras) -> Outcome:
    """What an earlier run told of a photo that it finished."""
    line = manifest.last_line(job)
    results = [
        path
        for path in extras.results(job.output_path)
        if path.relative_to(manifest.folder).as_posix() in line["results"]
    ]
    told = {
        "notes": line["notes"],
        "passed": line.get("passed") or "",
        "variants": line.get("variants", []),
    }
    return Outcome(job, line["references"], line["seconds"], results=results, **told)


def _foreign(job: Job, extras: Extras) -> Outcome:
    return Outcome(
        job,
        notes=[KEPT],
        results=[path for path in extras.results(job.output_path) if path.exists()],
    )
