"""The photos that visitors have open, with their edits."""

from collections.abc import Callable
from typing import TypeVar

from colorization.web.editing.edit_history import EditedPhoto
from colorization.web.messages import GoneError
from colorization.web.storage.named import Named

GONE = "This photo is not kept any more. Choose it again."
Found = TypeVar("Found")


class OpenPhotos(Named[EditedPhoto]):
    """Photos by names that nobody guesses; the one not used for longest goes first.

    A page that is loaded again, or opened twice, finds its photo as it was by its name.
    """

    def __init__(self, count: int) -> None:
        """Remember at most ``count`` photos."""
        super().__init__(count, GONE)

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
            before = self._kept.get(name)
            if before is None:
                raise GoneError(GONE)
            after = self._kept[name] = change(before)
        try:
            return then(after)
        except BaseException:
            with self._lock:
                if self._kept.get(name) is after:
                    self._kept[name] = before
            raise
