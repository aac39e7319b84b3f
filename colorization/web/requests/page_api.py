"""What the page asks for: open a photo, edit it, look at it, save it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from colorization.inference.pictures.picture_arrays import shrunk
from colorization.web.editing.color_names import color_name
from colorization.web.editing.edit_history import EditedPhoto
from colorization.web.editing.edit_requests import change, sent
from colorization.web.editing.photo_editor import PhotoEditor, Say
from colorization.web.editing.previews import save_preview
from colorization.web.editing.variants import variants_of
from colorization.web.editing.views import photo_view, url_of
from colorization.web.examples import EXAMPLES, example_photo, example_thumbnail
from colorization.web.library import Library
from colorization.web.messages import GoneError, as_line, as_number
from colorization.web.requests.queued_results import CARD_SIDE, result_of
from colorization.web.requests.turns import Turns
from colorization.web.requests.upload_checks import accepted_suffixes
from colorization.web.requests.uploads import Uploads
from colorization.web.storage.named import Named
from colorization.web.storage.open_photos import OpenPhotos
from colorization.web.storage.photo_queue import GONE, MAX_QUEUES, PhotoQueue

UNTICKED = "Only your own references are used now. Tick recommended ones to use them too."


class PageApi:
    """The page's requests. What takes a while is answered in lines, see Turns.answer."""

    def __init__(
        self, editor: PhotoEditor, turns: Turns, uploads: Uploads, library: Library
    ) -> None:
        self.editor, self.turns, self.uploads, self.library = editor, turns, uploads, library
        self.photos, self.queues = (
            OpenPhotos(editor.limits.open_photos),
            Named[PhotoQueue](MAX_QUEUES, GONE),
        )

    def routes(self) -> list[Route]:
        """Where each request is answered."""
        photo = "/api/photos/{name}"
        return [
            Route("/api/page", self.page),
            Route("/api/library", self.index_folder, methods=["POST"]),
            Route("/api/photos", self.open, methods=["POST"]),
            Route("/api/examples/{example}", self.example),
            Route("/api/examples/{example}", self.open_example, methods=["POST"]),
            Route(photo, self.show),
            Route(f"{photo}/edits", self.edit, methods=["POST"]),
            Route(f"{photo}/references", self.bring, methods=["POST"]),
            Route(f"{photo}/palette", self.take_palette, methods=["POST"]),
            Route(f"{photo}/suggestions", self.suggest, methods=["POST"]),
            Route(f"{photo}/variants", self.variants, methods=["POST"]),
            Route(f"{photo}/file", self.save, methods=["POST"]),
        ]

    async def page(self, _: Request) -> Response:
        """What the start page shows."""
        return JSONResponse(
            {
                "accept": accepted_suffixes(),
                "examples": EXAMPLES,
                "library": self.library.state(),
                "queued_photos": self.editor.limits.queued_photos,
            }
        )

    async def index_folder(self, request: Request) -> Response:
        """Begin to index a folder of this machine."""
        self.library.start(str((await sent(request)).get("folder", "")))
        return JSONResponse(self.library.state())

    async def open(self, request: Request) -> Response:
        """A photo was dropped."""
        path = (await self.uploads.receive(request)).file("photo")
        return self.turns.answer(lambda say: self._opened(path, say))

    async def example(self, request: Request) -> Response:
        """A small picture of an example."""
        name, store = request.path_params["example"], self.editor.store
        return FileResponse(await anyio.to_thread.run_sync(example_thumbnail, name, store))

    async def open_example(self, request: Request) -> Response:
        """An example was chosen."""
        name = request.path_params["example"]
        return self.turns.answer(
            lambda say: self._opened(example_photo(name, self.editor.store), say)
        )

    async def show(self, request: Request) -> Response:
        """A page was loaded again, or shows or hides the doubt."""
        name, doubt = _asked(request)
        self.photos.get(name)
        return self.turns.answer(
            lambda say: photo_view(self.editor, name, self.photos.get(name), doubt, say)
        )

    async def edit(self, request: Request) -> Response:
        """One change of what is wished for."""
        wish = await sent(request)
        return self._changed(request, lambda photo: change(self.editor, photo, wish))

    async def bring(self, request: Request) -> Response:
        """References of the visitor's own; one that is refused does not stand in others' way."""
        form, (name, doubt) = await self.uploads.receive(request), _asked(request)
        paths = form.files.get("reference", [])

        def work(say: Say) -> dict[str, object]:
            say("reading")
            usable, refused = self.editor.readable_references(paths)
            was = any(one.recommended for one in self.photos.get(name).picked)
            unticked = [UNTICKED] if usable and was else []
            view = self.photos.change(
                name,
                lambda photo: self.editor.bring(photo, usable),
                lambda photo: photo_view(self.editor, name, photo, doubt, say),
            )
            return {**view, "told": [*form.refused, *map(as_line, refused), *unticked]}

        return self.turns.answer(work)

    async def take_palette(self, request: Request) -> Response:
        """A palette picture."""
        path = (await self.uploads.receive(request)).file("palette")
        return self._changed(request, lambda photo: photo.change("", palette=path))

    async def suggest(self, request: Request) -> Response:
        """Likely colors of a place."""
        wish, name = await sent(request), request.path_params["name"]
        x, y = (as_number(wish.get(axis), axis) for axis in ("x", "y"))

        def work(_: Say) -> list[dict[str, object]]:
            found = self.editor.suggest(self.photos.get(name), x, y)
            return [
                {"color": one.hex, "name": color_name(one.rgb), "share": round(one.share, 3)}
                for one in found
            ]

        return self.turns.answer(work)

    async def variants(self, request: Request) -> Response:
        """Several results to choose from; a chosen one comes back as an edit."""
        name = request.path_params["name"]

        def work(say: Say) -> list[dict[str, object]]:
            say("coloring")
            return [
                {
                    "caption": one.caption,
                    "picture": self._card(one.rgb),
                    "picks": list(one.edited.edit.picks),
                    "saturation": one.edited.edit.saturation,
                    "vividness": one.edited.edit.vividness,
                }
                for one in variants_of(self.editor, self.photos.get(name))
            ]

        return self.turns.answer(work)

    async def save(self, request: Request) -> Response:
        """Write the file at full size; where the photo is of a queue that is kept, there too."""
        name, queue = request.path_params["name"], request.query_params.get("queue", "")

        def work(say: Say) -> dict[str, object]:
            photo = self.photos.get(name)
            path = self._write(photo, say, name, queue)
            return {"url": url_of(self.editor.store, path), "file": path.name}

        return self.turns.answer(work)

    def _write(self, photo: EditedPhoto, say: Say, name: str, queue: str) -> Path:
        try:
            results = self.queues.get(queue)
        except GoneError:  # hours later, but the photo is there
            return self.editor.write(photo, say)
        result = result_of(self.editor, photo, say)
        results.replace_result(name, result)
        return result.file

    def _opened(self, path: Path, say: Say) -> dict[str, object]:
        photo = self.editor.open(path, say)
        return photo_view(self.editor, self.photos.add(photo), photo, say=say)

    def _changed(self, request: Request, step: Callable[[EditedPhoto], EditedPhoto]) -> Response:
        name, doubt = _asked(request)
        return self.turns.answer(
            lambda say: self.photos.change(
                name, step, lambda photo: photo_view(self.editor, name, photo, doubt, say)
            )
        )

    def _card(self, rgb: Any) -> str:
        path = self.editor.store.new("card.jpg")
        return url_of(self.editor.store, save_preview(shrunk(rgb, CARD_SIDE), path))


def _asked(request: Request) -> tuple[str, bool]:
    """The photo's name, and whether doubt is shown."""
    return request.path_params["name"], request.query_params.get("doubt") == "true"
