"""Prepared photos that are kept in memory; the one not used for longest goes first."""

import threading
from collections.abc import Hashable

from cachetools import LRUCache

from colorization.inference.prepared_photo import PreparedPhoto


class KeptPhotos:
    """A bounded memory, for several threads.

    Args:
        max_bytes: of all photos that are kept.
    """

    def __init__(self, max_bytes: int) -> None:
        self._photos: LRUCache[Hashable, PreparedPhoto] = LRUCache(
            max_bytes, lambda prepared: prepared.num_bytes
        )
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._photos)

    @property
    def num_bytes(self) -> int:
        """Memory of all photos, as they were when they were kept."""
        return int(self._photos.currsize)

    def get(self, key: Hashable) -> PreparedPhoto | None:
        """A photo, if it is still there."""
        with self._lock:
            found: PreparedPhoto | None = self._photos.get(key)
        return found

    def keep(self, key: Hashable, prepared: PreparedPhoto) -> None:
        """Keep a photo; once more after each use, which may have made it larger.

        Args:
            key: by which it is found.
            prepared: the photo; one that alone is too large is not kept.
        """
        with self._lock:
            try:
                self._photos[key] = prepared
            except ValueError:  # larger than all that may be kept
                self._photos.pop(key, None)
