"""The command line. Thin: each command checks, calls the library and prints; heavy imports happen inside."""

import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from colorization import __version__
from colorization.cli_common import IndexDir, Json, fail, one_line_errors
from colorization.cli_evaluate import evaluate_command, user_study_command
from colorization.cli_index import index_app

if TYPE_CHECKING:
    from retrieval.index import Recommendation

app = typer.Typer(
    help="Give gray photographs their color back, from references you choose or from your own photo library.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

SHEET_ROWS = 50  # of a contact sheet; more would not fit a screen

Backbone = Annotated[str | None, typer.Option(help="vgg19-slim (bundled, default) or vgg19 (torchvision's weights).")]
VggWeights = Annotated[Path | None, typer.Option(help="Weights file for --backbone vgg19, instead of a download.")]
Device = Annotated[str | None, typer.Option(help="cpu (default), cuda, cuda:1, mps.")]
Sheet = Annotated[Path | None, typer.Option(help="Also write a contact sheet (PNG).")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what exists.")]


def _version(value: bool | None) -> None:
    if value:
        typer.echo(f"rechroma {__version__}")
        raise typer.Exit


Version = Annotated[bool | None, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")]


@app.callback()
def root(version: Version = None) -> None:
    """Give gray photographs their color back, from references you choose or from your own photo library."""


@app.command("build-index")
@one_line_errors
def build_index(
    photos: Annotated[list[Path], typer.Argument(help="Folders of color photos (walked recursively), or files.")],
    index: IndexDir,
    backbone: Backbone = None,
    vgg_weights: VggWeights = None,
    workers: Annotated[
        int | None, typer.Option(min=0, help="Processes that decode photos; default: one a core, at most 8.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Describe every photo anew.")] = False,
    device: Device = None,
    version: Version = None,
) -> None:
    """Index photos so that they can be recommended as references; run again to add, update and drop."""
    import os
    import time

    from colorization.progress import photo_progress
    from retrieval.builder import BuildOptions
    from retrieval.builder import build_index as build
    from retrieval.reading import list_sources
    from similarity.backbone import load_backbone

    list_sources(photos)  # a wrong path is told before any network is loaded
    network = load_backbone(**_given(name=backbone, weights_path=vgg_weights, device=device))
    count = workers if workers is not None else min(8, os.cpu_count() or 1)
    start = time.perf_counter()
    with photo_progress("indexing") as progress:
        report = build(photos, index, network, BuildOptions(workers=count, overwrite=overwrite), progress)
    seconds = time.perf_counter() - start
    for line in report.unreadable:
        typer.echo(f"skipped {line}", err=True)
    done = report.added + report.changed
    rate = f", {done / seconds:.0f} photos/s" if done else ""
    typer.echo(
        f"{index}: {report.count} photos ({report.added} added, {report.changed} changed, {report.dropped} dropped,"
        f" {report.kept} unchanged, {len(report.unreadable)} unreadable) in {seconds:.1f} s{rate}"
    )


@app.command()
@one_line_errors
def recommend(
    photo: Annotated[Path, typer.Argument(help="A gray photo.")],
    index: IndexDir,
    top_k: Annotated[int, typer.Option(min=1, help="How many references.")] = 5,
    same_class: Annotated[bool, typer.Option("--same-class", help="Only photos of the same ImageNet class.")] = False,
    sheet: Sheet = None,
    as_json: Json = False,
    backbone: Backbone = None,
    vgg_weights: VggWeights = None,
    device: Device = None,
    version: Version = None,
) -> None:
    """Recommend color references for a gray photo from an index."""
    from colorization.batch import describe_recommendation
    from colorization.pipeline import ColorizationPipeline
    from colorization.sheet import Cell, check_sheet, thumbnail, write_sheet
    from retrieval.pictures import PictureError, read_small_rgb

    if sheet:
        check_sheet(sheet, [photo])
    gray = read_small_rgb(photo, 512)
    pipeline = ColorizationPipeline.load(**_given(index_dir=index, backbone=backbone, weights_path=vgg_weights, device=device))
    found = pipeline.recommend(gray, top_k, same_class)
    if sheet:
        cells = [Cell(gray, "target")]
        for one in found:
            try:
                cells.append(Cell(thumbnail(read_small_rgb(one.path, 256)), f"{one.path.name} {one.score:.2f}"))
            except PictureError as error:
                typer.echo(f"not on the sheet: {error}", err=True)
        write_sheet(sheet, [cells])
    if as_json:
        typer.echo(json.dumps([describe_recommendation(one) for one in found], indent=1))
    else:
        _print_recommendations(found)


@app.command()
@one_line_errors
def colorize(
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
    temperature: Annotated[float | None, typer.Option(min=0, help="Of automatic colors; lower is bolder. Default 0.38.")] = None,
    method: Annotated[str | None, typer.Option(help="network, or training-free: only carry colors over.")] = None,
    top_k: Annotated[int | None, typer.Option(min=1, help="How many recommended references to fuse.")] = None,
    same_class: Annotated[bool | None, typer.Option("--same-class", help="Recommend only the same ImageNet class.")] = None,
    caution: Annotated[
        float | None, typer.Option(min=0, help="Of --method training-free: hold color back where references disagree.")
    ] = None,
    overwrite: Overwrite = False,
    sheet: Sheet = None,
    as_json: Json = False,
    backbone: Backbone = None,
    vgg_weights: VggWeights = None,
    device: Device = None,
    version: Version = None,
) -> None:
    """Colorize gray photos from references given, from recommended ones (--index), or with no reference at all."""
    from colorization.batch import Outcome, Wishes, parse_point, plan_jobs, run_jobs
    from colorization.options import ColorizeOptions
    from colorization.pipeline import ColorizationPipeline
    from colorization.progress import photo_progress
    from colorization.sheet import check_sheet, write_sheet

    references = reference or []
    options = ColorizeOptions(
        **_given(top_k=top_k, same_class=same_class, caution=caution, saturation=saturation, vividness=vividness,
                 temperature=temperature, method=method, faithfulness=faithfulness,
                 recommended_faithfulness=faithfulness)
    )  # fmt: skip
    wishes = Wishes(references, [parse_point(text) for text in point or []], palette)
    jobs, existing = plan_jobs(inputs, output, overwrite, [*references, *([palette] if palette else [])])
    if sheet:
        check_sheet(sheet, [*references, *(path for job in jobs for path in (job.input_path, job.output_path)), *existing])
    place = None if references else index
    pipeline = ColorizationPipeline.load(**_given(index_dir=place, backbone=backbone, weights_path=vgg_weights, device=device))
    outcomes: list[Outcome] = []
    single = len(jobs) == 1 and not existing and not inputs[0].is_dir()

    with photo_progress("colorizing", quiet=len(jobs) < 2) as progress:

        def done(outcome: Outcome) -> None:
            outcomes.append(outcome if len(outcomes) < SHEET_ROWS else Outcome(**{**vars(outcome), "cells": []}))
            progress(len(outcomes), len(jobs))

        run_jobs(jobs, pipeline, wishes, options, done, with_cells=sheet is not None)
    failed = [o for o in outcomes if o.error]
    rows = [o.cells for o in outcomes if o.cells]
    if sheet and rows:
        write_sheet(sheet, rows)
    if as_json:
        typer.echo(json.dumps([o.as_dict() for o in outcomes], indent=1))
    for outcome in outcomes:
        for note in outcome.notes:
            typer.echo(f"note: {outcome.job.input_path}: {note}", err=True)
    if single and failed:
        fail(failed[0].error)
    for outcome in failed:
        typer.echo(f"failed {outcome.error}", err=True)
    if not as_json:
        _print_outcomes(outcomes, existing, output, single)
    if failed:
        raise typer.Exit(1)


app.add_typer(index_app, name="index")
app.command("evaluate")(one_line_errors(evaluate_command))
app.command("user-study")(one_line_errors(user_study_command))


@app.command("suggest-colors")
@one_line_errors
def suggest_colors(
    photo: Annotated[Path, typer.Argument(help="A gray photo.")],
    x: Annotated[int, typer.Argument(help="Pixel column, from the left.")],
    y: Annotated[int, typer.Argument(help="Pixel row, from above.")],
    count: Annotated[int, typer.Option(min=1, max=50, help="How many at most.")] = 9,
    as_json: Json = False,
    device: Device = None,
    version: Version = None,
) -> None:
    """Suggest colors for a place of a gray photo, the most likely first; use one with colorize --point."""
    from colorization.batch import parse_point
    from colorization.pipeline import ColorizationPipeline
    from retrieval.pictures import read_picture

    picture = read_picture(photo)
    place = parse_point(f"{x},{y},#808080").on(picture.rgb, photo)
    found = ColorizationPipeline.load(**_given(device=device)).suggest_colors(picture.rgb, place.x, place.y, count)
    rows = [{"color": "#{:02x}{:02x}{:02x}".format(*one.rgb), "share": round(one.share, 4)} for one in found]
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
    else:
        for row in rows:
            typer.echo(f"{row['color']}  {row['share']:.0%}")


@app.command()
@one_line_errors
def demo(
    output: Annotated[Path, typer.Option(help="Folder for the pictures, the index and the sheet.")] = Path("rechroma-demo"),
    device: Device = None,
    version: Version = None,
) -> None:
    """Show the main job on pictures that come with scikit-image."""
    from colorization.demo import run_demo

    run_demo(output, device or "cpu", typer.echo)


def _given(**options: Any) -> dict[str, Any]:
    """Only the options that were given, so that defaults live in one place."""
    return {key: value for key, value in options.items() if value is not None}


def _print_recommendations(found: "list[Recommendation]") -> None:
    typer.echo("score  global  feature  luminance  photo")
    for one in found:
        scores = f"{one.score:5.3f}  {one.global_score:6.3f}  {one.feature_score:7.3f}  {one.luminance_score:9.3f}"
        typer.echo(f"{scores}  {one.path}")


def _print_outcomes(outcomes: list[Any], existing: list[Path], output: Path, single: bool) -> None:
    good = [o for o in outcomes if not o.error]
    if single:
        used = ", ".join(f"{Path(str(r['path'])).name} {float(r['influence']):.0%}" for r in good[0].references)
        source = f"from {used}" if used else "without a reference"
        typer.echo(f"{good[0].job.output_path} in {good[0].seconds:.2f} s, {source}")
    else:
        kept = f", {len(existing)} existed already and were kept" if existing else ""
        typer.echo(f"{output}: {len(good)} colorized, {len(outcomes) - len(good)} failed{kept}")


def _print_any_name() -> None:
    """File names need not be UTF-8; without this, telling such a name would fail after the work is done."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def main() -> None:
    """Entry point of ``rechroma``."""
    _print_any_name()
    app()


def main_build_index() -> None:
    """Entry point of ``build-index``, the same as ``rechroma build-index``."""
    _print_any_name()
    alone = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    alone.command()(build_index)
    alone()
