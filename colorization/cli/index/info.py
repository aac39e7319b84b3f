"""``rechroma index info``: what an index holds and what made it."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from colorization.cli.common import Json, Place
from colorization.cli.process import heavy_imports
from colorization.messages import one_line

if TYPE_CHECKING:
    from retrieval.maintenance.info import Summary
    from retrieval.search.photo_index import PhotoIndex


def info(
    index: Place,
    duplicates: Annotated[
        bool, typer.Option("--duplicates", help="Also list photos that it holds more than once.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Say what an index holds and what made it."""
    with heavy_imports():
        from retrieval.maintenance.info import summarize
        from retrieval.search.photo_index import PhotoIndex

    opened = PhotoIndex.open(index)
    summary = summarize(opened)
    groups = _duplicates(opened) if duplicates else []
    if as_json:
        found = asdict(summary) | ({"duplicates": groups} if duplicates else {})
        typer.echo(json.dumps({"index": str(index), **found}, indent=1))
        return
    for line in _lines(str(index), summary):
        typer.echo(line)
    if duplicates:
        typer.echo(f"{len(groups)} groups of near-duplicates")
    for number, group in enumerate(groups, 1):
        for path in group:
            typer.echo(f"{number:8d} {one_line(path)}")


def _lines(name: str, summary: "Summary") -> list[str]:
    lines = [
        f"{one_line(name)}: {summary.photos} photos ({summary.gray} gray, never recommended,"
        f" {summary.unusable} files of its last build unusable)"
    ]
    lines += [f"{count:8d} from {one_line(root)}" for root, count in summary.roots.items()]
    lines += [
        f"backbone {summary.backbone}, weights {summary.weights_hash},"
        f" projections {summary.pca_hash}",
        f"{summary.shards} shards, {summary.bytes / 1e6:.1f} MB on disk,"
        f" {summary.faiss or 'index.faiss missing'}, built {summary.built}",
    ]
    search = summary.search
    if search.parameters:
        parameters = ", ".join(f"{name} {value}" for name, value in search.parameters.items())
        found = f"finds {search.recall:.1%} of the ten nearest photos"
        lines.append(f"search {search.kind} ({parameters}): {found}")
    return lines


def _duplicates(opened: "PhotoIndex") -> list[list[str]]:
    from colorization.cli.progress_bar import photo_progress
    from retrieval.search.duplicate_groups import duplicate_groups

    with photo_progress("comparing") as progress:
        groups = duplicate_groups(opened, progress)
    return [[str(opened.path(row)) for row in group] for group in groups]
