"""What ``rechroma colorize`` was asked for, what became of it, and how a person is told."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from colorization.cli.common import fail
from colorization.messages import one_line, without_alike
from retrieval.photos.passed_over import SHOWN, first_names

if TYPE_CHECKING:
    from colorization.batch.folder_run import FolderReport
    from colorization.batch.jobs import Job
    from colorization.batch.outcome import Outcome
    from colorization.batch.request import Request
    from colorization.options import ColorizeOptions
    from retrieval.photos.passed_over import PassedOver

NOTHING_LENT = (
    "a reference lends colors to what it shows alike, and here that is nothing; as --palette it"
    " gives them to the whole photo"
)


@dataclass(frozen=True)
class Task:
    """What a person asked for, checked.

    Attributes:
        jobs: each input with its output.
        passed: what of the folders was passed over.
        single: whether one file was given, and not a folder.
        output: a file or a folder.
        request: references, points, palette and extras of all jobs.
        options: of the pipeline.
        overwrite: whether results may be replaced.
        sheet: where a contact sheet goes, if one is wanted.
    """

    jobs: "list[Job]"
    passed: "PassedOver"
    single: bool
    output: Path
    request: "Request"
    options: "ColorizeOptions"
    overwrite: bool
    sheet: Path | None


def print_results(task: Task, results: "FolderReport", as_json: bool) -> None:
    """Print notes, errors, what was passed over, and what was made.

    Args:
        task: see Task.
        results: what became of the task.
        as_json: on standard output everything of each photo, instead of what was made.
    """
    if as_json:
        order = {job: i for i, job in enumerate(task.jobs)}
        every = sorted([*results.kept, *results.outcomes], key=lambda one: order[one.job])
        has_variants = bool(task.request.extras.variants)
        typer.echo(json.dumps([one.as_dict(has_variants) for one in every], indent=1))
    _print_problems(results.outcomes, task.single, task.options.method)
    for name, reason in task.passed.closed.items():
        typer.echo(f"failed {one_line(name)}: {reason.strerror or reason}", err=True)
    for line in task.passed.lines():
        typer.echo(f"passed over {one_line(line)}", err=True)
    _print_left(results)
    if not as_json:
        _print_made(task, results)


def _print_left(results: "FolderReport") -> None:
    """What was left as it is though it might not be meant to."""
    from colorization.batch.folder_run import KEPT

    colored = [one.job.input_path.name for one in results.outcomes if one.passed]
    if colored:
        line = f"passed over {one_line(first_names(colored))}: in color already"
        typer.echo(line + ("; manifest.jsonl names all" if len(colored) > SHOWN else ""), err=True)
    if foreign := [one.job.output_path.name for one in results.kept if KEPT in one.notes]:
        one, more = "one of the results was", f"{len(foreign)} of the results were"
        what = one if len(foreign) == 1 else more
        line = f"{what} changed since, or no run is known to have made"
        line = one_line(f"{line} them ({first_names(foreign)})")
        typer.echo(f"note: {line}; they are kept, --overwrite replaces them", err=True)


def _print_problems(outcomes: "list[Outcome]", single: bool, method: str) -> None:
    """Notes, then errors; the error of a single file ends the command."""
    from retrieval.search.match_words import NOTHING_ALIKE

    alone = [one for one in outcomes if any(NOTHING_ALIKE in note for note in one.notes)]
    for outcome in outcomes:
        for note in outcome.notes:
            if len(alone) < 2 or NOTHING_ALIKE not in note:
                typer.echo(f"note: {one_line(f'{outcome.job.input_path}: {note}')}", err=True)
    if len(alone) > 1:
        tried = [one for one in outcomes if not one.error and not one.passed]
        line = f"nothing in your library looks like {len(alone)} of these {len(tried)} photos"
        typer.echo(f"note: {line}. {without_alike(method)}", err=True)
    failed = [outcome for outcome in outcomes if outcome.error]
    if single and failed:
        fail(failed[0].error)
    for outcome in failed:
        typer.echo(f"failed {one_line(outcome.error)}", err=True)


def _print_made(task: Task, results: "FolderReport") -> None:
    from colorization.photo_files.provenance import LEAST_SHARE, sources

    good = [one for one in results.outcomes if not one.error and not one.passed]
    if task.single:
        (done,) = good
        shares = [(Path(str(r["path"])).name, float(str(r["influence"]))) for r in done.references]
        if done.variants:
            pairs = zip(done.results, done.variants, strict=True)
            made = ", ".join(f"{path} ({what})" for path, what in pairs)
            used = [made + f" in {done.seconds:.2f} s"]
        else:
            used = [f"{done.results[0]} in {done.seconds:.2f} s", sources(shares)]
        typer.echo(one_line(", ".join([*used, *task.request.sources().guides()])))
        if shares and max(share for _, share in shares) < LEAST_SHARE:
            typer.echo(NOTHING_LENT)
        files = task.request.extras.files(done.job.output_path)
        beside = [path.name for path in files if path not in done.results and path.exists()]
        if beside:
            typer.echo(f"beside it: {one_line(', '.join(beside))}")
        return
    failed = sum(bool(one.error) for one in results.outcomes)
    passed = sum(bool(one.passed) for one in (*results.outcomes, *results.kept))
    kept = sum(not one.passed for one in results.kept)
    existed = f", {kept} existed already and were kept" if kept else ""
    colored = f", {passed} passed over: they have colors (--recolor colorizes them)"
    line = f"{task.output}: {len(good)} colorized, {failed} failed{existed}"
    typer.echo(
        one_line("; ".join([line + (colored if passed else ""), *task.request.sources().guides()]))
    )
