"""The command line. Thin: each command checks, calls the library and prints; heavy imports happen inside."""

import atexit
import gc
import io
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from colorization.cli.colorize import colorize_command
from colorization.cli.common import (
    Backbone,
    Device,
    IndexDir,
    Json,
    Sheet,
    Version,
    VggWeights,
    given,
    one_line,
    one_line_errors,
)
from colorization.cli.evaluate import evaluate_command, user_study_command
from colorization.cli.export import export_command
from colorization.cli.index import index_app
from colorization.cli.serve import serve_command
from colorization.cli.video import video_command

if TYPE_CHECKING:
    from retrieval.search.photo_index import Recommendation

# a little slower than the default of 300,000 on idle cores, many times as fast on busy ones
SPINS = "1000"

app = typer.Typer(
    help="Give gray photographs their color back, from references you choose or from your own photo library.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.callback()
def root(version: Version = None) -> None:
    """Give gray photographs their color back, from references you choose or from your own photo library."""


@app.command("build-index")
@one_line_errors
def build_index(
    photos: Annotated[
        list[Path], typer.Argument(help="Folders of color photos (walked recursively), or files.")
    ],
    index: IndexDir,
    backbone: Backbone = None,
    vgg_weights: VggWeights = None,
    workers: Annotated[
        int | None,
        typer.Option(min=0, help="Processes that decode photos; default: one a core, at most 8."),
    ] = None,
    memory_budget: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="Memory the search may take, as in 1.5GiB; larger indexes are searched on disk. Default: as before; first 1GiB.",
        ),
    ] = None,
    engine: Annotated[
        str, typer.Option(help="local, or ray: workers of Ray describe the photos.")
    ] = "local",
    ray_address: Annotated[
        str | None, typer.Option(help="Of a Ray cluster; default: Ray on this machine.")
    ] = None,
    num_workers: Annotated[
        int | None, typer.Option(min=1, help="Workers of Ray; default: as many as fit.")
    ] = None,
    gpus_per_worker: Annotated[
        float, typer.Option(min=0, help="GPUs of each worker of Ray; may be a fraction.")
    ] = 0,
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN",
            help="Pass over files and folders of this name, or path where it has a slash; may repeat.",
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Start over; the index forgets other folders.")
    ] = False,
    device: Device = None,
    version: Version = None,
) -> None:
    """Index photos so that they can be recommended as references; run again to add, update and drop."""
    import os
    import time

    from retrieval.building.up_to_date import report_up_to_date
    from retrieval.photos.listing import list_sources
    from retrieval.photos.passed_over import PassedOver
    from retrieval.storage.search_settings import parse_bytes
    from similarity.backbone.pretrained import DEFAULT_BACKBONE

    if engine not in ("local", "ray"):
        raise ValueError(f"--engine {engine}: choose local or ray")
    ray = None
    if engine == "ray":
        from retrieval.building.engines.ray_data import RayOptions, import_ray

        import_ray()
        ray = RayOptions(ray_address, num_workers, gpus_per_worker)
    elif ray_address or num_workers or gpus_per_worker:
        raise ValueError("--ray-address, --num-workers and --gpus-per-worker need --engine ray")
    budget = parse_bytes(memory_budget) if memory_budget is not None else None
    start = time.perf_counter()
    passed = PassedOver()
    sources = list_sources(photos, passed, exclude or [])  # a wrong path is told at once
    bundled = (
        backbone in (None, DEFAULT_BACKBONE) and vgg_weights is None and device in (None, "cpu")
    )
    quick = bundled and ray is None and not overwrite
    report = report_up_to_date(photos, sources, index, budget) if quick else None
    if report is None:
        from colorization.cli.progress_bar import photo_progress
        from retrieval.building.builder import BuildOptions
        from retrieval.building.builder import build_index as build
        from similarity.backbone.backbone import load_backbone

        network = load_backbone(**given(name=backbone, weights_path=vgg_weights, device=device))
        count = workers if workers is not None else min(8, os.cpu_count() or 1)
        start = time.perf_counter()
        with photo_progress("indexing") as progress:
            report = build(
                photos,
                index,
                network,
                BuildOptions(
                    count, overwrite, memory_budget=budget, ray=ray, exclude=tuple(exclude or ())
                ),
                progress,
            )
    seconds = time.perf_counter() - start
    for line in report.unreadable:
        typer.echo(f"skipped {one_line(line)}", err=True)
    for line in passed.lines():
        typer.echo(f"passed over {one_line(line)}", err=True)
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
    same_class: Annotated[
        bool,
        typer.Option(
            "--same-class", help="Only photos of the same ImageNet class, where there are any."
        ),
    ] = False,
    sheet: Sheet = None,
    as_json: Json = False,
    backbone: Backbone = None,
    vgg_weights: VggWeights = None,
    device: Device = None,
    version: Version = None,
) -> None:
    """Recommend color references for a gray photo from an index."""
    from colorization.batch.runner import describe_recommendation
    from colorization.photo_files.contact_sheet import Cell, check_sheet, thumbnail, write_sheet
    from colorization.pipeline import ColorizationPipeline
    from retrieval.photos.reader import PictureError, read_small_rgb

    if sheet:
        check_sheet(sheet, [photo])
    gray = read_small_rgb(photo, 512)
    pipeline = ColorizationPipeline.load(
        **given(index_dir=index, backbone=backbone, weights_path=vgg_weights, device=device)
    )
    found = pipeline.recommend(gray, top_k, same_class)
    if sheet:
        cells = [Cell(gray, "target")]
        for one in found:
            try:
                cells.append(
                    Cell(
                        thumbnail(read_small_rgb(one.path, 256)), f"{one.path.name} {one.score:.2f}"
                    )
                )
            except PictureError as error:
                typer.echo(f"not on the sheet: {error}", err=True)
        write_sheet(sheet, [cells])
    if as_json:
        typer.echo(json.dumps([describe_recommendation(one) for one in found], indent=1))
    else:
        _print_recommendations(found)


