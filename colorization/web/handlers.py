"""The page's handlers: each takes what the browser sent and tells which parts of the page change."""

import functools
import html
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import gradio as gr
import numpy as np

from colorization.cli.common import one_line
from colorization.photo_files.provenance import sources
from colorization.web.components import Parts
from colorization.web.edit_history import Number, Sent, Work
from colorization.web.messages import as_number, without_folders
from colorization.web.photo_editor import Studio
from colorization.web.previews import save_preview, with_doubt, with_marks

NUM_SWATCHES = 9
LEFT, TOP = "% from left", "% from top"
NO_PHOTO = "drop a gray photo first"


Changes = dict[Any, Any]
Given = ParamSpec("Given")
Found = TypeVar("Found")


def errors_on_page(handler: Callable[Given, Found]) -> Callable[Given, Found]:
    """Turn the errors a visitor can cause into one line on the page."""

    @functools.wraps(handler)
    def wrapped(*args: Given.args, **kwargs: Given.kwargs) -> Found:
        try:
            return handler(*args, **kwargs)
        # RuntimeError: torch has no memory
        except (ValueError, OSError, MemoryError, RuntimeError) as error:
            raise refusal(error) from error

    return wrapped


def refusal(error: Exception) -> gr.Error:
    """An error as one line, which names files without the folder they are kept in."""
    return gr.Error(as_line(str(error) or type(error).__name__), print_exception=False)


def as_line(text: str) -> str:
    """One line for a message, without folders and without markup."""
    return html.escape(one_line(without_folders(text)), quote=False)


