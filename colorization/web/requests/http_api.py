"""The same for programs: three requests, each of which stands alone."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from colorization.batch.outcome import describe_recommendation
from colorization.batch.request import PixelPoint, parse_point
from colorization.batch.target_colors import HAS_COLORS, has_colors
from colorization.inference.reference_checks import read_reference
from colorization.options import ColorizeOptions
from colorization.photo_files.provenance import Sources
from colorization.photo_files.results import write_result
from colorization.photo_files.writer import output_suffix
from colorization.web.editing.edit_history import MAX_POINTS, SLIDERS
from colorization.web.editing.photo_editor import PhotoEditor
from colorization.web.messages import as_line, as_number
from colorization.web.requests.turns import Turns
from colorization.web.requests.uploads import Form, Uploads
from retrieval.photos.reader import read_picture

MAX_TOP_K = 10
PALETTE_OVERRULES = "The references are ignored: a palette is given."
NO_INDEX = "recommending references needs an index; start with: rechroma serve --index FOLDER"
REPORT = "rechroma-report"  # the header that says in JSON what was used


class HttpApi:
    """What programs may ask for. Nothing is kept between requests."""

    def __init__(self, editor: PhotoEditor, turns: Turns, uploads: Uploads) -> None:
        self._editor, self._turns, self._uploads = editor, turns, uploads

    def routes(self) -> list[Route]:
        """Where each request is answered."""
        return [
            Route("/api/colorize", self.colorize, methods=["POST"]),
            Route("/api/recommend", self.recommend, methods=["POST"]),
            Route("/api/suggest-colors", self.suggest_colors, methods=["POST"]),
        ]

    async def colorize(self, request: Request) -> Response:
        """Colorize a photo; the answer is the file, a header says what was used."""
        form = await self._uploads.receive(request)
        path, report = await self._turns.run(lambda: self._colorized(form))
        return FileResponse(path, filename=path.name, headers={REPORT: json.dumps(report)})

    async def recommend(self, request: Request) -> Response:
        """Rank the index's photos as references: file names and scores, best first."""
        form = await self._uploads.receive(request)
        return JSONResponse(await self._turns.run(lambda: self._recommended(form)))

    async def suggest_colors(self, request: Request) -> Response:
        """Likely colors of a pixel, the most likely first."""
        form = await self._uploads.receive(request)
        return JSONResponse(await self._turns.run(lambda: self._suggested(form)))

    def _colorized(self, form: Form) -> tuple[Path, dict[str, object]]:
        source, pipeline = form.file("photo"), self._editor.pipeline
        _check_names(form, {"point", "top_k", *SLIDERS}, {"photo", "reference", "palette"})
        picture = read_picture(source)
        count = self._count(form)
        paths = form.files.get("reference", [])
        self._editor.check_references(paths)
        places = form.fields.get("point", [])
        if len(places) > MAX_POINTS:
            raise ValueError(f"at most {MAX_POINTS} color points, not {len(places)}")
        points = [parse_point(text).on(picture.rgb, source) for text in places]
        palette = form.file("palette") if "palette" in form.files else None
        colors = read_reference(palette, "palette picture") if palette else None
        overruled = [PALETTE_OVERRULES] if colors is not None and paths else []
        if colors is not None:
            paths, count = [], 0
        chosen = [read_reference(path) for path in paths] or (None if count else [])
        if chosen is None:
            pipeline.refresh()
        options = self._options(form, count)
        result = pipeline.colorize(picture.rgb, chosen, options, points, colors)
        path = self._editor.store.new(f"{source.stem}-color{output_suffix(source.suffix)}")
        names = [one.path.name for one in result.references] or [one.name for one in paths]
        shares = list(zip(names, result.influence, strict=True))
        found = Sources(shares, palette.name if palette else "", len(points))
        lost = write_result(path, result.rgb, picture, found)
        used = [{"name": name, "influence": round(share, 3)} for name, share in shares]
        lines = (
            *overruled,
            HAS_COLORS if has_colors(picture) else "",
            *lost,
            *result.skipped,
            result.note,
        )
        notes = [as_line(line) for line in lines if line]
        return path, {"references": used, "notes": notes}

    def _recommended(self, form: Form) -> list[dict[str, object]]:
        source, pipeline = form.file("photo"), self._editor.pipeline
        _check_names(form, {"top_k"}, {"photo"})
        if pipeline.index is None:
            raise ValueError(NO_INDEX)
        picture = read_picture(source)
        pipeline.refresh()
        found = pipeline.recommend(picture.rgb, self._count(form))
        return [{**describe_recommendation(one), "path": one.path.name} for one in found]

    def _count(self, form: Form) -> int:
        count = _whole(form.field("top_k", str(self._editor.options.top_k)), "top_k")
        if not 0 <= count <= MAX_TOP_K:
            raise ValueError(f"top_k must be a whole number within 0..{MAX_TOP_K}, not {count}")
        return count

    def _suggested(self, form: Form) -> list[dict[str, object]]:
        source = form.file("photo")
        _check_names(form, {"x", "y"}, {"photo"})
        picture = read_picture(source)
        x, y = (_whole(form.field(axis), axis) for axis in ("x", "y"))
        place = PixelPoint(x, y, (0.0, 0.0)).on(picture.rgb, source)
        found = self._editor.pipeline.suggest_colors(
            picture.rgb, place.x, place.y, options=self._editor.options
        )
        return [{"color": one.hex, "share": round(one.share, 4)} for one in found]

    def _options(self, form: Form, count: int) -> ColorizeOptions:
        asked: dict[str, Any] = {
            name: as_number(form.field(name), name) for name in SLIDERS if name in form.fields
        }
        return replace(self._editor.options, top_k=max(1, count), **asked)


def _whole(value: object, name: str) -> int:
    number = as_number(value, name)
    if number % 1:
        raise ValueError(f"{name} must be a whole number, not {number:g}")
    return int(number)


def _check_names(form: Form, fields: set[str], files: set[str]) -> None:
    """Refuse a misspelled field, which would be passed over without a word."""
    told = f"fields are {', '.join(sorted(fields))}; files are {', '.join(sorted(files))}"
    for name in form.fields.keys() - fields:
        raise ValueError(f"{name} is {'a file' if name in files else 'no field'}; {told}")
    for name in form.files.keys() - files:
        raise ValueError(f"{name} is no file; {told}")
