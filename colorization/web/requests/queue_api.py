"""The page's requests for several photos at once."""

from pathlib import Path

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from colorization.web.editing.photo_editor import PhotoEditor, Say
from colorization.web.editing.previews import save_preview, shrunk
from colorization.web.editing.views import status_lines, url_of
from colorization.web.messages import as_number
from colorization.web.requests.turns import Turns
from colorization.web.requests.uploads import Uploads
from colorization.web.storage.open_photos import OpenPhotos
from colorization.web.storage.photo_queue import PhotoQueues, QueuedPhoto, safe_folder
from retrieval.photos.reader import read_picture

CARD_SIDE = 320  # of the pictures of a queue, in pixels


class QueueApi:
    """A queue's requests. The page sends one photo after the other, and may stop at any."""

    def __init__(
        self,
        editor: PhotoEditor,
        turns: Turns,
        uploads: Uploads,
        photos: OpenPhotos,
        queues: PhotoQueues,
    ) -> None:
        self._editor, self._turns, self._uploads = editor, turns, uploads
        self._photos, self._queues = photos, queues

    def routes(self) -> list[Route]:
        """Where each request is answered."""
        queue = "/api/queues/{name}"
        return [
            Route("/api/queues", self.begin, methods=["POST"]),
            Route(queue, self.show),
            Route(f"{queue}/photos", self.add, methods=["POST"]),
            Route(f"{queue}/zip", self.zip),
        ]

    async def begin(self, _: Request) -> Response:
        """Begin a queue."""
        return JSONResponse({"name": self._queues.new()})

    async def show(self, request: Request) -> Response:
        """What is done, for a page that is loaded again."""
        queue = self._queues.get(request.path_params["name"])
        return JSONResponse([self._view(one) for one in queue.photos])

    async def add(self, request: Request) -> Response:
        """Colorize one more photo, and write its file."""
        queue = self._queues.get(request.path_params["name"])
        form = await self._uploads.receive(request)
        path, folder = form.file("photo"), safe_folder(form.field("place"))
        number = int(as_number(form.field("number", "0"), "number"))
        if len(queue.photos) >= self._editor.limits.queued_photos:
            raise ValueError(f"at most {self._editor.limits.queued_photos} photos at once")

        def work(say: Say) -> dict[str, object]:
            done = self._colorized(number, path, folder, say)
            queue.add(done)
            return self._view(done)

        return self._turns.answer(work)

    async def zip(self, request: Request) -> Response:
        """All results in one file."""
        queue = self._queues.get(request.path_params["name"])
        path = await anyio.to_thread.run_sync(queue.write_zip, self._editor.store)
        return FileResponse(path, filename=path.name)

    def _colorized(self, number: int, path: Path, folder: str, say: Say) -> QueuedPhoto:
        editor, store = self._editor, self._editor.store
        say("reading")
        picture = read_picture(path)  # once for both, the preview and the file
        photo = editor.open(path, say, picture)
        look = editor.look(photo, say)
        before, after = (
            save_preview(shrunk(rgb, CARD_SIDE), store.new("card.jpg"))
            for rgb in (editor.original(photo), look.rgb)
        )
        result = editor.write(photo, say, picture)
        name = self._photos.add(photo)
        return QueuedPhoto(number, name, folder, before, after, result, status_lines(photo, look))

    def _view(self, one: QueuedPhoto) -> dict[str, object]:
        store = self._editor.store
        return {
            "name": one.name,
            "file": one.result.name,
            "before": url_of(store, one.before),
            "after": url_of(store, one.after),
            "url": url_of(store, one.result) if one.result.is_file() else "",
            "status": one.status,
        }
