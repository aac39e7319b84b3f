"""``rechroma colorize``: from files to files."""

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from colorization.cli_common import Backbone, Device, Json, Version, VggWeights, fail, given

if TYPE_CHECKING:
    from colorization.batch import Outcome
    from colorization.manifest import Manifest
    from colorization.planning import Extras, Job

KEPT = "kept: not written by an earlier run, or changed since"  # told of a result
SHEET_ROWS = 50  # of a contact sheet; more would not fit a screen

Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what exists.")]


def colorize_command(
    inputs: Annotated[list[Path], typer.Argument(metavar="INPUT...", help="Gray photos, or folders of them.")],
    output: Annotated[Path, typer.Option(help="File for one input, else a folder.")],
    reference: Annotated[list[Path] | None, typer.Option(help="A color reference; repeat to fuse several.")] = None,
    index: Annotated[Path | None, typer.Option("--index", help="Index to recommend references from.")] = None,
    point: Annotated[
        list[str] | None, typer.Option(metavar="X,Y,#RRGGBB", help="A color at a pixel of the picture; may repeat.")
    ] = None,
    palette: Annotated[Path | None, typer.Option(help="A picture whose colors the result should have.")] = None,
    saturation: Annotated[float | None, typer.Option(min=0, help="Factor on the colors of the result.")] = None,
    vividness: Annotated[
        float | None, typer.Option(min=0, max=1, help="0 careful and pale, 1 colors that look real (default).")
    ] = None,
    faithfulness: Annotated[
        float | None, typer.Option(min=0, max=1, help="How far references are followed; default 1 given, 0.6 recommended.")
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(min=0, help="Of predicted colors: lower takes the likeliest, 1 the mean. Default 0.38.")
    ] = None,
    method: Annotated[str | None, typer.Option(help="network, or training-free: only carry colors over.")] = None,
    top_k: Annotated[int | None, typer.Option(min=1, help="How many recommended references to fuse.")] = None,
    same_class: Annotated[
        bool | None, typer.Option("--same-class", help="Recommend only what the backbone takes for the same ImageNet class.")
    ] = None,
    caution: Annotated[
        float | None, typer.Option(min=0, help="Of --method training-free: hold color back where references disagree.")
    ] = None,
    keep_tint: Annotated[bool | None, typer.Option("--keep-tint", help="Leave a sepia tint over the colors.")] = None,
    variants: Annotated[
        int | None, typer.Option(min=1, help="This many results, each from another recommended reference, and a sheet of them.")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Also write which reference colored what, and how surely: a picture and JSON.")
    ] = False,
    overwrite: Overwrite = False,
    sheet: Annotated[
        Path | None,
        typer.Option(help=f"Also write a contact sheet (PNG), of the first {SHEET_ROWS} photos colorized now."),
    ] = None,
    as_json: Json = False,
    backbone: Backbone = None,
    vgg_weights: VggWeights = None,
    device: Device = None,
    version: Version = None,
) -> None:
    """Colorize gray photos from references given, from recommended ones (--index), or with no reference at all."""
    from colorization.batch import Outcome, run_jobs
    from colorization.manifest import Manifest, alone
    from colorization.options import ColorizeOptions
    from colorization.pipeline import ColorizationPipeline
    from colorization.planning import Extras, is_single, plan_jobs
    from colorization.progress import photo_progress
    from colorization.sheet import check_sheet, write_sheet
    from colorization.wishes import Wishes, check_references, parse_point, settings_hash

    references = reference or []
    if variants and (references or index is None):
        raise ValueError("--variants takes its references from an index: give --index and no --reference")
    options = ColorizeOptions(
        **given(top_k=top_k, same_class=same_class, caution=caution, saturation=saturation, vividness=vividness,
                temperature=temperature, method=method, faithfulness=faithfulness,
                keep_tint=keep_tint)
    )  # fmt: skip
    wishes = Wishes(references, [parse_point(text) for text in point or []], palette, Extras(variants or 0, explain))
    jobs = plan_jobs(inputs, output, overwrite, [*references, *([palette] if palette else [])], wishes.extras, sheet)
    if sheet:
        results = [path for job in jobs for path in wishes.extras.files(job.output_path)]
        check_sheet(sheet, [*references, *(job.input_path for job in jobs), *results])
    place = None if references else index
    if references and index:
        typer.echo("note: --index is not asked: references are given", err=True)
    pipeline = ColorizationPipeline.load(**given(index_dir=place, backbone=backbone, weights_path=vgg_weights, device=device))
    outcomes: list[Outcome] = []
    earlier: list[Outcome] = []
    kept, order = 0, {job: i for i, job in enumerate(jobs)}
    single = is_single(inputs)
    with contextlib.ExitStack() as held:
        manifest = None
        if not single:
            check_references(wishes)
            settings = settings_hash(pipeline, wishes, options)
            held.enter_context(alone(output, jobs))
            manifest = Manifest(output, settings)
            todo = manifest.sort_out(jobs, wishes.extras, overwrite)
            jobs, kept = todo.jobs, len(todo.finished) + len(todo.foreign)
            outcomes += [Outcome(job, error=error) for job, error in todo.failed]
            earlier = [_earlier(job, manifest, wishes.extras) for job in todo.finished]
            there = [(job, [path for path in wishes.extras.results(job.output_path) if path.exists()]) for job in todo.foreign]
            earlier += [Outcome(job, notes=[KEPT], results=results) for job, results in there]
        before = len(outcomes)
        progress = held.enter_context(photo_progress("colorizing", quiet=len(jobs) < 2))

        def done(outcome: Outcome) -> None:
            outcomes.append(outcome)
            progress(len(outcomes) - before, len(jobs))

        run_jobs(jobs, pipeline, wishes, options, done, SHEET_ROWS if sheet else 0, manifest, overwrite)
    rows = [o.cells for o in outcomes if o.cells]
    if sheet and rows:
        write_sheet(sheet, rows)
    if as_json:
        every = sorted([*earlier, *outcomes], key=lambda outcome: order[outcome.job])
        typer.echo(json.dumps([outcome.as_dict(bool(variants)) for outcome in every], indent=1))
    _print_problems(outcomes, single)
    if not as_json:
        _print_outcomes(outcomes, kept, output, single)
    if any(o.error for o in outcomes):
        raise typer.Exit(1)


