"""``rechroma colorize``: from files to files."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from colorization.cli.common import (
    Backbone,
    Device,
    Json,
    Version,
    VggWeights,
    fail,
    given,
    one_line,
    unheard,
)

if TYPE_CHECKING:
    from colorization.batch.runner import Outcome

SHEET_ROWS = 50  # of a contact sheet; more would not fit a screen

Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what exists.")]


def colorize_command(
    inputs: Annotated[
        list[Path], typer.Argument(metavar="INPUT...", help="Gray photos, or folders of them.")
    ],
    output: Annotated[Path, typer.Option(help="File for one input, else a folder.")],
    reference: Annotated[
        list[Path] | None, typer.Option(help="A color reference; repeat to fuse several.")
    ] = None,
    index: Annotated[
        Path | None, typer.Option("--index", help="Index to recommend references from.")
    ] = None,
    point: Annotated[
        list[str] | None,
        typer.Option(metavar="X,Y,#RRGGBB", help="A color at a pixel of the picture; may repeat."),
    ] = None,
    palette: Annotated[
        Path | None, typer.Option(help="A picture whose colors the result should have.")
    ] = None,
    saturation: Annotated[
        float | None, typer.Option(min=0, help="Factor on the colors of the result, at most 4.")
    ] = None,
    vividness: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="0 careful and pale, 1 colors that look real (default)."),
    ] = None,
    faithfulness: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="How far references are followed; default 1 given, 0.6 recommended."
        ),
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option(
            min=0, help="Of predicted colors: lower takes the likeliest, 1 the mean. Default 0.38."
        ),
    ] = None,
    method: Annotated[
        str | None, typer.Option(help="network, or training-free: only carry colors over.")
    ] = None,
    top_k: Annotated[
        int | None, typer.Option(min=1, help="How many recommended references to fuse. Default 3.")
    ] = None,
    same_class: Annotated[
        bool | None,
        typer.Option(
            "--same-class",
            help="Recommend only what seems to be of the same ImageNet class, where there is any.",
        ),
    ] = None,
    caution: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Hold color back where references disagree; the network asks only where one is the same picture.",
        ),
    ] = None,
    keep_tint: Annotated[
        bool | None, typer.Option("--keep-tint", help="Leave a sepia tint over the colors.")
    ] = None,
    variants: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="This many results, each from another recommended reference, and a sheet of them.",
        ),
    ] = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Also write which reference colored what, and how surely: a picture and JSON.",
        ),
    ] = False,
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN",
            help="Pass over files and folders of this name, or path where it has a slash; may repeat.",
        ),
    ] = None,
    recolor: Annotated[
        bool,
        typer.Option("--recolor", help="Also colorize photos of folders that have colors already."),
    ] = False,
    allow_damaged: Annotated[
        bool, typer.Option("--allow-damaged", help="Colorize what can be read of damaged photos.")
    ] = False,
    quality: Annotated[
        int | None,
        typer.Option(
            min=1, max=100, help="Of JPEG and WebP results; default: as fine as the original."
        ),
    ] = None,
    overwrite: Overwrite = False,
    sheet: Annotated[
        Path | None,
        typer.Option(
            help=f"Also write a contact sheet, of the first {SHEET_ROWS} photos colorized now."
        ),
    ] = None,
    as_json: Json = False,
    backbone: Backbone = None,
    vgg_weights: VggWeights = None,
    device: Device = None,
    version: Version = None,
) -> None:
    """Colorize gray photos from references given, from recommended ones (--index), or with no reference at all."""
    from colorization.batch.folder_run import run_box
    from colorization.batch.jobs import Extras, is_single, plan_jobs
    from colorization.batch.request import Wishes, parse_point
    from colorization.batch.runner import Outcome, run_jobs
    from colorization.cli.progress_bar import photo_progress
    from colorization.options import ColorizeOptions
    from colorization.photo_files.contact_sheet import check_sheet, write_sheet
    from colorization.photo_files.staged_files import remove_leftovers
    from colorization.pipeline import ColorizationPipeline
    from retrieval.photos.passed_over import PassedOver

    references = list(dict.fromkeys(reference or []))  # given twice, it would count twice
    if variants and (references or index is None):
        raise ValueError(
            "--variants takes its references from an index: give --index and no --reference"
        )
    chosen = given(top_k=top_k, same_class=same_class, caution=caution, saturation=saturation, vividness=vividness,
                   temperature=temperature, method=method, faithfulness=faithfulness, keep_tint=keep_tint)  # fmt: skip
    options = ColorizeOptions(**chosen)
    wishes = Wishes(
        references,
        [parse_point(text) for text in point or []],
        palette,
        Extras(variants or 0, explain),
        recolor,
        allow_damaged,
        quality,
    )
    passed = PassedOver()
    jobs = plan_jobs(
        inputs,
        output,
        overwrite,
        [*references, *([palette] if palette else [])],
        wishes.extras,
        passed,
        exclude or [],
    )
    if sheet:
        results = [path for job in jobs for path in wishes.extras.files(job.output_path)]
        check_sheet(sheet, [*references, *(job.input_path for job in jobs), *results])
    place = None if references else index
    pipeline = ColorizationPipeline.load(
        **given(index_dir=place, backbone=backbone, weights_path=vgg_weights, device=device)
    )
    others = {"references that are fused": ["top_k"]} if variants else {}
    for line in unheard(
        chosen,
        bool(references),
        index is not None,
        pipeline.network_for(options) is not None,
        others,
    ):
        typer.echo(f"note: {line}", err=True)
    single, num_cells = is_single(inputs), SHEET_ROWS if sheet else 0
    if single:
        outcomes, kept = list[Outcome](), list[Outcome]()
        remove_leftovers(jobs[0].output_path.parent)
        run_jobs(jobs, pipeline, wishes, options, outcomes.append, num_cells)
    else:
        with photo_progress("colorizing", quiet=len(jobs) < 2) as progress:
            report = run_box(
                jobs, output, pipeline, wishes, options, overwrite, num_cells, progress
            )
        outcomes, kept = report.outcomes, report.kept
    rows = [o.cells for o in outcomes if o.cells]
    if sheet and rows:
        write_sheet(sheet, rows)
    elif sheet and kept:
        typer.echo(
            f"note: {f'{sheet} stays as it was' if sheet.exists() else f'no {sheet}'}: nothing was colorized now",
            err=True,
        )
    if as_json:
        order = {job: i for i, job in enumerate(jobs)}
        every = sorted([*kept, *outcomes], key=lambda outcome: order[outcome.job])
        typer.echo(json.dumps([outcome.as_dict(bool(variants)) for outcome in every], indent=1))
    _print_problems(outcomes, single)
    for name, reason in passed.closed.items():
        typer.echo(f"failed {one_line(name)}: {reason.strerror or reason}", err=True)
    for line in passed.lines():
        typer.echo(f"passed over {one_line(line)}", err=True)
    if not as_json:
        _print_outcomes(outcomes, kept, output, single)
    if passed.closed or any(o.error for o in outcomes):
        raise typer.Exit(1)


def _print_problems(outcomes: "list[Outcome]", single: bool) -> None:
    """Notes, then errors; the error of a single file ends the command."""
    for outcome in outcomes:
        for note in outcome.notes:
            typer.echo(f"note: {one_line(f'{outcome.job.input_path}: {note}')}", err=True)
    failed = [outcome for outcome in outcomes if outcome.error]
    if single and failed:
        fail(failed[0].error)
    for outcome in failed:
        typer.echo(f"failed {one_line(outcome.error)}", err=True)


def _print_outcomes(
    outcomes: "list[Outcome]", kept: "list[Outcome]", output: Path, single: bool
) -> None:
    from colorization.photo_files.provenance import sources

    good = [o for o in outcomes if not o.error and not o.passed]
    if single:
        (done,) = good
        shares = [(Path(str(r["path"])).name, float(str(r["influence"]))) for r in done.references]
        typer.echo(
            f"{', '.join(map(str, done.results))} in {done.seconds:.2f} s, {sources(shares, len(done.results) > 1)}"
        )
    else:
        failed = sum(bool(o.error) for o in outcomes)
        passed = sum(bool(o.passed) for o in (*outcomes, *kept))
        existing = sum(not o.passed for o in kept)
        existed = f", {existing} existed already and were kept" if existing else ""
        colored = (
            f", {passed} passed over as they have colors already (--recolor colorizes them)"
            if passed
            else ""
        )
        typer.echo(f"{output}: {len(good)} colorized, {failed} failed{existed}{colored}")
