"""Write a file so that it is whole or is not there, and say what helps where it cannot be written."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

_CURES = dict.fromkeys(
    (errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "free some space and run the same command again"
)
_CURES |= dict.fromkeys(
    (errno.EACCES, errno.EPERM, errno.EROFS),
    "it needs the right to write there; a copy of the index would do",
)
_CURES |= dict.fromkeys((errno.ENOTDIR, errno.EEXIST), "choose another folder")


@contextmanager
def replacing(path: Path, temporary: Path) -> Iterator[Path]:
    """Write a file under a temporary name that becomes its own when the block ends, and is removed when it fails.

    Raises:
        OSError: it cannot be written; the message says what helps.
    """
    with discarding([temporary]):
        try:
            yield temporary
            sync(temporary)
            temporary.replace(path)
        except OSError as error:
            raise with_cure(error, path) from error


def sync(path: Path) -> os.stat_result:
    """Bring a file to the disk: a power cut must not leave an empty one under its final name."""
    with path.open("r+b") as file:  # Windows syncs only what may be written
        os.fsync(file.fileno())
        return os.fstat(file.fileno())


@contextmanager
def locked(path: Path, refusal: str) -> Iterator[None]:
    """Hold a lock file while the block runs; the system releases it when its holder dies.

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


def with_cure(error: OSError, path: Path) -> OSError:
    """The error as one that names the file that could not be written, the reason and the cure."""
    reason = os.strerror(error.errno) if error.errno else " ".join(str(error).split())
    cure = _CURES.get(error.errno or 0, "run the same command again")
    return OSError(
        error.errno or errno.EIO, f"{reason}; the previous index is intact; {cure}", str(path)
    )