def _earlier(job: "Job", manifest: "Manifest", extras: "Extras") -> "Outcome":
    """What an earlier run told of a photo that it finished."""
    from colorization.batch import Outcome

    line = manifest.told(job)
    results = [path for path in extras.results(job.output_path) if path.relative_to(manifest.folder).as_posix() in line["results"]]
    return Outcome(job, line["references"], line["seconds"], notes=line["notes"], results=results)


def _print_problems(outcomes: "list[Outcome]", single: bool) -> None:
    """Notes, then errors; the error of a single file ends the command."""
    for outcome in outcomes:
        for note in outcome.notes:
            typer.echo(f"note: {outcome.job.input_path}: {note}", err=True)
    failed = [outcome for outcome in outcomes if outcome.error]
    if single and failed:
        fail(failed[0].error)
    for outcome in failed:
        typer.echo(f"failed {outcome.error}", err=True)


def _print_outcomes(outcomes: "list[Outcome]", kept: int, output: Path, single: bool) -> None:
    from colorization.provenance import sources

    good = [o for o in outcomes if not o.error]
    if single:
        (done,) = good
        shares = [(Path(str(r["path"])).name, float(str(r["influence"]))) for r in done.references]
        typer.echo(f"{', '.join(map(str, done.results))} in {done.seconds:.2f} s, {sources(shares, len(done.results) > 1)}")
    else:
        existed = f", {kept} existed already and were kept" if kept else ""
        typer.echo(f"{output}: {len(good)} colorized, {len(outcomes) - len(good)} failed{existed}")
