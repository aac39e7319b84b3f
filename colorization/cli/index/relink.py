"""``rechroma index relink``: an index whose photos were moved."""

from pathlib import Path
from typing import Annotated

import typer

from colorization.cli.common import Place
from colorization.cli.process import heavy_imports
from colorization.messages import one_line


def relink(
    index: Place,
    root: Annotated[
        list[Path],
        typer.Option(
            "--root", help="Folder to look in for photos that were moved; repeat for several."
        ),
    ],
) -> None:
    """Find photos again that were moved or renamed, by their content; none is described anew."""
    with heavy_imports():
        from retrieval.maintenance.relink import relink as find_again
        from retrieval.storage.manifest import read_manifest
        from retrieval.storage.mending_commands import all_in, forget

    report = find_again(index, root)
    indexed = ""
    if report.indexed:
        where = "lie there and are in the index under that path already"
        indexed = f" ({report.indexed} of them {where})"
    typer.echo(
        f"{one_line(str(index))}: {report.relinked} photos relinked,"
        f" {report.missing} still missing{indexed}"
    )
    gone = read_manifest(index).gone_roots()
    if report.indexed and gone:
        command = one_line(forget(index, all_in(gone[0])))
        typer.echo(f"note: to forget the old paths: {command}", err=True)
