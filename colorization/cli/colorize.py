"""``rechroma colorize``: from files to files.

The command goes in three steps: what a person asked for is checked before any network is loaded,
then every photo is colorized, then what became of each is told.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from colorization.cli.common import (
    AllowDamaged,
    Backbone,
    Device,
    Exclude,
    Explain,
    Faithfulness,
    Json,
    KeepTint,
    Library,
    Method,
    Overwrite,
    Palette,
    PhotoQuality,
    Points,
    Recolor,
    References,
    SameClass,
    Saturation,
    TopK,
    Variants,
    VggWeights,
    Vividness,
    fail,
    given,
    without_effect,
)
from colorization.cli.machine.timings import Timings, told_timings
from colorization.cli.process import heavy_imports
from colorization.messages import one_line
from retrieval.stage_clock import stage

if TYPE_CHECKING:
    from colorization.batch.jobs import Job
    from colorization.batch.outcome import Outcome
    from colorization.batch.request import Request
    from colorization.options import ColorizeOptions
    from colorization.pipeline import ColorizationPipeline
    from retrieval.photos.passed_over import PassedOver

SHEET_ROWS = 50  # of a contact sheet; more would not fit a screen

Inputs = Annotated[
    list[Path], typer.Argument(metavar="INPUT...", help="Gray photos, or folders of them.")
]
Output = Annotated[Path, typer.Option(help="File for one input, else a folder.")]
ColorizeSheet = Annotated[
    Path | None,
    typer.Option(
        "--sheet",
        help=f"Also write a contact sheet, of the first {SHEET_ROWS} photos colorized now.",
    ),
]


def colorize(
    inputs: Inputs,
    output: Output,
    references: References = None,
    index: Library = None,
    points: Points = None,
    palette: Palette = None,
    saturation: Saturation = None,
    vividness: Vividness = None,
    faithfulness: Faithfulness = None,
    method: Method = None,
    top_k: TopK = None,
    same_class: SameClass = None,
    keep_tint: KeepTint = None,
    variants: Variants = None,
    explain: Explain = False,
    exclude: Exclude = None,
    recolor: Recolor = False,
    allow_damaged: AllowDamaged = False,
    quality: PhotoQuality = None,
    overwrite: Overwrite = False,
    sheet: ColorizeSheet = None,
    as_json: Json = False,
    backbone: Backbone = None,
    vgg_weights: VggWeights = None,
    device: Device = None,
    timings: Timings = False,
) -> None:
    """Colorize gray photos from references given, from recommended ones (--index), or from none."""
    with told_timings(timings):
        with heavy_imports():
            from colorization.batch.jobs import Extras
            from colorization.batch.request import Request, parse_point
            from colorization.batch.runner import run_jobs as run_jobs
            from colorization.pipeline import ColorizationPipeline

        chosen = given(
            saturation=saturation,
            vividness=vividness,
            faithfulness=faithfulness,
            method=method,
            top_k=top_k,
            same_class=same_class,
            keep_tint=keep_tint,
        )
        request = Request(
            list(dict.fromkeys(references or [])),  # given twice, one would count twice
            [parse_point(text) for text in points or []],
            palette,
            Extras(variants or 0, explain),
            recolor,
            allow_damaged,
            quality,
        )
        task = _parse(inputs, output, request, chosen, exclude or [], overwrite, sheet)
        place = given(index_dir=None if references else index, device=device)
        with stage("weights"):
            network = given(backbone=backbone, weights_path=vgg_weights)
            pipeline = ColorizationPipeline.load(**place, **network)
        _print_without_effect(task, chosen, pipeline, index is not None)
        results = _run(task, pipeline)
        _print(task, results, as_json)
        if task.passed.closed or any(outcome.error for outcome in results.outcomes):
            raise typer.Exit(1)


@dataclass(frozen=True)
class _Task:
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


@dataclass(frozen=True)
class _Results:
    """What became of a task: jobs done now, and results that were there already."""

    outcomes: "list[Outcome]"
    kept: "list[Outcome]"


def _parse(
    inputs: list[Path],
    output: Path,
    request: "Request",
    chosen: dict[str, Any],
    exclude: list[str],
    overwrite: bool,
    sheet: Path | None,
) -> _Task:
    from colorization.batch.jobs import is_single, plan_jobs
    from colorization.options import ColorizeOptions
    from colorization.photo_files.contact_sheet import check_sheet
    from retrieval.photos.passed_over import PassedOver

    options = ColorizeOptions(**chosen)
    passed = PassedOver()
    read = [*request.references, *([request.palette] if request.palette else [])]
    jobs = plan_jobs(inputs, output, overwrite, read, request.extras, passed, exclude)
    if sheet:
        results = [path for job in jobs for path in request.extras.files(job.output_path)]
        check_sheet(sheet, [*request.references, *(job.input_path for job in jobs), *results])
    single = is_single(inputs)
    return _Task(jobs, passed, single, output, request, options, overwrite, sheet)


def _print_without_effect(
    task: _Task, chosen: dict[str, Any], pipeline: "ColorizationPipeline", with_index: bool
) -> None:
    by_network = pipeline.network_for(task.options) is not None
    lent, has_palette = bool(task.request.references), task.request.palette is not None
    for line in without_effect(chosen, lent, with_index, by_network, {}, has_palette):
        typer.echo(f"note: {line}", err=True)


def _run(task: _Task, pipeline: "ColorizationPipeline") -> _Results:
    from colorization.batch.folder_run import run_folder
    from colorization.batch.runner import run_jobs
    from colorization.photo_files.staged_files import remove_leftovers

    jobs, output, request, options = task.jobs, task.output, task.request, task.options
    cells = SHEET_ROWS if task.sheet else 0
    if task.single:
        results = _Results([], [])
        remove_leftovers(jobs[0].output_path.parent)
        run_jobs(jobs, pipeline, request, options, results.outcomes.append, cells)
    else:
        from colorization.cli.progress_bar import photo_progress

        with photo_progress("colorizing", quiet=len(jobs) < 2) as tell:
            report = run_folder(
                jobs, output, pipeline, request, options, task.overwrite, cells, tell
            )
        results = _Results(report.outcomes, report.kept)
    if task.sheet:
        _write_sheet(task.sheet, results)
    return results


def _write_sheet(sheet: Path, results: _Results) -> None:
    from colorization.photo_files.contact_sheet import write_sheet

    rows = [outcome.cells for outcome in results.outcomes if outcome.cells]
    if rows:
        write_sheet(sheet, rows)
    elif results.kept:
        left = f"{sheet} stays as it was" if sheet.exists() else f"no {sheet}"
        typer.echo(f"note: {left}: nothing was colorized now", err=True)


def _print(task: _Task, results: _Results, as_json: bool) -> None:
    if as_json:
        order = {job: i for i, job in enumerate(task.jobs)}
        every = sorted([*results.kept, *results.outcomes], key=lambda one: order[one.job])
        has_variants = bool(task.request.extras.variants)
        typer.echo(json.dumps([one.as_dict(has_variants) for one in every], indent=1))
    _print_problems(results.outcomes, task.single)
    for name, reason in task.passed.closed.items():
        typer.echo(f"failed {one_line(name)}: {reason.strerror or reason}", err=True)
    for line in task.passed.lines():
        typer.echo(f"passed over {one_line(line)}", err=True)
    if not as_json:
        _print_results(task, results)


def _print_problems(outcomes: "list[Outcome]", single: bool) -> None:
    """Notes, then errors; the error of a single file ends the command."""
    from retrieval.search.match_words import NOTHING_ALIKE

    alone = [one for one in outcomes if any(NOTHING_ALIKE in note for note in one.notes)]
    for outcome in outcomes:
        for note in outcome.notes:
            if len(alone) < 2 or NOTHING_ALIKE not in note:
                typer.echo(f"note: {one_line(f'{outcome.job.input_path}: {note}')}", err=True)
    if len(alone) > 1:
        line = f"nothing in your library looks like {len(alone)} of these {len(outcomes)} photos"
        typer.echo(f"note: {line}; their colors are automatic", err=True)
    failed = [outcome for outcome in outcomes if outcome.error]
    if single and failed:
        fail(failed[0].error)
    for outcome in failed:
        typer.echo(f"failed {one_line(outcome.error)}", err=True)


def guides(request: "Request") -> list[str]:
    """What else than references was asked for, for a person."""
    count = len(request.points)
    told = [f"{count} color point{'s' if count > 1 else ''}"] if count else []
    return told + ([f"palette of {request.palette.name}"] if request.palette else [])


def _print_results(task: _Task, results: _Results) -> None:
    from colorization.photo_files.provenance import sources

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
        typer.echo(one_line(", ".join([*used, *guides(task.request)])))
        return
    failed = sum(bool(one.error) for one in results.outcomes)
    passed = sum(bool(one.passed) for one in (*results.outcomes, *results.kept))
    kept = sum(not one.passed for one in results.kept)
    existed = f", {kept} existed already and were kept" if kept else ""
    colored = f", {passed} passed over: they have colors (--recolor colorizes them)"
    line = f"{task.output}: {len(good)} colorized, {failed} failed{existed}"
    typer.echo(one_line("; ".join([line + (colored if passed else ""), *guides(task.request)])))