class Desk:
    """Handlers for one page. What a visitor has done so far comes in and goes out as ``Work``; nothing is kept here."""

    def __init__(self, studio: Studio, parts: Parts) -> None:
        self.studio, self.parts = studio, parts

    @errors_on_page
    def open(self, photo: str, overlay: bool) -> Changes:
        """A photo was dropped."""
        p = self.parts
        work = self.studio.open(Path(photo))
        fresh: Changes = {
            p.bench: gr.Row(visible=True),
            p.own: None,
            p.palette: None,
            p.variants: None,
            p.variant_works: [],
        }
        return {**fresh, **self._no_suggestions(), **self._all(work, overlay)}

    @errors_on_page
    def close(self) -> Changes:
        """The photo was taken away."""
        p = self.parts
        return {p.work: None, p.spot: None, p.status: "", p.bench: gr.Row(visible=False)}

    @errors_on_page
    def show(self, work: Work | None, overlay: bool) -> Changes:
        """Show the photo anew."""
        return self._pictures(_there(work), overlay)

    @errors_on_page
    def divide(self, position: Number) -> Changes:
        """Move the divider between before and after."""
        return {self.parts.slider: gr.ImageSlider(slider_position=position)}

    @errors_on_page
    def toggle(self, work: Work | None, overlay: bool, event: gr.SelectData) -> Changes:
        """A reference was clicked: use it, or use it no more."""
        picks = set(_there(work).edit.picks) ^ {int(event.index)}
        return self._references(_there(work).change("", picks=tuple(sorted(picks))), overlay)

    @errors_on_page
    def pick(self, work: Work | None, picks: list[int], overlay: bool) -> Changes:
        """References were ticked."""
        return self._references(_there(work).change("", picks=tuple(sorted(picks))), overlay)

    @errors_on_page
    def bring(self, work: Work | None, paths: list[str], overlay: bool) -> Changes:
        """References of the visitor's own were dropped; those that are refused do not stand in the way of the others."""
        found, refused = self.studio.bring(_there(work), [Path(path) for path in paths])
        for line in refused:
            gr.Warning(as_line(line))
        return {**self._references(found, overlay), **self._own(found)}

    @errors_on_page
    def take_back(self, work: Work | None, paths: list[str] | None, overlay: bool) -> Changes:
        """References of the visitor's own were taken away again."""
        return self._references(
            _there(work).take_back([Path(path) for path in paths or []]), overlay
        )

    @errors_on_page
    def palette(self, work: Work | None, path: str, overlay: bool) -> Changes:
        """A palette was dropped."""
        return self._pictures(_there(work).change("", palette=Path(path)), overlay)

    @errors_on_page
    def no_palette(self, work: Work | None, overlay: bool) -> Changes:
        """The palette was taken away."""
        return self._pictures(_there(work).change("", palette=None), overlay)

    @errors_on_page
    def saturate(self, work: Work | None, value: Sent, overlay: bool) -> Changes:
        """The saturation was moved."""
        return self._pictures(
            _there(work).change("saturation", saturation=as_number(value, "saturation")), overlay
        )

    @errors_on_page
    def vivify(self, work: Work | None, value: Sent, overlay: bool) -> Changes:
        """The vividness was moved."""
        return self._pictures(
            _there(work).change("vividness", vividness=as_number(value, "vividness")), overlay
        )

    @errors_on_page
    def follow(self, work: Work | None, value: Sent, overlay: bool) -> Changes:
        """The faithfulness was moved."""
        return self._pictures(
            _there(work).change("faithfulness", faithfulness=as_number(value, "faithfulness")),
            overlay,
        )

    @errors_on_page
    def click(self, work: Work | None, event: gr.SelectData) -> Changes:
        """A place of the picture was clicked."""
        height, width, _ = self.studio.original(_there(work)).shape
        column, row = event.index
        left, top = 100 * (column + 0.5) / width, 100 * (row + 0.5) / height
        p = self.parts
        return {
            p.left: round(left, 1),
            p.top: round(top, 1),
            **self._suggestions(_there(work), left, top),
        }

    @errors_on_page
    def suggest(self, work: Work | None, left: Sent, top: Sent) -> Changes:
        """Suggestions were asked for by the numbers of the place."""
        return self._suggestions(_there(work), as_number(left, LEFT), as_number(top, TOP))

    @errors_on_page
    def put(self, work: Work | None, left: Sent, top: Sent, color: str, overlay: bool) -> Changes:
        """A color was put on the place."""
        return self._pictures(
            self.studio.put(
                _there(work), as_number(left, LEFT) / 100, as_number(top, TOP) / 100, color
            ),
            overlay,
        )

    def put_swatch(self, number: int) -> Callable[..., Changes]:
        """The handler of a suggested color."""

        @errors_on_page
        def put(
            work: Work | None, spot: tuple[float, float, list[str]] | None, overlay: bool
        ) -> Changes:
            if spot is None or number >= len(spot[2]):
                raise ValueError("click a place of the picture first")
            return self._pictures(
                self.studio.put(_there(work), spot[0], spot[1], spot[2][number]), overlay
            )

        return put

    @errors_on_page
    def show_variants(self, work: Work | None) -> Changes:
        """Several ways side by side."""
        variants = self.studio.variants(_there(work))
        shown = [
            (str(self._saved(variant.rgb, "variant.jpg")), variant.caption) for variant in variants
        ]
        return {
            self.parts.variants: shown,
            self.parts.variant_works: [variant.work for variant in variants],
        }

    @errors_on_page
    def take_variant(
        self, work: Work | None, works: list[Work], overlay: bool, event: gr.SelectData
    ) -> Changes:
        """A variant was clicked: a further step takes its references, saturation and vividness, in which variants differ.

        Points, palette and faithfulness stay as they are now, so that what was put since the
        variants were shown is kept.
        """
        if (
            not 0 <= int(event.index) < len(works)
            or works[int(event.index)].photo != _there(work).photo
        ):
            raise ValueError("show the variants of this photo first")
        edit = works[int(event.index)].edit
        taken = _there(work).change(
            "", picks=edit.picks, saturation=edit.saturation, vividness=edit.vividness
        )
        return self._all(taken, overlay)

    @errors_on_page
    def undo(self, work: Work | None, overlay: bool) -> Changes:
        """A step back."""
        return self._all(_there(work).undo(), overlay)

    @errors_on_page
    def redo(self, work: Work | None, overlay: bool) -> Changes:
        """A step that was taken back, again."""
        return self._all(_there(work).redo(), overlay)

    @errors_on_page
    def restart(self, work: Work | None, overlay: bool) -> Changes:
        """As it was first."""
        return self._all(_there(work).restart(), overlay)

    @errors_on_page
    def make(self, work: Work | None) -> Changes:
        """Make the file at full size."""
        path = self.studio.write(_there(work))
        label = f"Save {path.name} ({path.stat().st_size / 1e6:.1f} MB)"
        return {self.parts.download: gr.DownloadButton(label, value=str(path), visible=True)}

    def _all(self, work: Work, overlay: bool) -> Changes:
        """Pictures and controls."""
        p, edit = self.parts, work.edit
        return {
            p.saturation: edit.saturation,
            p.vividness: edit.vividness,
            p.palette: None if edit.palette is None else str(edit.palette),
            **self._own(work),
            **self._references(work, overlay),
        }

    def _own(self, work: Work) -> Changes:
        return {self.parts.own: [str(path) for path in work.own] or None}

    def _references(self, work: Work, overlay: bool) -> Changes:
        """Pictures, and the controls that references change; others may have been moved meanwhile."""
        p, edit = self.parts, work.edit
        choices = [(candidate.caption, i) for i, candidate in enumerate(work.candidates)]
        captions = [
            f"{'✓ ' if i in edit.picks else ''}{one.score}" for i, one in enumerate(work.candidates)
        ]
        thumbnails = [str(self.studio.thumbnail(candidate)) for candidate in work.candidates]
        return {
            p.gallery: gr.Gallery(
                list(zip(thumbnails, captions, strict=True)),
                visible=bool(choices),
                selected_index=None,
            ),
            p.mix: gr.CheckboxGroup(choices, value=list(edit.picks), visible=bool(choices)),
            p.faithfulness: work.faithfulness,
            **self._pictures(work, overlay),
        }

    def _pictures(self, work: Work, overlay: bool) -> Changes:
        """What shows the photo, and what the step itself changes."""
        p, result = self.parts, self.studio.look(work)
        after = (
            with_doubt(result.rgb, result.confidence) if overlay and work.edit.picks else result.rgb
        )
        key = sha256(str(work.photo).encode(errors="surrogateescape")).hexdigest()
        before = self.studio.store.folder / "originals" / f"{key}.jpg"
        if not before.is_file():
            save_preview(self.studio.original(work), before)
        return {
            p.work: work,
            p.slider: (str(before), str(self._saved(after, "color.jpg"))),
            p.picture: str(
                self._saved(with_marks(result.rgb, work.edit.points, None), "marked.jpg")
            ),
            p.status: _status(work, result.influence, [work.note, *result.skipped]),
            p.undo: gr.Button(interactive=len(work.edits) > 1),
            p.redo: gr.Button(interactive=bool(work.undone)),
            p.download: gr.DownloadButton(visible=False),
        }

    def _suggestions(self, work: Work, left: float, top: float) -> Changes:
        p, x, y = self.parts, left / 100, top / 100
        found = self.studio.suggest(work, x, y)[:NUM_SWATCHES]
        colors = [one.hex for one in found]
        rules = "".join(
            f"#swatch-{i}{{background:{color};color:{'#000' if sum(one.rgb) > 380 else '#fff'}}}"
            for i, (color, one) in enumerate(zip(colors, found, strict=True))
        )
        marked = with_marks(self.studio.look(work).rgb, work.edit.points, (x, y))
        buttons = {
            swatch: gr.Button(f"{found[i].share:.0%}", visible=True)
            if i < len(found)
            else gr.Button(visible=False)
            for i, swatch in enumerate(p.swatches)
        }
        shown = {
            p.spot: (x, y, colors),
            p.swatch_style: f"<style>{rules}</style>",
            p.picture: str(self._saved(marked, "marked.jpg")),
        }
        return {**shown, p.color: colors[0], **buttons}

    def _no_suggestions(self) -> Changes:
        p = self.parts
        return {
            p.spot: None,
            p.swatch_style: "",
            **{swatch: gr.Button(visible=False) for swatch in p.swatches},
        }

    def _saved(self, rgb: np.ndarray, name: str) -> Path:
        return save_preview(rgb, self.studio.store.new(name))


def _there(work: Work | None) -> Work:
    if work is None:
        raise ValueError(NO_PHOTO)
    return work


def _status(work: Work, influence: list[float], notes: list[str]) -> str:
    shares = [(one.path.name, share) for one, share in zip(work.picked, influence, strict=False)]
    parts = [f"Colors {sources(shares)}"]
    parts += (
        [f"{len(work.edit.points)} color point{'s' if len(work.edit.points) > 1 else ''}"]
        if work.edit.points
        else []
    )
    parts += [f"palette of {work.edit.palette.name}"] if work.edit.palette else []
    lines = ["; ".join(parts) + ".", *(note for note in notes if note)]
    return "".join(f"<p>{html.escape(one_line(without_folders(line)))}</p>" for line in lines)
