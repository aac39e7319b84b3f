"""The commands that measure: ``rechroma evaluate`` against the truth, ``rechroma user-study`` with people."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from colorization.cli.common import Json, given, one_line


def evaluate_command(
    truth_dir: Annotated[
        Path | None, typer.Argument(help="Folder of color photos, walked recursively.")
    ] = None,
    index: Annotated[
        Path | None, typer.Option("--index", help="Index to recommend references from.")
    ] = None,
    judge: Annotated[
        Path | None, typer.Option(help="Network that judges: weights of VGG-19, or a Python file.")
    ] = None,
    classes: Annotated[
        Path | None,
        typer.Option(
            help="Names of the judge's classes, one a line; photos named after one are its labels."
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            min=1, help="At most so many photos, evenly spaced; with --linear-probe, of each class."
        ),
    ] = None,
    points: Annotated[
        bool, typer.Option("--points/--no-points", help="Also show 1, 10 and 100 true colors.")
    ] = True,
    curve: Annotated[
        bool, typer.Option("--curve", help="Also other values of vividness and saturation.")
    ] = False,
    sheet: Annotated[
        Path | None, typer.Option(help="Contact sheet of the worst, median and best by Delta E.")
    ] = None,
    row: Annotated[
        list[str] | None, typer.Option(help="Only this row, by its name in the table; may repeat.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of random points and references.")] = 0,
    linear_probe: Annotated[
        Path | None,
        typer.Option(help="Instead: how well layers tell the class folders of this folder apart."),
    ] = None,
    probe_block: Annotated[
        str, typer.Option(help="Block of the colorization network, for --linear-probe.")
    ] = "conv5",
    probe_layer: Annotated[
        str, typer.Option(help="Layer of the backbone, for --linear-probe.")
    ] = "relu5_4",
    as_json: Json = False,
) -> None:
    """Colorize the luminance of color photos in several ways and measure how close the results are."""
    if linear_probe is not None:
        if truth_dir is not None:
            raise ValueError("give TRUTH_DIR or --linear-probe FOLDER, not both")
        others = given(
            index=index,
            judge=judge,
            classes=classes,
            sheet=sheet,
            row=row or None,
            curve=curve or None,
        )
        if others:
            raise ValueError(
                f"--linear-probe measures nothing else: leave out --{next(iter(others))}"
            )
        _probe(linear_probe, limit, probe_block, probe_layer, seed, as_json)
        return
    if truth_dir is None:
        raise ValueError("give TRUTH_DIR, a folder of color photos")
    from colorization.cli.progress_bar import photo_progress
    from colorization.evaluation.evaluate import evaluate, labels_of, survey
    from colorization.evaluation.report import as_dict, table, write_report_sheet
    from colorization.evaluation.rows import standard_settings
    from colorization.photo_files.contact_sheet import check_sheet
    from colorization.pipeline import ColorizationPipeline

    paths = _chosen(truth_dir, limit)
    if sheet:
        check_sheet(sheet, paths)
    settings = _only(
        standard_settings(with_index=index is not None, with_points=points, with_curve=curve), row
    )
    names = None if classes is None else _lines(classes)
    if names is not None and judge is None:
        raise ValueError("--classes names what a judge sees: give --judge too")
    network, pipeline = _judge(judge), ColorizationPipeline.load(index)
    photos = survey(paths)
    labels = None if names is None else labels_of(photos.paths, names)
    with photo_progress("measuring") as progress:
        report = evaluate(
            pipeline, photos, settings, network, labels=labels, seed=seed, progress=progress
        )
    if sheet:
        shown = {n: s for n, s in settings.items() if not n.startswith(("vividness", "saturation"))}
        write_report_sheet(
            sheet,
            report,
            pipeline,
            shown,
            "network" if "network" in settings else next(iter(settings)),
        )
    typer.echo(json.dumps(as_dict(report), indent=1) if as_json else table(report))
    for line in photos.unreadable:
        typer.echo(f"skipped {one_line(line)}", err=True)
    if photos.unreadable:
        raise typer.Exit(1)


def user_study_command(
    real_dir: Annotated[
        Path | None, typer.Argument(metavar="REAL_DIR", help="Folder of the real photos.")
    ] = None,
    result_dir: Annotated[
        Path | None, typer.Argument(metavar="RESULT_DIR", help="Colorized ones of the same names.")
    ] = None,
    result2_dir: Annotated[
        Path | None,
        typer.Argument(metavar="[RESULT2_DIR]", help="Another method's; asks which is better."),
    ] = None,
    output: Annotated[Path, typer.Option(help="The page to write.")] = Path("study.html"),
    results: Annotated[
        list[Path] | None,
        typer.Option(help="Add up downloaded choices instead; repeat for several people."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="At most so many pairs, drawn at random.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the order and the sides.")] = 0,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an existing page.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write a page that asks people which picture is real or looks better, or add up what they chose."""
    from colorization.evaluation.user_study import build_study, read_results

    if results:
        if real_dir is not None:
            raise ValueError(
                "give folders to write a page, or --results to add up choices, not both"
            )
        found = read_results(results)
        summary = {
            "kind": found.kind,
            "names": found.names,
            "successes": found.successes,
            "n": found.n,
        }
        summary |= {"share": found.share if found.n else None, "interval": found.interval}
        typer.echo(json.dumps(summary, indent=1) if as_json else found.sentence())
        return
    if real_dir is None or result_dir is None:
        raise ValueError("give REAL_DIR and RESULT_DIR, or --results FILE")
    pairs, unmatched = build_study(
        real_dir, [d for d in (result_dir, result2_dir) if d], output, seed, overwrite, limit
    )
    if as_json:
        typer.echo(
            json.dumps({"page": str(output), "pairs": pairs, "unmatched": unmatched}, indent=1)
        )
        return
    left_out = f", {unmatched} names left out that not all folders have" if unmatched else ""
    typer.echo(f"{output}: {pairs} pairs{left_out}; open it in a browser")


def _only(settings: dict[str, Any], rows: list[str] | None) -> dict[str, Any]:
    """The rows that are asked for."""
    unknown = [name for name in rows or [] if name not in settings]
    if unknown:
        raise ValueError(f"no row {unknown[0]!r}; there are: {', '.join(settings)}")
    return {name: settings[name] for name in rows} if rows else settings


def _chosen(folder: Path, limit: int | None) -> list[Path]:
    """The photos of a folder, or ``limit`` of them evenly spaced."""
    from retrieval.photos.listing import some_pictures

    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder")
    paths = some_pictures(folder, limit)
    if not paths:
        raise ValueError(f"{folder}: no pictures in this folder")
    return paths


def _probe(
    folder: Path, limit: int | None, block: str, layer: str, seed: int, as_json: bool
) -> None:
    from colorization.evaluation.linear_probe import check_names, probe_all, read_classes, table
    from colorization.network.pretrained import load_network
    from similarity.backbone.backbone import load_backbone

    check_names(block, layer)
    backbone = load_backbone()
    photos = read_classes(folder, limit)
    rows = probe_all(backbone, load_network(backbone), photos, block, layer, seed)
    typer.echo(
        json.dumps({"photos": len(photos.labels), "classes": photos.classes} | rows, indent=1)
        if as_json
        else table(rows, photos)
    )
    for line in photos.unreadable:
        typer.echo(f"skipped {one_line(line)}", err=True)
    if photos.unreadable:
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
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such judge")
    try:
        return load_judge(path)
    except (OSError, ValueError):
        raise
    except Exception as error:  # a Python file may raise anything
        raise ValueError(
            f"{path}: this judge cannot be loaded ({type(error).__name__}: {error})"
        ) from error
