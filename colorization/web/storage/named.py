"""What visitors have, by names that nobody guesses."""

import secrets
import threading
from typing import Generic, TypeVar

from cachetools import LRUCache

from colorization.web.messages import GoneError

Kept = TypeVar("Kept")


class Named(Generic[Kept]):
    """Things by their names; the one not used for longest goes first.

    Args:
        count: at most so many are kept.
        gone: told of one that is not there any more.
    """

    def __init__(self, count: int, gone: str) -> None:
        self._kept: LRUCache[str, Kept] = LRUCache(count)
        self._lock, self._gone = threading.Lock(), gone

    def add(self, one: Kept) -> str:
        """Keep something; return its name."""
        name = secrets.token_urlsafe(12)
        with self._lock:
            self._kept[name] = one
        return name

    def get(self, name: str) -> Kept:
        """What has this name.

        Raises:
            GoneError: it is not there.
        """
        with self._lock:
            found: Kept | None = self._kept.get(name)
        if found is None:
            raise GoneError(self._gone)
        return found
