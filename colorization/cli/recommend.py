"""``rechroma recommend``: which photos of an index suit a gray one as references."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from colorization.cli.common import (
    Backbone,
    Device,
    IndexDir,
    Json,
    SameClass,
    Sheet,
    VggWeights,
    given,
)
from colorization.cli.process import heavy_imports
from colorization.messages import one_line

if TYPE_CHECKING:
    from retrieval.photos.reader import Picture
    from retrieval.search.recommendation import Recommendation


def recommend(
    photo: Annotated[Path, typer.Argument(help="A gray photo.")],
    index: IndexDir,
    top_k: Annotated[int, typer.Option(min=1, help="How many references.")] = 5,
    same_class: SameClass = None,
    sheet: Sheet = None,
    as_json: Json = False,
    backbone: Backbone = None,
    vgg_weights: VggWeights = None,
    device: Device = None,
) -> None:
    """Recommend color references for a gray photo from an index."""
    with heavy_imports():
        from colorization.batch.outcome import describe_recommendation
        from colorization.photo_files.contact_sheet import check_sheet
        from colorization.pipeline import ColorizationPipeline
        from retrieval.photos.reader import read_picture
        from retrieval.search.match_words import honest_note
        from retrieval.storage.mending_commands import relink

    if sheet:
        check_sheet(sheet, [photo])
    picture = read_picture(photo)  # as colorize reads it, and asks for them: both rank alike
    pipeline = ColorizationPipeline.load(
        **given(index_dir=index, backbone=backbone, weights_path=vgg_weights, device=device)
    )
    query = pipeline.search.query(picture.rgb)
    found = pipeline.search.recommend(query, top_k, bool(same_class))
    if sheet:
        _write_sheet(sheet, picture, found)
    if as_json:
        typer.echo(json.dumps([describe_recommendation(one) for one in found], indent=1))
    else:
        _print_table(found)
    if gone := sum(not os.path.lexists(one.path) for one in found):
        cure = relink(pipeline.search.index.index_dir)
        are = "is" if gone == 1 else "are"
        typer.echo(f"note: {gone} of these {are} gone; find what was moved: {cure}", err=True)
    note = honest_note(found)
    if note and pipeline.search.note(query, same_class=bool(same_class)):  # nor are others better
        typer.echo(f"note: {note}", err=True)


def _write_sheet(sheet: Path, picture: "Picture", found: "list[Recommendation]") -> None:
    from colorization.photo_files.contact_sheet import Cell, thumbnail, write_sheet
    from retrieval.photos.reader import PictureError, read_small_rgb

    cells = [Cell(thumbnail(picture.rgb), "target")]
    for one in found:
        try:
            rgb = thumbnail(read_small_rgb(one.path, 256))
        except PictureError as error:
            typer.echo(f"not on the sheet: {error}", err=True)
            continue
        cells.append(Cell(rgb, f"{one.path.name} {one.score:.2f}"))
    write_sheet(sheet, [cells])


def _print_table(found: "list[Recommendation]") -> None:
    typer.echo("score  match  colors  global  feature  luminance  photo")
    for one in found:
        parts = f"{one.global_score:6.3f}  {one.feature_score:7.3f}  {one.luminance_score:9.3f}"
        first = f"{one.score:5.3f}  {one.match:5}  {one.color_score:6.2f}"
        typer.echo(f"{first}  {parts}  {one_line(str(one.path))}")
