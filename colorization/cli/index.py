"""``rechroma index``: what an index holds, whether it is sound, and changes that describe no photo anew."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from colorization.cli.common import IndexDir, Json, one_line, one_line_errors

if TYPE_CHECKING:
    from retrieval.search.photo_index import PhotoIndex

index_app = typer.Typer(
    help="Look at an index, check it, join several, take photos out, follow moved folders.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

Place = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the index.")]


@index_app.command()
@one_line_errors
def info(
    index: Place,
    duplicates: Annotated[
        bool, typer.Option("--duplicates", help="Also list photos that it holds more than once.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Say what an index holds and what made it."""
    from retrieval.maintenance.info import summarize
    from retrieval.search.photo_index import PhotoIndex

    opened = PhotoIndex.open(index)
    summary = summarize(opened)
    groups = _duplicates(opened) if duplicates else []
    if as_json:
        found = asdict(summary) | ({"duplicates": groups} if duplicates else {})
        typer.echo(json.dumps({"index": str(index), **found}, indent=1))
        return
    unusable = (
        "" if summary.unusable is None else f", {summary.unusable} files of its last build unusable"
    )
    typer.echo(
        f"{one_line(str(index))}: {summary.photos} photos ({summary.gray} gray, never recommended{unusable})"
    )
    for root, count in summary.roots.items():
        typer.echo(f"{count:8d} from {one_line(root)}")
    typer.echo(
        f"backbone {summary.backbone}, weights {summary.weights_hash}, projections {summary.pca_hash}"
    )
    built = f", built {summary.built}" if summary.built else ""
    typer.echo(
        f"{summary.shards} shards, {summary.bytes / 1e6:.1f} MB on disk, {summary.faiss or 'index.faiss missing'}{built}"
    )
    if summary.search.parameters:
        parameters = ", ".join(
            f"{name} {value}" for name, value in summary.search.parameters.items()
        )
        typer.echo(
            f"search {summary.search.kind} ({parameters}): finds {summary.search.recall:.1%} of the ten nearest photos"
        )
    if duplicates:
        typer.echo(f"{len(groups)} groups of near-duplicates")
    for number, group in enumerate(groups, 1):
        for path in group:
            typer.echo(f"{number:8d} {one_line(path)}")


@index_app.command()
@one_line_errors
def verify(
    index: Place,
    photos: Annotated[
        bool, typer.Option("--photos/--no-photos", help="Also look for each photo on disk.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Check an index and its photos; one line for each finding, and status 1 if there is any."""
    from colorization.cli.progress_bar import photo_progress
    from retrieval.maintenance.verify import verify_index

    with photo_progress("verifying", quiet=not photos) as progress:
        findings = verify_index(index, photos, progress)
    if as_json:
        typer.echo(json.dumps([{**asdict(f), "path": str(f.path)} for f in findings], indent=1))
    elif not findings:
        typer.echo(
            f"{one_line(str(index))}: sound{', and its photos are as they were indexed' if photos else ''}"
        )
    else:
        for finding in findings:
            typer.echo(one_line(f"{finding.path}: {finding.problem}; {finding.cure}"))
    if findings:
        raise typer.Exit(1)


@index_app.command()
@one_line_errors
def merge(
    indexes: Annotated[
        list[Path],
        typer.Argument(metavar="DIR...", help="Two or more indexes of the same backbone."),
    ],
    index: IndexDir,
) -> None:
    """Join indexes into a new one, or into one of them; descriptors are copied, not computed again."""
    from retrieval.maintenance.merge import merge_indexes

    report = merge_indexes(indexes, index)
    shared = f", {report.shared} of which lie in several and count once" if report.shared else ""
    typer.echo(f"{one_line(str(index))}: {report.count} photos{shared}")


@index_app.command()
@one_line_errors
def remove(
    index: Place,
    pattern: Annotated[
        str, typer.Argument(help="Fits whole paths; quote it. * stands for anything, also for /.")
    ],
) -> None:
    """Take photos out of an index by their path; the photos themselves stay where they are.

    A later build-index of a folder that still holds them adds them again.
    """
    from retrieval.maintenance.remove import remove_photos

    count = remove_photos(index, pattern)
    typer.echo(
        f"{one_line(str(index))}: {count} photos removed from the index; the files are untouched"
    )


@index_app.command()
@one_line_errors
def relink(
    index: Place,
    root: Annotated[
        list[Path],
        typer.Option(
            "--root", help="Folder to look in for photos that were moved; repeat for several."
        ),
    ],
) -> None:
    """Find photos again that were moved or renamed, by their content; nothing is described anew."""
    from retrieval.maintenance.relink import relink as find_again

    report = find_again(index, root)
    indexed = (
        f" ({report.indexed} of them lie there and are in the index under that path already)"
        if report.indexed
        else ""
    )
    typer.echo(
        f"{one_line(str(index))}: {report.relinked} photos relinked, {report.missing} still missing{indexed}"
    )


def _duplicates(opened: "PhotoIndex") -> list[list[str]]:
    from colorization.cli.progress_bar import photo_progress
    from retrieval.search.duplicate_groups import duplicate_groups

    with photo_progress("comparing") as progress:
        groups = duplicate_groups(opened, progress)
    return [[str(opened.path(row)) for row in group] for group in groups]
