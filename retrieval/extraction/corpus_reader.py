"""Read a corpus for indexing: decode it in worker processes beside the network."""

import hashlib
import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from torch.utils.data import DataLoader, Dataset

from retrieval.extraction.extractor import Glance, glance
from retrieval.photos.listing import Source
from retrieval.photos.metadata import is_made
from retrieval.photos.reader import PictureError, read_small_rgb
from retrieval.storage.descriptors import SIDE
from retrieval.storage.shards import Row


@dataclass(frozen=True)
class Reading:
    """A file that was read, with its row for the shard, or a line that says why it was not.

    Attributes:
        glance: what is described.
        row: for the shard.
        error: why there is neither.
        seconds: that reading and decoding took.
    """

    glance: Glance | None = None
    row: Row | None = None
    error: str = ""
    seconds: float = 0.0


def read_glances(sources: list[Source], workers: int, batch: int) -> Iterator[list[Reading]]:
    """Decode files in order, in batches; what cannot be used becomes a Reading with an error.

    Args:
        sources: of the corpus.
        workers: processes that decode, at most one a file; 0 decodes in this one.
        batch: how many files are yielded at once; the last batch may have fewer.
    """
    loader = DataLoader(
        cast(Dataset[Reading], _Corpus(sources)),
        batch_size=batch,
        num_workers=min(workers, len(sources)),
        collate_fn=list,
        worker_init_fn=_end_with_parent,
    )
    yield from loader


def _end_with_parent(_: int) -> None:
    """What a worker does first: see to it that it ends if its parent is killed.

    Torch's own workers may wait for ever, and the terminal with them.
    """
    # not os.getppid(): a server may have started the worker
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class _Corpus:
    def __init__(self, sources: list[Source]) -> None:
        self.sources = sources

    def __len__(self) -> int:
        return len(self.sources)

    def __getitem__(self, index: int) -> Reading:
        start = time.perf_counter()
        found = _read(self.sources[index])
        return replace(found, seconds=time.perf_counter() - start)


def _read(source: Source) -> Reading:
    path = Path(os.fsdecode(source.absolute))
    try:
        data = path.read_bytes()
        seen = glance(read_small_rgb(path, SIDE, data))
        if is_made(data):  # its colors are guesses: as a reference it would confirm them
            seen = replace(seen, chroma=0.0)
    except PictureError as error:
        return Reading(error=str(error))
    except OSError as error:
        return Reading(error=f"{path}: {error.strerror or error}")
    except MemoryError:
        return Reading(error=f"{path}: {source.size / 1e9:.1f} GB are more than the memory holds")
    return Reading(
        seen,
        (source.root, source.path, source.size, source.mtime_ns, hashlib.sha256(data).digest()),
    )
