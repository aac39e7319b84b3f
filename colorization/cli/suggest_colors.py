"""``rechroma suggest-colors``: likely colors of a place of a photo."""

import json
from pathlib import Path
from typing import Annotated

import typer

from colorization.cli.common import Device, Json, given
from colorization.cli.process import heavy_imports


def suggest_colors(
    photo: Annotated[Path, typer.Argument(help="A gray photo.")],
    x: Annotated[int, typer.Argument(help="Pixel column, from the left.")],
    y: Annotated[int, typer.Argument(help="Pixel row, from above.")],
    count: Annotated[int, typer.Option(min=1, max=50, help="How many at most.")] = 9,
    as_json: Json = False,
    device: Device = None,
) -> None:
    """Suggest colors for a place of a gray photo, likeliest first; for colorize --point."""
    with heavy_imports():
        from colorization.batch.request import PixelPoint
        from colorization.pipeline import ColorizationPipeline
        from retrieval.photos.reader import read_picture

    picture = read_picture(photo)
    place = PixelPoint(x, y, (0.0, 0.0)).on(picture.rgb, photo)
    pipeline = ColorizationPipeline.load(**given(device=device))
    found = pipeline.suggest_colors(picture.rgb, place.x, place.y, count)
    rows = [{"color": one.hex, "share": round(one.share, 4)} for one in found]
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        typer.echo(f"{row['color']}  {row['share']:.0%}")
