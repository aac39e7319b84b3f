"""``rechroma index verify``: whether an index and its photos are sound."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from colorization.cli.common import Json, Place
from colorization.messages import one_line


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
        also = ", and its photos are as they were indexed" if photos else ""
        typer.echo(f"{one_line(str(index))}: sound{also}")
    else:
        for finding in findings:
            typer.echo(one_line(f"{finding.path}: {finding.problem}; {finding.cure}"))
    if findings:
        raise typer.Exit(1)
