"""The page's requests for several photos at once."""

from dataclasses import replace

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from colorization.batch.target_colors import has_colors
from colorization.inference.pictures.picture_arrays import shrunk
from colorization.web.editing.photo_editor import PhotoEditor, Say, silent
from colorization.web.editing.previews import save_preview
from colorization.web.editing.views import url_of
from colorization.web.messages import as_number
from colorization.web.requests.queued_results import (
    CARD_SIDE,
    edited_since,
    result_of,
    write_edited,
)
from colorization.web.requests.turns import Turns
from colorization.web.requests.uploads import Uploads
from colorization.web.storage.named import Named
from colorization.web.storage.open_photos import GONE, OpenPhotos
from colorization.web.storage.photo_queue import PhotoQueue, QueuedPhoto, safe_folder
from retrieval.photos.reader import Picture, PictureError, read_picture

PASSED_OVER = "This photo already has colors, so it was passed over."
NOT_KEPT = "This result is not kept any more. Drop the photo anew."


class QueueApi:
    """A queue's requests. The page sends one photo after the other, and may stop at any."""

    def __init__(
        self,
        editor: PhotoEditor,
        turns: Turns,
        uploads: Uploads,
        photos: OpenPhotos,
        queues: Named[PhotoQueue],
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
            Route(f"{queue}/photos/{{number:int}}", self.color_anyway, methods=["POST"]),
            Route(f"{queue}/zip", self.zip),
        ]

    async def begin(self, _: Request) -> Response:
        """Begin a queue."""
        return JSONResponse({"name": self._queues.add(PhotoQueue())})

    async def show(self, request: Request) -> Response:
        """What is done, with what was changed since, for a page that comes back to it."""
        queue = self._queues.get(request.path_params["name"])

        def work(say: Say) -> list[dict[str, object]]:
            write_edited(self._editor, queue, self._photos, say)
            return [self._view(one) for one in queue.photos]

        if edited_since(queue, self._photos):
            return self._turns.answer(work)
        # at once, also while others are worked on
        return JSONResponse([self._view(one) for one in queue.photos])

    async def add(self, request: Request) -> Response:
        """Colorize one more photo, and write its file; one that has colors is passed over."""
        queue = self._queues.get(request.path_params["name"])
        queue.keep_results(self._editor.store)  # other files make room for what comes
        form = await self._uploads.receive(request)
        queue.check_room(self._editor.limits.queued_bytes)
        path, folder = form.file("photo"), safe_folder(form.field("place"))
        number = int(as_number(form.field("number", "0"), "number"))
        others = [one for one in queue.photos if one.number != number]
        if len(others) >= self._editor.limits.queued_photos:
            raise ValueError(f"at most {self._editor.limits.queued_photos} photos at once")

        def work(say: Say) -> dict[str, object]:
            say("reading")
            picture = read_picture(path)  # once for all: the previews and the file
            before = save_preview(
                shrunk(picture.rgb, CARD_SIDE), self._editor.store.new("card.jpg")
            )
            one = QueuedPhoto(number, path, folder, before)
            return self._added(
                queue, one if has_colors(picture) else self._colorized(one, picture, say)
            )

        return self._turns.answer(work)

    async def color_anyway(self, request: Request) -> Response:
        """Colorize a photo that was passed over; its colors are replaced."""
        queue = self._queues.get(request.path_params["name"])
        one = queue.get(request.path_params["number"])

        def work(say: Say) -> dict[str, object]:
            if not self._editor.store.holds(str(one.photo)):
                raise PictureError(GONE)
            return self._added(queue, self._colorized(one, read_picture(one.photo), say))

        return self._turns.answer(work)

    async def zip(self, request: Request) -> Response:
        """All results in one file, with what was changed since, as in another tab."""
        queue = self._queues.get(request.path_params["name"])
        if edited_since(queue, self._photos):
            await self._turns.run(lambda: write_edited(self._editor, queue, self._photos, silent))
        path = await self._turns.run(lambda: queue.write_zip(self._editor.store))
        return FileResponse(path, filename=path.name)

    def _colorized(self, one: QueuedPhoto, picture: Picture, say: Say) -> QueuedPhoto:
        photo = self._editor.open(one.photo, say, picture)
        result = result_of(self._editor, photo, say, picture)
        return replace(one, name=self._photos.add(photo), result=result)

    def _added(self, queue: PhotoQueue, one: QueuedPhoto) -> dict[str, object]:
        queue.add(one)
        return self._view(one)

    def _view(self, one: QueuedPhoto) -> dict[str, object]:
        store, result = self._editor.store, one.result
        is_kept = result is not None and result.file.is_file()
        lost = [NOT_KEPT] if result and not is_kept else []
        return {
            "number": one.number,
            "name": one.name,
            "file": result.file.name if result else one.photo.name,
            "before": url_of(store, one.before),
            "after": url_of(store, result.after) if result else "",
            "url": url_of(store, result.file) if result and is_kept else "",
            "status": [*result.status, *lost] if result else [PASSED_OVER],
            "passed": result is None,
        }