app.command("colorize")(one_line_errors(colorize_command))
app.add_typer(index_app, name="index")
app.command("evaluate")(one_line_errors(evaluate_command))
app.command("user-study")(one_line_errors(user_study_command))
app.command("export")(one_line_errors(export_command))
app.command("video")(one_line_errors(video_command))
app.command("serve")(one_line_errors(serve_command))


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
    from colorization.batch.request import PixelPoint
    from colorization.pipeline import ColorizationPipeline
    from retrieval.photos.reader import read_picture

    picture = read_picture(photo)
    place = PixelPoint(x, y, (0.0, 0.0)).on(picture.rgb, photo)
    found = ColorizationPipeline.load(**given(device=device)).suggest_colors(
        picture.rgb, place.x, place.y, count
    )
    rows = [{"color": one.hex, "share": round(one.share, 4)} for one in found]
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
    else:
        for row in rows:
            typer.echo(f"{row['color']}  {row['share']:.0%}")


@app.command()
@one_line_errors
def demo(
    output: Annotated[
        Path, typer.Option(help="Folder for the pictures, the index and the sheet.")
    ] = Path("rechroma-demo"),
    device: Device = None,
    version: Version = None,
) -> None:
    """Show the main job on pictures that come with scikit-image."""
    from colorization.demo import run_demo

    run_demo(output, device or "cpu", typer.echo)


def _print_recommendations(found: "list[Recommendation]") -> None:
    typer.echo("score  global  feature  luminance  photo")
    for one in found:
        scores = f"{one.score:5.3f}  {one.global_score:6.3f}  {one.feature_score:7.3f}  {one.luminance_score:9.3f}"
        typer.echo(f"{scores}  {one_line(str(one.path))}")


def _print_any_name() -> None:
    """File names need not be UTF-8; without this, telling such a name would fail after the work is done."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _refuse_empty_arguments() -> None:
    """An unset variable of a shell gives an empty name, which would stand for the whole folder that one is in."""
    if "" in sys.argv[1:]:
        print("error: an argument is empty; was a variable not set?", file=sys.stderr)
        sys.exit(2)


def share_cores() -> None:
    """Let threads that wait for others sleep soon; set before torch brings OpenMP, which reads it once.

    By default they spin for milliseconds: beside one other busy program, photos take many times as
        long.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)


def _end_at_once() -> None:
    """Leave memory to the system at the end: collecting all that torch has loaded takes long."""
    atexit.register(gc.freeze)


def _begin() -> None:
    _print_any_name()
    _refuse_empty_arguments()
    share_cores()
    _end_at_once()


def main() -> None:
    """Entry point of ``rechroma``."""
    _begin()
    app()


def main_build_index() -> None:
    """Entry point of ``build-index``, the same as ``rechroma build-index``."""
    _begin()
    alone = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    alone.command()(build_index)
    alone()
