"""Several files that appear together, each whole, or not at all."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = ".rechroma-"  # of temporary names; what a killed run leaves is known by it


class Staged:
    """Files written under temporary names, to take their own at once."""

    def __init__(self) -> None:
        self._names: dict[Path, Path] = {}  # own name: temporary name

    def add(self, path: Path) -> Path:
        """The temporary name to write ``path`` under, of the same suffix; folders are made as needed."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._names[path] = path.with_name(f"{PREFIX}{uuid.uuid4().hex[:16]}{path.suffix}")
        return self._names[path]

    def flush(self) -> dict[Path, os.stat_result]:
        """Bring what was written to the disk and tell what each file will be: a rename keeps size and time."""
        found = {}
        for path, temporary in self._names.items():
            found[path] = sync(temporary)
        return found

    def commit(self) -> None:
        """Give all files their names."""
        for path, temporary in self._names.items():
            temporary.replace(path)

    def discard(self) -> None:
        """Remove what did not get its name."""
        for temporary in self._names.values():
            with suppress(FileNotFoundError):
                temporary.unlink()


def sync(path: Path) -> os.stat_result:
    """Bring a file to the disk: a power cut must not leave an empty one under its name."""
    with path.open("r+b") as file:  # Windows syncs only what may be written
        os.fsync(file.fileno())
        return os.fstat(file.fileno())


@contextmanager
def staging() -> Iterator[Staged]:
    """Yield a Staged that commits when the block ends, and leaves nothing behind when it fails."""
    files = Staged()
    try:
        yield files
        files.commit()
    finally:
        files.discard()


def remove_leftovers(folder: Path) -> None:
    """Remove temporary files that a killed run has left in a folder; nobody else may be writing there."""
    with suppress(FileNotFoundError, NotADirectoryError):
        for path in folder.iterdir():
            if path.name.startswith(PREFIX) and path.is_file():
                path.unlink(missing_ok=True)
