"""One shard of an index: an HDF5 file with the descriptors of a few thousand photos.

Datasets are contiguous and uncompressed, so that the few rows a query needs are read straight from
the mapped file.
"""

import errno
import mmap
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

from retrieval.safe_files import file_sha256, replacing
from retrieval.storage.descriptors import Columns, Descriptors

SHARD_PHOTOS = 2048
OTHER_FILES = 256  # that a process has open besides the shards


class PhotoRow(NamedTuple):
    """Which file a row of a shard describes.

    Attributes:
        root: absolute path of the photo folder.
        path: path inside that folder, as the file system has it.
        size: bytes of the file.
        mtime_ns: its modification time.
        sha256: of its content, 32 bytes.
    """

    root: bytes
    path: bytes
    size: int
    mtime_ns: int
    sha256: bytes


@dataclass(frozen=True)
class Photos(Columns):
    """Which files the rows of a shard describe.

    Attributes:
        root: absolute path of the photo folder, bytes.
        path: path inside that folder, bytes as the file system has them.
        size: bytes of the file.
        mtime_ns: its modification time.
        sha256: of its content, 32 bytes.
    """

    root: np.ndarray
    path: np.ndarray
    size: np.ndarray
    mtime_ns: np.ndarray
    sha256: np.ndarray

    def __len__(self) -> int:
        return len(self.root)

    def absolute(self, row: int) -> bytes:
        """Full path of a row's file."""
        return bytes(os.path.join(self.root[row], self.path[row]))

    @staticmethod
    def of(rows: Sequence[PhotoRow]) -> "Photos":
        """Photos of rows."""
        root, path, size, mtime, sha = zip(*rows, strict=True)
        digests = np.frombuffer(b"".join(sha), np.uint8).reshape(-1, 32)
        return Photos(
            _objects(root),
            _objects(path),
            np.array(size, np.int64),
            np.array(mtime, np.int64),
            digests,
        )


def write_shard(path: Path, photos: Photos, descriptors: Descriptors, key: str) -> Path:
    """Write a shard under a temporary name, then rename.

    Args:
        path: of the shard.
        photos: one row a photo.
        descriptors: of the same photos in the same order.
        key: hash of the settings that made the descriptors, as in IndexManifest.key.

    Returns:
        ``path``.

    Raises:
        OSError: it cannot be written; the message says what helps.
    """
    # made in memory: HDF5 may crash the process when the disk is full while it writes
    with h5py.File(path.name, "w", driver="core", backing_store=False) as file:
        file.attrs["key"], file.attrs["count"] = key, len(photos)
        for part in (photos, descriptors):
            for f in fields(part):
                value, name = getattr(part, f.name), f.name.rstrip("_")
                file.create_dataset(
                    name, data=np.array(list(value), "S") if value.dtype == object else value
                )
        file.flush()
        data = file.id.get_file_image()
    with replacing(path, path.with_suffix(f".{path.stem}.tmp"), "index") as temporary:
        temporary.write_bytes(data)
    return path


def shard_key(path: Path) -> str:
    """The settings a shard was made with.

    Raises:
        OSError: the file is not a complete shard.
    """
    with _opened(path) as file:
        return str(file.attrs["key"])


def shard_problem(path: Path, checksum: str, key: str) -> str:
    """Say what is wrong with a shard.

    Args:
        path: of the shard.
        checksum: SHA-256 that index.json names, hexadecimal.
        key: hash of the settings that index.json names.

    Returns:
        Some words; none if it is sound.
    """
    try:
        if file_sha256(path) != checksum:
            return "damaged, its checksum is not the one in index.json"
        if shard_key(path) != key:
            return "made with another backbone or other settings than index.json says"
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"
    return ""


def read_photos(path: Path) -> Photos:
    """Read which photos a shard describes.

    Raises:
        OSError: the file is truncated or not a shard.
    """
    with _opened(path) as file:
        root, name = (_objects([bytes(p) for p in file[key][:]]) for key in ("root", "path"))
        return Photos(root, name, file["size"][:], file["mtime_ns"][:], file["sha256"][:])


def read_descriptors(path: Path) -> Descriptors:
    """Read all descriptors of a shard.

    Raises:
        OSError: the file is truncated or not a shard.
    """
    with _opened(path) as file:
        return Descriptors(*(file[f.name.rstrip("_")][:] for f in fields(Descriptors)))


class ShardReader:
    """Read-only views of a shard; nothing is loaded before it is indexed. It holds one open file.

    Raises:
        OSError: the file is truncated or not a shard.
    """

    def __init__(self, path: Path) -> None:
        with _opened(path) as file:
            self.key = str(file.attrs["key"])
            data = np.memmap(path, np.uint8, "r")
            views = {}
            for name in (f.name for part in (Descriptors, Photos) for f in fields(part)):
                dataset = file[name.rstrip("_")]
                start = dataset.id.get_offset()
                views[name] = (
                    data[start : start + dataset.nbytes].view(dataset.dtype).reshape(dataset.shape)
                )
            self.photos = Photos(*(views.pop(f.name) for f in fields(Photos)))
            self.descriptors = Descriptors(**views)
            self._map: Any = getattr(data, "_mmap", None)

    def release(self) -> None:
        """Give back the memory that reading has taken; the system may keep the pages cached."""
        if hasattr(self._map, "madvise"):
            self._map.madvise(mmap.MADV_DONTNEED)


def allow_open_files(count: int) -> None:
    """Raise this process's limit of open files where it is too low: each shard holds one."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(
            resource.RLIMIT_NOFILE,
            (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard),
        )


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    """Open a shard; whatever h5py makes of damaged bytes becomes an OSError that names the file."""
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (
        OSError,
        KeyError,
        ValueError,
        TypeError,
        RuntimeError,
        AttributeError,
        MemoryError,
        OverflowError,
    ) as error:
        if isinstance(error, OSError) and error.errno:  # the system's own: a right, a drive
            raise OSError(error.errno, os.strerror(error.errno), str(path)) from error
        raise OSError(
            f"{path}: a damaged shard ({' '.join(str(error).split()) or type(error).__name__})"
        ) from error


def _objects(values: Sequence[bytes]) -> np.ndarray:
    array = np.empty(len(values), object)
    array[:] = values
    return array


def is_damage(error: OSError) -> bool:
    """Whether an error of reading says that a shard is missing or damaged.

    It is not if it is out of reach for now, for want of a right or on a failing drive.

    Args:
        error: of reading it; h5py's own errors have no number.
    """
    return error.errno in (None, errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EISDIR)
