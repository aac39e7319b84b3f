"""Write files so that each is whole or is not there, and say what helps where that fails."""

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

_NO_ROOM = "free some space and run the same command again"
_NO_RIGHT = "it needs the right to write there; a copy of the {what} would do"
_OTHER_PLACE = "choose another folder"
_CURES = {
    errno.ENOSPC: _NO_ROOM,
    errno.EDQUOT: _NO_ROOM,
    errno.EFBIG: _NO_ROOM,
    errno.EACCES: _NO_RIGHT,
    errno.EPERM: _NO_RIGHT,
    errno.EROFS: _NO_RIGHT,
    errno.ENOTDIR: _OTHER_PLACE,
    errno.EEXIST: _OTHER_PLACE,
}
FULL_DISK = (errno.ENOSPC, errno.EDQUOT)  # numbers of the system's errors


class FullDiskError(OSError):
    """There is no room for a file, nor for those that come after it."""


@contextmanager
def replacing(path: Path, temporary: Path | None = None, what: str = "file") -> Iterator[Path]:
    """Write a file under a temporary name that becomes its own when the block ends.

    If the block fails, the temporary file is removed and what ``path`` named before stays.

    Args:
        path: the file's own name.
        temporary: the name to write under, in the same folder; None adds ``.tmp`` to the own name.
        what: is written, in the message of an error.

    Yields:
        The temporary name.

    Raises:
        OSError: the file cannot be written; the message says what helps.
    """
    temporary = temporary or path.with_name(f"{path.name}.tmp")
    with discarding([temporary]):
        try:
            yield temporary
            sync(temporary)
            temporary.replace(path)
        except OSError as error:
            raise with_cure(error, path, what) from error


@contextmanager
def replacing_together(files: dict[Path, Path]) -> Iterator[None]:
    """Give files that are written under temporary names their own when the block ends.

    All are brought to the disk before the first gets its name. If the block fails, the temporary
    files are removed and what has those names stays.

    Args:
        files: the temporary name of each file by its own, which may grow meanwhile; both lie in
            one folder.

    Raises:
        FullDiskError: there is no room for them.
        OSError: a file cannot be written.
    """
    try:
        yield
        for temporary in files.values():
            sync(temporary)
        for path, temporary in files.items():
            temporary.replace(path)
    except OSError as error:
        if error.errno == errno.EFBIG and files:  # as on a stick whose files end at 4 GB
            told = f"{os.strerror(error.errno)} for this disk or account"
            raise OSError(error.errno, told, str(next(iter(files)))) from error
        if error.errno not in FULL_DISK or not files:
            raise
        told = f"{os.strerror(error.errno)}; {_NO_ROOM}"
        raise FullDiskError(error.errno, told, str(next(iter(files)))) from error
    finally:
        for temporary in files.values():
            with suppress(FileNotFoundError):
                temporary.unlink()


def sync(path: Path) -> os.stat_result:
    """Bring a file to the disk: a power cut must not leave an empty one under its final name."""
    with path.open("r+b") as file:  # Windows syncs only what may be written
        os.fsync(file.fileno())
        return os.fstat(file.fileno())


@contextmanager
def discarding(paths: list[Path]) -> Iterator[None]:
    """Remove the files of a list, which may grow meanwhile, if the block fails."""
    try:
        yield
    except BaseException:
        for path in paths:
            with suppress(OSError):
                path.unlink()
        raise


@contextmanager
def locked(path: Path, refusal: str) -> Iterator[None]:
    """Hold a lock file while the block runs; the system releases it when its holder dies.

    Args:
        path: the lock file, which is made as needed and stays.
        refusal: what to say if somebody else holds it.

    Raises:
        ValueError: somebody else holds it, with ``refusal`` as the message.
        OSError: it cannot be made.
    """
    lock = FileLock(path, thread_local=False)  # whichever thread ends it
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise ValueError(refusal) from error
    try:
        yield
    finally:
        lock.release()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def with_cure(error: OSError, path: Path, what: str = "file") -> OSError:
    """The error as one that names the file that could not be written, the reason and the cure.

    Args:
        error: as the system raised it.
        path: the file.
        what: was to be written; what there was of it before is intact.
    """
    reason = os.strerror(error.errno) if error.errno else " ".join(str(error).split())
    cure = _CURES.get(error.errno or 0, "run the same command again").format(what=what)
    told = f"{reason}; what was there before is intact; {cure}"
    return OSError(error.errno or errno.EIO, told, str(path))
