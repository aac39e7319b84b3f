"""The same over HTTP: three calls with names, for programs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from colorization.batch.request import PixelPoint, parse_point
from colorization.batch.runner import describe_recommendation
from colorization.inference.working_size import read_reference
from colorization.options import ColorizeOptions
from colorization.photo_files.provenance import credited
from colorization.photo_files.writer import output_suffix, what_is_lost, write_picture
from colorization.web.edit_history import MAX_POINTS, Sent
from colorization.web.handlers import errors_on_page
from colorization.web.messages import as_number, without_folders
from colorization.web.photo_editor import Studio
from retrieval.photos.reader import Picture, read_picture

MAX_TOP_K = 10


class Calls:
    """What programs may ask for. Each call stands alone; nothing is kept between calls."""

    def __init__(self, studio: Studio) -> None:
        self.studio, self.pipeline = studio, studio.pipeline

    @errors_on_page
    def colorize(
        self,
        photo: str | None,
        references: list[str] | None,
        palette: str | None,
        points: str | None,
        top_k: Sent,
        saturation: Sent,
        vividness: Sent,
        faithfulness: Sent,
    ) -> Any:
        """Colorize a photo.

        Args:
            photo: uploaded file.
            references: uploaded files; none takes recommended ones, or none without an index.
            palette: uploaded file whose colors the result should have.
            points: ``X,Y,#RRGGBB`` in pixels, several apart by blanks.
            top_k: how many recommended references to fuse; 0 for none.
            saturation: see ColorizeOptions.
            vividness: likewise.
            faithfulness: likewise; None for the default.

        Returns:
            Path of the result, and a report: file names of the references and their shares in it.
        """
        picture, source = _opened(photo)
        count, sent = _count(top_k), {"saturation": saturation, "vividness": vividness}
        asked: dict[str, Any] = {name: as_number(value, name) for name, value in sent.items()} | {
            "top_k": max(1, count)
        }
        if faithfulness is not None:
            asked["faithfulness"] = as_number(faithfulness, "faithfulness")
        options = ColorizeOptions(**{**self.studio.options.__dict__, **asked})
        self.studio.check_references(references or [])
        given = [read_reference(Path(path)) for path in references or []]
        chosen: list[np.ndarray] | None = given or (None if count else [])
        places = (points or "").split()
        if len(places) > MAX_POINTS:
            raise ValueError(f"at most {MAX_POINTS} color points, not {len(places)}")
        wanted = [parse_point(text).on(picture.rgb, source) for text in places]
        colors = read_reference(Path(palette), "palette picture") if palette else None
        if chosen is None:
            self.pipeline.refresh()
        result = self.pipeline.colorize(picture.rgb, chosen, options, wanted, colors)
        path = self.studio.store.new(f"{source.stem}-color{output_suffix(source.suffix)}")
        names = [one.path.name for one in result.references] or [
            Path(one).name for one in references or []
        ]
        shares = list(zip(names, result.influence, strict=True))
        write_picture(
            path,
            result.rgb,
            credited(picture, shares, Path(palette).name if palette else "", len(wanted)),
        )
        notes = [*what_is_lost(picture, path), *result.skipped]
        used = [{"name": name, "influence": round(share, 3)} for name, share in shares]
        return str(path), {"references": used, "notes": [without_folders(line) for line in notes]}

    @errors_on_page
    def recommend(self, photo: str | None, top_k: Sent) -> Any:
        """Rank the index's photos as references: file names and scores, best first."""
        picture, _ = _opened(photo)
        self.pipeline.refresh()
        found = self.pipeline.recommend(picture.rgb, _count(top_k))
        return [{**describe_recommendation(one), "path": one.path.name} for one in found]

    @errors_on_page
    def suggest_colors(self, photo: str | None, x: Sent, y: Sent) -> Any:
        """Likely colors of a pixel, the most likely first."""
        picture, source = _opened(photo)
        place = PixelPoint(round(as_number(x, "x")), round(as_number(y, "y")), (0.0, 0.0)).on(
            picture.rgb, source
        )
        found = self.pipeline.suggest_colors(
            picture.rgb, place.x, place.y, options=self.studio.options
        )
        return [{"color": one.hex, "share": round(one.share, 4)} for one in found]


def add_api(studio: Studio) -> None:
    """Add the named calls to the page that is being laid out, unseen."""
    calls = Calls(studio)
    photo = gr.File(label="photo", visible=False)
    references = gr.File(label="references", file_count="multiple", visible=False)
    palette = gr.File(label="palette", visible=False)
    points = gr.Textbox("", label="points", visible=False)
    asked = ("top_k", "saturation", "vividness", "faithfulness")
    defaults = {name: getattr(studio.options, name) for name in asked} | {"x": 0, "y": 0}
    numbers = {
        name: gr.Number(value, label=name, visible=False) for name, value in defaults.items()
    }
    wishes = [numbers[name] for name in asked]
    report, file = gr.JSON(visible=False), gr.File(label="result", visible=False)

    def named(handler: Callable[..., Any], inputs: list[Any], outputs: list[Any]) -> None:
        gr.Button(visible=False).click(
            handler,
            inputs,
            outputs,
            api_name=handler.__name__,
            concurrency_id="studio",
            api_visibility="public",
        )

    named(calls.colorize, [photo, references, palette, points, *wishes], [file, report])
    named(calls.recommend, [photo, numbers["top_k"]], [report])
    named(calls.suggest_colors, [photo, numbers["x"], numbers["y"]], [report])


def _opened(photo: str | None) -> tuple[Picture, Path]:
    if not photo:
        raise ValueError("no photo was given")
    return read_picture(Path(photo)), Path(photo)


def _count(top_k: Sent) -> int:
    count = as_number(top_k, "top_k")
    if not 0 <= count <= MAX_TOP_K:
        raise ValueError(f"top_k must be within 0..{MAX_TOP_K}, not {top_k}")
    return int(count)
