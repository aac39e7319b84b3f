"""The photos that visitors have open, with their edits."""

import secrets
import threading
from collections.abc import Callable
from typing import TypeVar

from cachetools import LRUCache

from colorization.web.editing.edit_history import EditedPhoto
from colorization.web.messages import GoneError

GONE = "This photo is not kept any more. Choose it again."
Found = TypeVar("Found")


class OpenPhotos:
    """Photos by names that nobody guesses; the one not used for longest goes first.

    A page that is loaded again, or opened twice, finds its photo as it was by its name.
    """

    def __init__(self, count: int) -> None:
        """Remember at most ``count`` photos."""
        self._photos: LRUCache[str, EditedPhoto] = LRUCache(count)
        self._lock = threading.Lock()

    def add(self, edited: EditedPhoto) -> str:
        """Remember a photo; return its name."""
        name = secrets.token_urlsafe(12)
        with self._lock:
            self._photos[name] = edited
        return name

    def get(self, name: str) -> EditedPhoto:
        """The photo as it is now.

        Raises:
            GoneError: it is not there.
        """
        with self._lock:
            found = self._photos.get(name)
        if found is None:
            raise GoneError(GONE)
        return found

    def change(
        self,
        name: str,
        change: Callable[[EditedPhoto], EditedPhoto],
        then: Callable[[EditedPhoto], Found],
    ) -> Found:
        """Change a photo and do something with it; if that fails, it is as before.

        Args:
            name: of the photo.
            change: a step, which takes no time.
            then: what to do with the changed photo.

        Raises:
            GoneError: the photo is not there.
            ValueError: what ``change`` and ``then`` raise.
        """
        with self._lock:
            before = self._photos.get(name)
            if before is None:
                raise GoneError(GONE)
            after = self._photos[name] = change(before)
        try:
            return then(after)
        except BaseException:
            with self._lock:
                if self._photos.get(name) is after:
                    self._photos[name] = before
            raise
