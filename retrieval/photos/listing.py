"""Find the pictures of folders, and what tells whether a file has changed.

Names decide; of files without a suffix the first bytes are looked at.
"""

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from retrieval.photos.formats import SUFFIXES, UNREAD
from retrieval.photos.passed_over import Exclusion, PassedOver

T = TypeVar("T")

_BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG", b"II*\0", b"MM\0*")
_SUFFIXES, _UNREAD = tuple(SUFFIXES), tuple(UNREAD)
# time in nanoseconds from 1970 that a shard can hold: to the year 2262, and back to 1677
_LATEST = (1 << 63) - 1


@dataclass(frozen=True)
class Source:
    """A file of the corpus as it was listed.

    Attributes:
        root: the folder.
        path: inside the folder.
        size: in bytes; -1 of what is closed.
        mtime_ns: time of change in nanoseconds from 1970; -1 of what is closed.
        closed: why a file or folder that is there cannot be looked at; empty if it can.
    """

    root: bytes
    path: bytes
    size: int
    mtime_ns: int
    closed: str = ""

    @property
    def absolute(self) -> bytes:
        """Full path."""
        return os.path.join(self.root, self.path)


def list_pictures(
    folder: Path, passed: PassedOver | None = None, exclude: Sequence[str] = ()
) -> Iterator[Path]:
    """Walk a folder in sorted order and yield the files whose suffix is that of a picture.

    Links to folders are not followed, or a link to a folder above would have no end.

    Args:
        folder: any.
        passed: learns of what is passed over: folders that cannot be opened or that programs keep
            for themselves, links to folders, what is excluded, and what cannot be read.
        exclude: patterns, see Exclusion.
    """
    found = PassedOver() if passed is None else passed
    yield from map(Path, _walk(str(folder), found, Exclusion(str(folder), exclude)))


def has_picture_name(name: str) -> bool:
    """Whether a file's name is that of a picture: not hidden, and with one of SUFFIXES."""
    return not name.startswith(".") and name.lower().endswith(_SUFFIXES)


def evenly(items: Sequence[T], limit: int) -> list[T]:
    """Some of a list, evenly spaced; all of them where there are no more.

    Args:
        items: in order.
        limit: the largest number.
    """
    if limit >= len(items):
        return list(items)
    return [items[i * len(items) // limit] for i in range(limit)]


def plain_path(path: Path) -> Path:
    """Absolute, without ``..`` and links: a folder has one name in an index, however given."""
    return Path(str(path.resolve()).replace("//", "/", 1))  # POSIX lets a path begin with two


def list_sources(
    photos: list[Path], passed: PassedOver | None = None, exclude: Sequence[str] = ()
) -> list[Source]:
    """List the pictures of folders and files, each file once, and what cannot be looked at.

    Args:
        photos: folders and files; a file is taken whatever its name, and whatever is excluded.
        passed: see list_pictures.
        exclude: see list_pictures.

    Raises:
        FileNotFoundError: a folder or file does not exist.
        ValueError: there is no picture among them.
    """
    sources: dict[bytes, Source] = {}
    everything = PassedOver() if passed is None else passed
    for entry in photos:
        if not entry.exists():
            raise FileNotFoundError(f"{entry}: no such file or folder")
        root = plain_path(entry if entry.is_dir() else entry.parent)
        named, prefix = os.fsencode(root), os.fsencode(root / "x")[:-1]
        here = PassedOver()
        walked = (
            _walk(str(root), here, Exclusion(str(root), exclude))
            if entry.is_dir()
            else [str(root / entry.name)]
        )
        for name in walked:
            try:
                found = os.stat(name)  # noqa: PTH116 - see _walk
            except OSError as error:
                here.closed[name] = error
                continue
            absolute = os.fsencode(name)
            changed = max(-_LATEST, min(found.st_mtime_ns, _LATEST))
            sources.setdefault(
                absolute, Source(named, absolute[len(prefix) :], found.st_size, changed)
            )
        for name, reason in here.closed.items():
            is_gone = isinstance(reason, (FileNotFoundError, NotADirectoryError))
            if is_gone and os.path.islink(name):  # noqa: PTH114 - see _walk
                here.broken.append(name)
            elif not is_gone:  # since it was listed
                absolute = os.fsencode(name)
                sources.setdefault(
                    absolute,
                    Source(named, absolute[len(prefix) :], -1, -1, reason.strerror or str(reason)),
                )
        everything.add(here)
    if not sources:
        where = "this folder" if len(photos) == 1 else "these folders"
        folders = ", ".join(map(str, photos))
        raise ValueError(f"{folders}: no pictures in {where}{everything.reason()}")
    return list(sources.values())


def _walk(folder: str, passed: PassedOver, exclusion: Exclusion) -> Iterator[str]:
    """The pictures of a folder as plain names; what is passed over is told to ``passed``.

    To make a Path of each takes longer than to read the folder.
    """
    # it knows kinds without asking for each file, which large libraries notice
    with os.scandir(folder) as found:
        entries = sorted(
            (entry for entry in found if not entry.name.startswith(".")),
            key=lambda entry: entry.name,
        )
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if exclusion.is_of_a_program(folder, entry.name):
                passed.folders.append(entry.path)
            elif exclusion.fits(entry.path):
                passed.excluded.append(entry.path)
            else:
                yield from _below(entry.path, passed, exclusion)
        elif entry.is_symlink() and os.path.isdir(entry.path):  # noqa: PTH112 - see _walk
            passed.links.append(entry.path)
        elif has_picture_name(entry.name) and _may_be_read(entry):
            if exclusion.fits(entry.path):
                passed.excluded.append(entry.path)
            else:
                yield entry.path
        elif (name := entry.name.lower()).endswith(_UNREAD) and not exclusion.fits(entry.path):
            passed.unread[os.path.splitext(name)[1]] += 1  # noqa: PTH122 - see above
        elif "." not in name and not exclusion.fits(entry.path) and _begins_as_picture(entry):
            passed.unnamed.append(entry.path)


def _below(folder: str, passed: PassedOver, exclusion: Exclusion) -> Iterator[str]:
    try:
        yield from _walk(folder, passed, exclusion)
    except OSError as error:
        passed.closed[folder] = error
    except RecursionError:
        passed.closed[folder] = OSError(errno.ELOOP, "nested too deep")


def _begins_as_picture(entry: os.DirEntry[str]) -> bool:
    """Whether a file without a suffix is a JPEG, PNG or TIFF, as its first bytes tell."""
    try:
        if not entry.is_file():  # a pipe would be waited for
            return False
        with open(entry.path, "rb") as file:
            return file.read(4).startswith(_BEGINNINGS)
    except OSError:  # also of a link to itself
        return False


def _may_be_read(entry: os.DirEntry[str]) -> bool:
    """Whether it is a file, or a link to one; a pipe has no end. A broken link is told later."""
    if not entry.is_symlink():
        return entry.is_file()
    try:
        return stat.S_ISREG(os.stat(entry.path).st_mode)  # noqa: PTH116 - see _walk
    except OSError:
        return True
