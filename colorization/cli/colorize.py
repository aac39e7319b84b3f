"""``rechroma colorize``: from files to files.

The command goes in three steps: what a person asked for is checked before any network is loaded,
then every photo is colorized, then what became of each is told.
"""

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
    WorkingSide,
    check_method,
    given,
    without_effect,
)
from colorization.cli.machine.cores import usable_memory
from colorization.cli.machine.timings import Timings, told_timings
from colorization.cli.process import heavy_imports
from colorization.cli.telling.colorized import Task, print_results
from retrieval.stage_clock import stage

if TYPE_CHECKING:
    from colorization.batch.folder_run import FolderReport
    from colorization.batch.request import Request
    from colorization.pipeline import ColorizationPipeline

# of memory that there is, for each pixel that is worked on at a time; and where it is not known
BYTES_OF_PIXEL, UNKNOWN_MEMORY = 100, 4 << 30
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
    working_side: WorkingSide = None,
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
            from colorization.batch.runner import run_jobs as run_jobs  # and all that it imports
            from colorization.pipeline import ColorizationPipeline

        chosen = given(
            saturation=saturation,
            vividness=vividness,
            faithfulness=faithfulness,
            method=method,
            top_k=top_k,
            same_class=same_class,
            keep_tint=keep_tint,
            working_side=working_side,
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
        check_method(task.options, bool(points or palette), bool(references), index is not None)
        place = given(index_dir=None if references or palette else index, device=device)
        with stage("weights"):
            network = given(backbone=backbone, weights_path=vgg_weights)
            pipeline = ColorizationPipeline.load(**place, **network)
        _print_without_effect(task, chosen, pipeline, index is not None)
        results = _run(task, pipeline)
        print_results(task, results, as_json)
        if task.passed.closed or any(outcome.error for outcome in results.outcomes):
            raise typer.Exit(1)


def _parse(
    inputs: list[Path],
    output: Path,
    request: "Request",
    chosen: dict[str, Any],
    exclude: list[str],
    overwrite: bool,
    sheet: Path | None,
) -> Task:
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
    return Task(jobs, passed, single, output, request, options, overwrite, sheet)


def _print_without_effect(
    task: Task, chosen: dict[str, Any], pipeline: "ColorizationPipeline", with_index: bool
) -> None:
    from colorization.photo_files.writer import takes_quality

    by_network = pipeline.network_for(task.options) is not None
    lent, has_palette = bool(task.request.references), task.request.palette is not None
    has_quality = any(takes_quality(job.output_path) for job in task.jobs)
    others = {"JPEG and WebP results": () if has_quality else ("quality",)}
    given_now = chosen | given(quality=task.request.quality)
    for line in without_effect(given_now, lent, with_index, by_network, others, has_palette):
        typer.echo(f"note: {line}", err=True)
    if task.request.points and len(task.jobs) > 1:
        typer.echo(f"note: --point colors its pixel in all {len(task.jobs)} photos", err=True)


def _run(task: Task, pipeline: "ColorizationPipeline") -> "FolderReport":
    from colorization.batch.folder_run import FolderReport, run_folder
    from colorization.batch.request import RunSettings
    from colorization.batch.runner import run_jobs
    from colorization.photo_files.staged_files import remove_leftovers

    cells = SHEET_ROWS if task.sheet else 0
    workers, room = _side_by_side(pipeline)
    settings = RunSettings(
        pipeline, task.request, task.options, task.overwrite, cells, workers, room
    )
    if task.single:
        results = FolderReport([], [])
        remove_leftovers(task.jobs[0].output_path.parent)
        run_jobs(task.jobs, settings, results.outcomes.append)
    else:
        from colorization.cli.progress_bar import photo_progress

        with photo_progress("colorizing", quiet=len(task.jobs) < 2) as tell:
            results = run_folder(task.jobs, task.output, settings, tell)
    if task.sheet:
        _write_sheet(task.sheet, results)
    return results


def _side_by_side(pipeline: "ColorizationPipeline") -> tuple[int, int]:
    """How many photos are worked on at a time, and how many pixels they may have together."""
    import torch

    memory = usable_memory() or UNKNOWN_MEMORY
    workers = torch.get_num_threads() if pipeline.backbone.device.type == "cpu" else 1
    return workers, memory // BYTES_OF_PIXEL


def _write_sheet(sheet: Path, results: "FolderReport") -> None:
    from colorization.photo_files.contact_sheet import abreast, write_sheet

    rows = [outcome.cells for outcome in results.outcomes if outcome.cells]
    if rows:
        write_sheet(sheet, abreast(rows))
    elif results.kept:
        left = f"{sheet} stays as it was" if sheet.exists() else f"no {sheet}"
        typer.echo(f"note: {left}: nothing was colorized now", err=True)
