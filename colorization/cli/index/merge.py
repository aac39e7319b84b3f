"""``rechroma index merge``: several indexes as one."""

from pathlib import Path
from typing import Annotated

import typer

from colorization.cli.common import IndexDir
from colorization.cli.process import heavy_imports
from colorization.messages import one_line


def merge(
    indexes: Annotated[
        list[Path],
        typer.Argument(metavar="DIR...", help="Two or more indexes of the same backbone."),
    ],
    index: IndexDir,
) -> None:
    """Join indexes into a new one, or into one of them; descriptors are copied, not computed."""
    with heavy_imports():
        from retrieval.maintenance.merge import merge_indexes

    report = merge_indexes(indexes, index)
    shared = f", {report.shared} of which lie in several and count once" if report.shared else ""
    typer.echo(f"{one_line(str(index))}: {report.count} photos{shared}")
