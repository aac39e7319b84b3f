"""Read a corpus for indexing: what is described of its files, or why they cannot be used."""

import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from retrieval.extraction.extractor import Glance, glance
from retrieval.extraction.worker_processes import in_processes
from retrieval.photos.listing import Source
from retrieval.photos.metadata import is_made
from retrieval.photos.reader import PictureError, check_file, read_small_rgb
from retrieval.storage.descriptors import SIDE
from retrieval.storage.shards import PhotoRow


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
    row: PhotoRow | None = None
    error: str = ""
    seconds: float = 0.0


def read_glances(sources: list[Source], workers: int, batch: int) -> Iterator[list[Reading]]:
    """Decode files in order, in batches; what cannot be used becomes a Reading with an error.

    Args:
        sources: of the corpus.
        workers: processes that decode; 0 decodes in this one.
        batch: how many files are yielded at once; the last batch may have fewer.
    """
    return in_processes(read_batch, batches_of(sources, batch), workers)


def batches_of(sources: Sequence[Source], batch: int) -> list[Sequence[Source]]:
    """Files of a corpus, some at a time.

    Args:
        sources: of the corpus.
        batch: how many at once; the last may be fewer.
    """
    return [sources[i : i + batch] for i in range(0, len(sources), batch)]


def read_batch(sources: Sequence[Source]) -> list[Reading]:
    """Decode some files in this process."""
    readings = []
    for source in sources:
        start = time.perf_counter()
        found = _read(source)
        readings.append(replace(found, seconds=time.perf_counter() - start))
    return readings


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
        PhotoRow(
            source.root, source.path, source.size, source.mtime_ns, hashlib.sha256(data).digest()
        ),
    )
