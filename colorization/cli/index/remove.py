"""``rechroma index remove``: an index without some of its photos."""

from typing import Annotated

import typer

from colorization.cli.common import Place
from colorization.cli.process import heavy_imports
from colorization.messages import one_line


def remove(
    index: Place,
    pattern: Annotated[
        str,
        typer.Argument(
            help="Fits whole paths, or paths inside the indexed folder; quote it. * stands for"
            " anything, also for /."
        ),
    ],
) -> None:
    """Take photos out of an index by their path; the photos themselves stay where they are.

    A later build-index of a folder that still holds them adds them again.
    """
    with heavy_imports():
        from retrieval.maintenance.remove import remove_photos

    name, count = one_line(str(index)), remove_photos(index, pattern)
    typer.echo(f"{name}: {count} photos removed from the index; the files are untouched")
