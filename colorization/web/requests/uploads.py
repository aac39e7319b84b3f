"""Take the files and fields of a request into the store."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import anyio
import anyio.to_thread
from python_multipart.exceptions import FormParserError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request

from colorization.web.requests.upload_checks import check_upload, named_by_content, safe_name
from colorization.web.storage.file_store import FileStore
from retrieval.photos.reader import PictureError

MAX_FIELDS = 200
UNREADABLE = "The upload cannot be read. Try again."


@dataclass
class Form:
    """What a request has brought.

    Attributes:
        files: of each field, the uploads that are whole pictures, in the store.
        fields: the values of each other field.
        refused: one line for each upload that is no such picture.
    """

    files: dict[str, list[Path]] = field(default_factory=dict)
    fields: dict[str, list[str]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    def file(self, name: str) -> Path:
        """The one upload of a field.

        Args:
            name: of the field.

        Raises:
            ValueError: it was refused, or there is none.
        """
        if self.refused:
            raise PictureError(self.refused[0])
        found = self.files.get(name, [])
        if len(found) != 1:
            raise ValueError(f"one file is wanted as {name}, not {len(found)}")
        return found[0]

    def field(self, name: str, default: str = "") -> str:
        """The last value of a field.

        Args:
            name: of the field.
            default: where it was not sent.
        """
        return self.fields.get(name, [default])[-1]


class Uploads:
    """Takes uploads, and looks at each before anything else does."""

    def __init__(self, store: FileStore) -> None:
        self._store = store
        self._looking = anyio.CapacityLimiter(store.limits.looked_at)

    async def receive(self, request: Request) -> Form:
        """Take what a multipart request has brought.

        Raises:
            ValueError: it cannot be read.
            OSError: there is no room.
        """
        coming = int(request.headers.get("content-length", 0))
        await anyio.to_thread.run_sync(self._store.sweep, coming)
        form = Form()
        try:
            async with request.form(max_files=MAX_FIELDS, max_fields=MAX_FIELDS) as sent:
                for name, value in sent.multi_items():
                    if isinstance(value, UploadFile):
                        await self._take(form, name, value)
                    else:
                        form.fields.setdefault(name, []).append(value)
        except (HTTPException, MultiPartException, FormParserError) as error:
            raise ValueError(UNREADABLE) from error
        return form

    async def _take(self, form: Form, field_name: str, upload: UploadFile) -> None:
        path = self._store.new(safe_name(upload.filename or ""))

        def keep() -> Path:
            _copy(upload.file, path)
            check_upload(path, self._store.limits)
            return named_by_content(path)

        try:
            kept = await anyio.to_thread.run_sync(keep, limiter=self._looking)
        except BaseException as error:
            self._store.remove(path)
            if not isinstance(error, PictureError):
                raise
            form.refused.append(str(error))
        else:
            form.files.setdefault(field_name, []).append(kept)


def _copy(source: BinaryIO, path: Path) -> None:
    with path.open("wb") as file:
        shutil.copyfileobj(source, file, 1 << 20)
