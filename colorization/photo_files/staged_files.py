"""Several files that appear together, each whole, or not at all."""

import errno
import os
import platform
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from retrieval.safe_files import replacing_together, sync

# folders may be shared, numbers of processes are its own
MACHINE = sha256(platform.node().encode()).hexdigest()[:8]
PREFIX = ".rechroma-"  # of temporary names
# machine and process that write a file; what a killed run leaves is known by them
_TEMPORARY = re.compile(re.escape(PREFIX) + "([0-9a-f]{8})-([0-9]+)-")
# after which a temporary file is nobody's, whatever process has its number now
OLD_SECONDS = 86400.0


class Staged:
    """Files written under temporary names, to take their own at once."""

    def __init__(self) -> None:
        self.names: dict[Path, Path] = {}  # own name: temporary name

    def add(self, path: Path) -> Path:
        """The temporary name to write ``path`` under, of the same suffix; its folder is made.

        Raises:
            OSError: no file can have that name; told now, as the others would have theirs before
                this one fails.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        if hasattr(os, "pathconf") and len(os.fsencode(path.name)) > os.pathconf(
            path.parent, "PC_NAME_MAX"
        ):
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), str(path))
        self.names[path] = path.with_name(
            f"{PREFIX}{MACHINE}-{os.getpid()}-{uuid.uuid4().hex[:12]}{path.suffix}"
        )
        return self.names[path]

    def flush(self) -> dict[Path, os.stat_result]:
        """Bring what was written to the disk; tell size and time, which renaming will keep."""
        return {path: sync(temporary) for path, temporary in self.names.items()}


@contextmanager
def staging() -> Iterator[Staged]:
    """Yield a Staged that commits when the block ends, and leaves nothing behind when it fails."""
    files = Staged()
    with replacing_together(files.names):
        yield files


def remove_leftovers(folder: Path) -> None:
    """Remove temporary files that killed runs have left in a folder, not those of running ones."""
    try:
        found = [(path, _TEMPORARY.match(path.name)) for path in folder.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return
    for path, name in found:
        with suppress(OSError):  # another run gives it its name meanwhile, or it is somebody else's
            if name and path.is_file() and _is_left(path, *name.groups()):
                path.unlink()


def _is_left(path: Path, machine: str, owner: str) -> bool:
    """Whether nobody writes a temporary file now: its process is gone, or it is older than runs."""
    if time.time() - path.stat().st_mtime > OLD_SECONDS:
        return True
    # elsewhere, to ask may be to end it
    if machine != MACHINE or os.name != "posix":
        return False
    try:
        os.kill(int(owner), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):  # somebody else's
        pass
    return False
