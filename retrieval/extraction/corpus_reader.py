"""Read a corpus for indexing, in processes that decode side by side."""

import hashlib
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar, cast

from torch.utils.data import DataLoader, Dataset

from retrieval.extraction.extractor import Glance, glance
from retrieval.photos.listing import Source
from retrieval.photos.metadata import is_made
from retrieval.photos.reader import PictureError, check_file, read_small_rgb
from retrieval.storage.descriptors import SIDE
from retrieval.storage.shards import Row

Done = TypeVar("Done")
KILLED = (
    "a process that reads photos was killed; systems do that when memory runs out:"
    " try fewer --workers"
)


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
        workers: processes that decode; 0 decodes in this one.
        batch: how many files are yielded at once; the last batch may have fewer.
    """
    return in_workers(read_batch, sources, workers, batch)


def read_batch(sources: list[Source]) -> list[Reading]:
    """Decode some files in this process."""
    readings = []
    for source in sources:
        start = time.perf_counter()
        found = _read(source)
        readings.append(replace(found, seconds=time.perf_counter() - start))
    return readings


def in_workers(
    work: Callable[[list[Source]], Done], sources: list[Source], workers: int, batch: int
) -> Iterator[Done]:
    """Have processes work on the files of a corpus, each on one core.

    Args:
        work: what is done to some files; it is sent to the processes.
        sources: of the corpus.
        workers: processes, at most one a batch; 0 works in this one.
        batch: how many files are given to a process at once.

    Yields:
        What was done, batch after batch.

    Raises:
        ChildProcessError: a process was killed, as systems do that run out of memory.
    """
    batches = [sources[i : i + batch] for i in range(0, len(sources), batch)]
    found = iter(
        DataLoader(
            cast(Dataset[Done | _Failure], _Batches(work, batches)),
            batch_size=None,
            num_workers=min(workers, len(batches)),
            collate_fn=_as_it_is,
            worker_init_fn=_end_with_parent,
        )
    )
    for _ in batches:
        try:
            done: Done | _Failure = next(found)
        except RuntimeError as error:  # work fails otherwise, so this is about its process
            raise ChildProcessError(KILLED) from error
        if isinstance(done, _Failure):
            raise done.error
        yield done


@dataclass(frozen=True)
class _Failure:
    """What work has raised; torch itself would put its traceback into the message."""

    error: Exception


@dataclass(frozen=True)
class _Batches(Generic[Done]):
    work: Callable[[list[Source]], Done]
    batches: list[list[Source]]

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, number: int) -> Done | _Failure:
        try:
            return self.work(self.batches[number])
        except Exception as error:
            return _Failure(error)


def _as_it_is(done: Done | _Failure) -> Done | _Failure:
    return done


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


def _read(source: Source) -> Reading:
    path = Path(os.fsdecode(source.absolute))
    try:
        check_file(path)
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
