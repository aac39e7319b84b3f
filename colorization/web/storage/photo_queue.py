"""Several photos colorized one after the other: their results, and one zip of them."""

import threading
import zipfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from colorization.web.editing.edit_history import Edit
from colorization.web.messages import FullError, GoneError
from colorization.web.requests.upload_checks import safe_name
from colorization.web.storage.file_store import FileStore
from retrieval.safe_files import discarding

MAX_QUEUES = 64
GONE = "These photos are not kept any more. Choose them again."
NOTHING = "None of these photos has a result yet."
FULL = (
    "There is no room for more results: save these as one zip, then drop the photos that still"
    " wait anew."
)


@dataclass(frozen=True)
class QueuedResult:
    """What a photo of a queue became.

    Attributes:
        after: a small picture of it.
        file: at full size.
        status: lines that say where the colors come from, and what else is worth knowing.
        edit: the wishes that it was made from.
    """

    after: Path
    file: Path
    status: list[str]
    edit: Edit


@dataclass(frozen=True)
class QueuedPhoto:
    """A photo of a queue and its result.

    Attributes:
        number: of the photo in the queue, as the page counts.
        photo: the uploaded file.
        folder: inside the folder that was dropped; empty if there was none.
        before: a small picture of the photo.
        name: of the photo among the open ones; empty while it is passed over.
        result: what it became; None while it is passed over, as it has colors already.
    """

    number: int
    photo: Path
    folder: str
    before: Path
    name: str = ""
    result: QueuedResult | None = None


@dataclass
class PhotoQueue:
    """The photos of a queue that are done, in order; several threads may change it."""

    photos: list[QueuedPhoto] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def add(self, photo: QueuedPhoto) -> None:
        """Add a photo, in place of one of its number: a page that lost its answer asks again."""
        with self._lock:
            others = (one for one in self.photos if one.number != photo.number)
            self.photos = sorted((*others, photo), key=lambda one: one.number)

    def get(self, number: int) -> QueuedPhoto:
        """The photo of a number.

        Raises:
            GoneError: it is not there.
        """
        for one in self.photos:
            if one.number == number:
                return one
        raise GoneError(GONE)

    def replace_result(self, name: str, result: QueuedResult) -> None:
        """Take the result of a photo that was edited since.

        Args:
            name: of the photo.
            result: what it became.
        """
        with self._lock:
            self.photos = [
                replace(one, result=result) if one.name == name else one for one in self.photos
            ]

    def keep_results(self, store: FileStore) -> None:
        """Let other files of the store go first where it has no room."""
        store.keep(one.result.file for one in self.photos if one.result)

    def check_room(self, queued_bytes: int) -> None:
        """Refuse to color more than can be kept.

        Args:
            queued_bytes: that the results may take.

        Raises:
            FullError: there is no room for another result.
        """
        sizes = 0
        for one in self.photos:
            with suppress(OSError):  # it may be gone, after hours
                sizes += one.result.file.stat().st_size if one.result else 0
        if sizes > queued_bytes:
            raise FullError(FULL)

    def write_zip(self, store: FileStore) -> Path:
        """Write all results that are still kept into one zip, in the folders that they came in.

        Raises:
            GoneError: they are not kept any more.
            ValueError: there is none yet.
        """
        results = [(one.folder, one.result.file) for one in self.photos if one.result]
        there = [(folder, file) for folder, file in results if file.is_file()]
        if not there:
            raise GoneError(GONE) if results else ValueError(NOTHING)
        store.keep(file for _, file in there)
        store.sweep(sum(file.stat().st_size for _, file in there))
        path, taken = store.new("rechroma.zip"), set[str]()
        with discarding([path]), zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as zipped:
            for folder, file in there:
                zipped.write(file, _free(PurePosixPath(folder, file.name), taken))
        return path


def safe_folder(text: str) -> str:
    """A folder as a browser tells it, relative, without parts that lead elsewhere."""
    parts: Iterable[str] = text.replace("\\", "/").split("/")[:-1]
    return "/".join(safe_name(part) for part in parts if part.strip(" ."))


def _free(place: PurePosixPath, taken: set[str]) -> str:
    """A place in the zip that nothing else has, also where upper and lower case are one."""
    found, number = str(place), 1
    while found.lower() in taken:
        number += 1
        found = str(place.with_name(f"{place.stem} ({number}){place.suffix}"))
    taken.add(found.lower())
    return found
