"""A private folder for uploads, previews and results: bounded, and gone when the server ends."""

import atexit
import os
import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from hashlib import sha256
from pathlib import Path

from colorization.web.storage.limits import Limits
from retrieval.safe_files import locked

# a folder belongs to a server that runs as long as its lock is held
PREFIX, LOCK = "rechroma-page-", ".page-lock"


class FileStore:
    """Files of the page. Nothing outside this folder is ever sent to a browser."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._sweeping = threading.Lock()
        _remove_left(Path(tempfile.gettempdir()))
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX)).resolve()
        self._held = ExitStack()
        self._held.enter_context(
            locked(self.folder / LOCK, f"{self.folder}: another server has it")
        )
        self._is_closed = False
        atexit.register(self.close)  # again: a photo that was being written may have come after

    def holds(self, path: str) -> bool:
        """Whether a path, links followed, is a file in the folder."""
        try:
            real = Path(path).resolve()
            return real.is_relative_to(self.folder) and real.is_file()
        except (OSError, ValueError, RuntimeError):  # too long, a null byte, a loop of links
            return False

    def new(self, name: str) -> Path:
        """A path with this file name that nothing else has, in a folder of its own that exists.

        Raises:
            OSError: the store is closed.
        """
        if self._is_closed:
            raise OSError("the page has ended")
        folder = self.folder / "made" / uuid.uuid4().hex
        folder.mkdir(parents=True)
        return folder / name

    def derived(self, kind: str, path: Path) -> Path:
        """Where a small picture that is made of a file lies, once it was made.

        Args:
            kind: name of a folder.
            path: of the file, anywhere.
        """
        key = sha256(str(path).encode(errors="surrogateescape")).hexdigest()
        return self.folder / kind / f"{key}.jpg"

    def keep(self, paths: Iterable[Path]) -> None:
        """Note that files of the folder are in use."""
        for path in paths:
            if self.holds(str(path)):
                with suppress(OSError):
                    os.utime(path)

    def remove(self, path: Path) -> None:
        """Remove a file of the folder, and its own folder if nothing else is in there."""
        with suppress(OSError):
            path.unlink()
        with suppress(OSError):
            path.parent.rmdir()

    def sweep(self, coming_bytes: int = 0) -> None:
        """Remove files that are old, and the oldest of the others until there is room.

        Args:
            coming_bytes: room needed for what comes next.
        """
        with self._sweeping:
            files = []
            for folder, _, names in os.walk(self.folder):  # passes over what goes meanwhile
                for path in (Path(folder, name) for name in names if name != LOCK):
                    with suppress(OSError):
                        status = path.stat()
                        files.append((status.st_mtime, status.st_size, path))
            total = sum(size for _, size, _ in files) + coming_bytes
            oldest = time.time() - self.limits.stored_seconds
            for modified, size, path in sorted(files):
                if modified >= oldest and total <= self.limits.stored_bytes:
                    break
                total -= size
                self.remove(path)

    def close(self) -> None:
        """Remove everything, and take nothing more."""
        self._is_closed = True
        self._held.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def _remove_left(place: Path) -> None:
    """Remove the folders of servers that were killed; the system has released their locks."""
    for lock in place.glob(f"{PREFIX}*/{LOCK}"):
        with suppress(OSError, ValueError), locked(lock, "its server runs"):
            shutil.rmtree(lock.parent, ignore_errors=True)
