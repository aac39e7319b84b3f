"""``rechroma user-study``: ask people which picture is real or looks better."""

import json
from pathlib import Path
from typing import Annotated

import typer

from colorization.cli.common import Json
from colorization.cli.process import heavy_imports


def user_study(
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
    """Write a page that asks people which picture is real or better, or add up what they chose."""
    if results:
        if real_dir is not None:
            raise ValueError(
                "give folders to write a page, or --results to add up choices, not both"
            )
        _print_choices(results, as_json)
        return
    if real_dir is None or result_dir is None:
        raise ValueError("give REAL_DIR and RESULT_DIR, or --results FILE")
    with heavy_imports():
        from colorization.evaluation.user_study import build_study

    result_dirs = [folder for folder in (result_dir, result2_dir) if folder]
    pairs, unmatched = build_study(real_dir, result_dirs, output, seed, overwrite, limit)
    if as_json:
        page = {"page": str(output), "pairs": pairs, "unmatched": unmatched}
        typer.echo(json.dumps(page, indent=1))
        return
    left_out = f", {unmatched} names left out that not all folders have" if unmatched else ""
    typer.echo(f"{output}: {pairs} pairs{left_out}; open it in a browser")


def _print_choices(results: list[Path], as_json: bool) -> None:
    from colorization.evaluation.study_results import read_results

    found = read_results(results)
    if not as_json:
        typer.echo(found.sentence())
        return
    summary = {
        "kind": found.kind,
        "names": found.names,
        "successes": found.successes,
        "n": found.n,
        "share": found.share if found.n else None,
        "interval": found.interval,
    }
    typer.echo(json.dumps(summary, indent=1))
