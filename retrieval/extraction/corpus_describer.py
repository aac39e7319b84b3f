"""Describe a corpus: decode its files and run the network on them, on all cores.

Where a CPU computes, each process does both with its files. Several that decode beside one that
describes would share the cores badly: they take turns on each, and each turn begins with caches
that the other has filled.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from retrieval.extraction.corpus_reader import Reading, batches_of, read_batch, read_glances
from retrieval.extraction.extractor import Extractor
from retrieval.extraction.worker_processes import in_processes
from retrieval.photos.listing import Source
from retrieval.stage_clock import current_clock, stage
from retrieval.storage.descriptors import Descriptors
from retrieval.storage.shards import PhotoRow

Item = TypeVar("Item")


@dataclass(frozen=True)
class DescribedBatch:
    """Some files of a corpus, in order.

    Attributes:
        rows: of the photos, for a shard.
        descriptors: of the same photos; None if there are none.
        errors: one line for each file that cannot be used.
        decoding_seconds: that decoding took, in one process.
        describing_seconds: that the network took.
    """

    rows: list[PhotoRow]
    descriptors: Descriptors | None
    errors: list[str]
    decoding_seconds: float
    describing_seconds: float

    @property
    def num_files(self) -> int:
        """How many files were looked at."""
        return len(self.rows) + len(self.errors)


def describe_corpus(
    sources: list[Source], extractor: Extractor, workers: int, batch: int
) -> Iterator[DescribedBatch]:
    """Describe files in order, in batches; the clock of this thread is told what took how long.

    Args:
        sources: of the corpus.
        extractor: describes the photos.
        workers: processes that decode, and on a CPU describe; 0 does all in this one.
        batch: how many files a process takes at once; the last batch may have fewer.
    """
    clock = current_clock()
    batches = batches_of(sources, batch)
    if clock is not None:
        clock.workers = min(workers, len(batches))
    if workers and extractor.backbone.device.type == "cpu":
        found = in_processes(partial(_read_and_describe, extractor), batches, workers)
        for described in _waited_for(found, "waiting"):
            if clock is not None:
                clock.add_beside("decoding", described.decoding_seconds)
                clock.add_beside("describing", described.describing_seconds)
            yield described
        return
    readings = read_glances(sources, workers, batch)
    for read in _waited_for(readings, "waiting" if workers else "decoding"):
        with stage("describing"):
            described = _describe(extractor, read)
        if clock is not None and workers:
            clock.add_beside("decoding", described.decoding_seconds)
        yield described


def _read_and_describe(extractor: Extractor, sources: Sequence[Source]) -> DescribedBatch:
    return _describe(extractor, read_batch(sources))


def _describe(extractor: Extractor, readings: list[Reading]) -> DescribedBatch:
    start = time.perf_counter()
    glances = [reading.glance for reading in readings if reading.glance]
    descriptors = extractor.describe(glances) if glances else None
    return DescribedBatch(
        [reading.row for reading in readings if reading.row],
        descriptors,
        [reading.error for reading in readings if reading.error],
        sum(reading.seconds for reading in readings),
        time.perf_counter() - start,
    )


def _waited_for(items: Iterator[Item], name: str) -> Iterator[Item]:
    """The same items; that they are waited for is a stage."""
    while True:
        with stage(name):
            item = next(items, None)
        if item is None:
            return
        yield item
