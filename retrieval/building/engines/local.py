"""What every engine does: describe photos in batches and write them as shards."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from retrieval.extraction.corpus_describer import describe_corpus
from retrieval.extraction.corpus_reader import read_glances
from retrieval.extraction.extractor import Extractor
from retrieval.photos.listing import Source
from retrieval.progress import Progress
from retrieval.stage_clock import stage
from retrieval.storage.descriptors import Descriptors
from retrieval.storage.shards import PhotoRow, Photos, read_photos, write_shard

Written = Iterator[tuple[Path, Photos]]


@dataclass(frozen=True)
class ShardJob:
    """Photos to describe, and how.

    Attributes:
        sources: the photos.
        folder: where shards go.
        extractor: describes them.
        key: hash of the settings, as in IndexManifest.key.
        workers: processes that decode photos, and on a CPU describe them; 0 does all in this one.
        batch: files that a process takes at once.
        shard_photos: photos a shard, up to a batch more.
    """

    sources: list[Source]
    folder: Path
    extractor: Extractor
    key: str
    workers: int
    batch: int
    shard_photos: int


def shard_name() -> str:
    """A new name for a shard that a build makes from photos."""
    return f"{uuid.uuid4().hex[:16]}.h5"


def write_shards(
    job: ShardJob,
    unreadable: list[str],
    progress: Progress | None = None,
    name: Callable[[], str] = shard_name,
    keeps_begun: bool = True,
) -> Written:
    """Describe photos on this machine, and yield each shard when it is complete.

    Args:
        job: the photos, and how to describe them.
        unreadable: one line for each file that cannot be used is added.
        progress: called with (photos done, photos to do).
        name: gives each shard its file name.
        keeps_begun: whether what is described when something ends the build, as Ctrl-C does,
            becomes a smaller shard, which the next build takes over.

    Yields:
        The path of a shard, and its photos.
    """
    rows: list[PhotoRow] = []
    parts: list[Descriptors] = []
    done = 0

    def flush() -> tuple[Path, Photos]:
        photos, descriptors = Photos.of(rows), Descriptors.join(parts)
        with stage("writing"):
            path = write_shard(job.folder / name(), photos, descriptors, job.key)
        rows.clear()
        parts.clear()
        return path, photos

    try:
        for found in describe_corpus(job.sources, job.extractor, job.workers, job.batch):
            unreadable += found.errors
            rows += found.rows
            parts += [found.descriptors] if found.descriptors else []
            done += found.num_files
            if progress:
                progress(done, len(job.sources))
            if len(rows) >= job.shard_photos:
                yield flush()
    except BaseException:
        if keeps_begun and rows and len(rows) == sum(map(len, parts)):
            with suppress(OSError):  # what ended the build is told, not what follows from it
                flush()
        raise
    if rows:
        yield flush()


def write_one_shard(job: ShardJob, name: str) -> list[str]:
    """Write the photos of a job as a single shard, unless it is there already.

    A shard that is there was finished by a worker that died before it could tell.

    Args:
        job: of at most as many photos as a shard holds.
        name: of the shard.

    Returns:
        One line for each file that cannot be used.
    """
    path, unreadable = job.folder / name, list[str]()
    if path.is_file():
        photos = read_photos(path)
        described = {photos.absolute(i) for i in range(len(photos))}
        left = [source for source in job.sources if source.absolute not in described]
        return [
            r.error
            for batch in (read_glances(left, 0, job.batch) if left else ())
            for r in batch
            if r.error
        ]
    for _ in write_shards(job, unreadable, name=lambda: name, keeps_begun=False):
        pass
    return unreadable
