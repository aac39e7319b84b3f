"""Read a corpus for indexing: list it once, then decode it in worker processes beside the network."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from torch.utils.data import DataLoader, Dataset

from retrieval.descriptors import SIDE, Glance, glance
from retrieval.pictures import PictureError, list_pictures, read_small_rgb
from retrieval.shards import Row


@dataclass(frozen=True)
class Source:
    """A file of the corpus as it was listed: folder and path inside it (bytes), size, modification time."""

    root: bytes
    path: bytes
    size: int
    mtime_ns: int

    @property
    def absolute(self) -> bytes:
        """Full path."""
        return os.path.join(self.root, self.path)


@dataclass(frozen=True)
class Reading:
    """A file that was read, with its row for the shard, or the one line that says why it was not."""

    glance: Glance | None = None
    row: Row | None = None
    error: str = ""


def plain_path(path: Path) -> Path:
    """Absolute, and without ``..``: a folder has one name in an index, however it was given."""
    return path.resolve() if ".." in path.parts else path.absolute()


def list_sources(photos: list[Path]) -> list[Source]:
    """List the pictures of folders and files, each file once.

    Raises:
        FileNotFoundError: a folder or file does not exist.
        ValueError: there is no picture among them.
    """
    sources: dict[bytes, Source] = {}
    for entry in photos:
        if not entry.exists():
            raise FileNotFoundError(f"{entry}: no such folder")
        root = plain_path(entry if entry.is_dir() else entry.parent)
        named, prefix = os.fsencode(root), os.fsencode(root / "x")[:-1]
        for path in list_pictures(root) if entry.is_dir() else [root / entry.name]:
            try:
                stat = path.stat()
            except OSError:
                continue  # gone since it was listed
            source = Source(named, os.fsencode(path)[len(prefix) :], stat.st_size, stat.st_mtime_ns)
            sources.setdefault(source.absolute, source)
    if not sources:
        raise ValueError(f"no pictures under {', '.join(map(str, photos))}")
    return list(sources.values())


def read_glances(sources: list[Source], workers: int, batch: int) -> Iterator[list[Reading]]:
    """Decode files in order, in batches; a file that cannot be used becomes a Reading with an error."""
    loader = DataLoader(
        cast(Dataset[Reading], _Corpus(sources)), batch_size=batch, num_workers=min(workers, len(sources)), collate_fn=list
    )
    yield from loader


class _Corpus:
    def __init__(self, sources: list[Source]) -> None:
        self.sources = sources

    def __len__(self) -> int:
        return len(self.sources)

    def __getitem__(self, index: int) -> Reading:
        source = self.sources[index]
        path = Path(os.fsdecode(source.absolute))
        try:
            data = path.read_bytes()
            seen = glance(read_small_rgb(path, SIDE, data))
        except PictureError as error:
            return Reading(error=str(error))
        except OSError as error:
            return Reading(error=f"{path}: {error.strerror or error}")
        return Reading(seen, (source.root, source.path, source.size, source.mtime_ns, hashlib.sha256(data).digest()))
