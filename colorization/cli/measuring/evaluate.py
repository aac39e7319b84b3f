"""``rechroma evaluate``: how close colorized photos come to the truth."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from colorization.cli.common import Json, Library
from colorization.cli.process import heavy_imports
from colorization.messages import one_line

if TYPE_CHECKING:
    from colorization.evaluation.rows import Setting

TruthDir = Annotated[Path, typer.Argument(help="Folder of color photos, walked recursively.")]
Judge = Annotated[
    Path | None, typer.Option(help="Network that judges: weights of VGG-19, or a Python file.")
]
Classes = Annotated[
    Path | None,
    typer.Option(
        help="Names of the judge's classes, one a line; photos named after one are its labels."
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(min=1, help="At most so many photos, evenly spaced."),
]
Points = Annotated[
    bool, typer.Option("--points/--no-points", help="Also show 1, 10 and 100 true colors.")
]
Curve = Annotated[
    bool, typer.Option("--curve", help="Also other values of vividness and saturation.")
]
Film = Annotated[
    bool, typer.Option("--film", help="Also photos as film saw them that was blind to red.")
]
ReportSheet = Annotated[
    Path | None,
    typer.Option("--sheet", help="Contact sheet of the worst, median and best by Delta E."),
]
Rows = Annotated[
    list[str] | None,
    typer.Option("--row", help="Only this row, by its name in the table; may repeat."),
]
Seed = Annotated[int, typer.Option(min=0, help="Of random points and references.")]


def evaluate(
    truth_dir: TruthDir,
    index: Library = None,
    judge: Judge = None,
    classes: Classes = None,
    limit: Limit = None,
    points: Points = True,
    curve: Curve = False,
    film: Film = False,
    sheet: ReportSheet = None,
    row: Rows = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Colorize the luminance of color photos in several ways and measure how close it comes."""
    with heavy_imports():
        from colorization.cli.progress_bar import photo_progress
        from colorization.evaluation.evaluate import evaluate as measure
        from colorization.evaluation.report import as_dict, table, write_report_sheet
        from colorization.evaluation.rows import standard_settings
        from colorization.evaluation.survey import labels_of, survey
        from colorization.photo_files.contact_sheet import check_sheet
        from colorization.pipeline import ColorizationPipeline

    paths = _chosen(truth_dir, limit)
    if sheet:
        check_sheet(sheet, paths)
    settings = _only(standard_settings(index is not None, points, curve, film), row)
    names = None if classes is None else _lines(classes)
    if names is not None and judge is None:
        raise ValueError("--classes names what a judge sees: give --judge too")
    network, pipeline = _judge(judge), ColorizationPipeline.load(index)
    photos = survey(paths)
    labels = None if names is None else labels_of(photos.paths, names)
    with photo_progress("measuring") as progress:
        report = measure(pipeline, photos, settings, network, labels, seed, progress)
    if sheet:
        shown = {n: s for n, s in settings.items() if not n.startswith(("vividness", "saturation"))}
        by_row = "network" if "network" in settings else next(iter(settings))
        write_report_sheet(sheet, report, pipeline, shown, by_row)
    typer.echo(json.dumps(as_dict(report), indent=1) if as_json else table(report))
    _end_with(photos.unreadable)


def _only(settings: "dict[str, Setting]", rows: list[str] | None) -> "dict[str, Setting]":
    """The rows that are asked for."""
    unknown = [name for name in rows or [] if name not in settings]
    if unknown:
        raise ValueError(f"no row {unknown[0]!r}; there are: {', '.join(settings)}")
    return {name: settings[name] for name in rows} if rows else settings


def _chosen(folder: Path, limit: int | None) -> list[Path]:
    """The photos of a folder, or ``limit`` of them evenly spaced; what we made is no truth."""
    from retrieval.photos.listing import evenly, list_pictures
    from retrieval.photos.metadata import is_made_file
    from retrieval.photos.passed_over import PassedOver

    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder")
    passed = PassedOver()
    found = list(list_pictures(folder, passed))
    paths = [path for path in found if not is_made_file(path)]
    passed.made += sorted({*map(str, found)} - {*map(str, paths)})
    for line in passed.lines():
        typer.echo(f"passed over {one_line(line)}", err=True)
    if not paths:
        raise ValueError(f"{folder}: no pictures in this folder")
    return paths if limit is None else evenly(paths, limit)


def _end_with(unreadable: list[str]) -> None:
    """Tell which photos could not be read; if there are any, the status is 1."""
    for line in unreadable:
        typer.echo(f"skipped {one_line(line)}", err=True)
    if unreadable:
        raise typer.Exit(1)


def _lines(path: Path) -> list[str]:
    """The lines of a text file that are not empty."""
    try:
        lines = [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not a text file in UTF-8") from error
    if not lines:
        raise ValueError(f"{path}: no class names in this file")
    return lines


def _judge(path: Path | None) -> Any:
    from similarity.backbone.rgb_network import load_judge

    if path is None:
        return None
    return load_judge(path)
