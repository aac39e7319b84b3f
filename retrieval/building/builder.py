"""Build an index on one machine, or bring it up to date: add what is new, redo what changed, drop what is gone.

Shards are written one by one and renamed when complete; index.json is written last. A build that is
interrupted leaves the previous index as it was, and the next build takes over the shards that were
finished.
"""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from retrieval.building.changes import (
    BuildReport,
    find_changes,
    is_complete,
    unnamed,
    wanted_search,
)
from retrieval.building.commit import commit
from retrieval.building.engines import ray_data
from retrieval.building.engines.local import ShardJob, Written, write_shards
from retrieval.building.engines.ray_data import RayOptions
from retrieval.extraction.extractor import Extractor
from retrieval.extraction.pca import (
    find_projections,
    hash_projections,
    keep_projections,
    sound_projections,
)
from retrieval.extraction.pca_fitting import fit_projections
from retrieval.photos.listing import Source, list_sources
from retrieval.progress import Progress
from retrieval.storage.index_folder import alone, make_index_folder
from retrieval.storage.inventory import (
    Known,
    finished_photos,
    indexed_photos,
    named_photos,
    others_unfinished,
    roots_of,
    rows_of,
    sweep,
)
from retrieval.storage.manifest import FEATURES, MANIFEST, Manifest, read_manifest, settings_key
from retrieval.storage.shards import SHARD_PHOTOS
from similarity.backbone.backbone import Backbone


@dataclass(frozen=True)
class BuildOptions:
    """How to build.

    Attributes:
        workers: processes that decode photos beside the network; 0 decodes in this process.
        overwrite: describe every photo anew, whatever the folder holds; photos of folders that are
            not named leave it.
        batch: photos the network sees at once.
        shard_photos: photos a shard, up to a batch more; an interrupted build loses at most one
            shard.
        memory_budget: bytes that the search index may take, see choose_settings; None keeps what
            the index has.
        ray: describe photos on the workers of Ray; None describes them in this process.
        exclude: patterns of files and folders that are passed over, see Exclusion.
    """

    workers: int = 1
    overwrite: bool = False
    batch: int = 32
    shard_photos: int = SHARD_PHOTOS
    memory_budget: int | None = None
    ray: RayOptions | None = None
    exclude: tuple[str, ...] = ()


def build_index(
    photos: list[Path],
    index_dir: Path,
    backbone: Backbone,
    options: BuildOptions = BuildOptions(),
    progress: Progress | None = None,
) -> BuildReport:
    """Index photo folders, or bring an index up to date with them.

    Photos of folders that an index already has and that are not named now stay in it.

    Args:
        photos: folders (walked recursively) and files.
        index_dir: where the index goes.
        backbone: describes the photos.
        options: see BuildOptions.
        progress: called with (photos done, photos to do).

    Returns:
        What was done.

    Raises:
        FileNotFoundError: a folder does not exist.
        ValueError: there is no usable photo, the folder holds something else than an index, or an
            index that another backbone made or other projections, or photos of folders that are not
            named would be lost.
        OSError: the index cannot be written; the previous one is intact.
    """
    sources = list_sources(photos, exclude=options.exclude)
    if options.ray:
        ray_data.import_ray()
    make_index_folder(index_dir)
    with alone(index_dir):
        previous = None if options.overwrite else _previous(index_dir, backbone)
        _date_back(index_dir / MANIFEST)
        return _build(sources, photos, index_dir, backbone, previous, options, progress)


def _date_back(path: Path) -> None:
    """Give index.json a time that has been, if the clock was ahead: shards of this build must be the younger ones."""
    if path.exists() and path.stat().st_mtime > time.time():
        os.utime(path)


@dataclass(frozen=True)
class _Found:
    """What a build finds in the folder of the index.

    Attributes:
        known: photos that are described, by absolute path.
        lost: photos that the index names and whose description does not count any more.
        others: shards of an interrupted build of other folders, for the next build of those.
    """

    known: dict[bytes, Known] = field(default_factory=dict)
    lost: set[bytes] = field(default_factory=set)
    others: list[Path] = field(default_factory=list)


def _build(
    sources: list[Source],
    photos: list[Path],
    index_dir: Path,
    backbone: Backbone,
    previous: Manifest | None,
    options: BuildOptions,
    progress: Progress | None,
) -> BuildReport:
    extractor = _extractor(sources, index_dir, backbone, previous, options)
    projections = extractor.global_projection, extractor.local_projection
    pca_hash = hash_projections(*projections)
    key = settings_key(backbone.name, backbone.weights_hash, pca_hash)
    if previous and previous.key != key:
        raise ValueError(
            f"{index_dir}: described with other projections ({previous.pca_hash}) than this run has ({pca_hash}); name all of its"
            " folders with --overwrite, or choose another --index"
        )
    keep_projections(index_dir, *projections, backbone.weights_hash)
    found = (
        _Found(lost=named_photos(index_dir))
        if options.overwrite
        else _find(photos, sources, index_dir, key, previous)
    )
    known = found.known
    changes = find_changes(photos, sources, known)
    live = {name: entry for name, entry in known.items() if name not in changes.gone}
    unreadable = list(changes.closed)
    job = ShardJob(
        changes.todo,
        index_dir / FEATURES,
        extractor,
        key,
        options.workers,
        options.batch,
        options.shard_photos,
    )
    for shard, rows in _described(job, options.ray, unreadable, progress):
        live |= rows_of(shard, rows)
    written = {name for name, entry in live.items() if known.get(name) != entry}
    # changed into something unreadable: the old description no longer holds
    for source in changes.todo:
        if source.absolute not in written:
            live.pop(source.absolute, None)
    if not live:
        raise ValueError(
            f"none of {len(sources)} pictures could be read, no index written; the first: {unreadable[0]}"
        )
    added = len(written) - len(written & known.keys())
    dropped = (changes.gone | found.lost) - live.keys()
    report = BuildReport(
        len(live), added, len(written) - added, len(dropped), len(live) - len(written), unreadable
    )
    search = wanted_search(len(live), options.memory_budget, previous)
    manifest = Manifest(
        backbone.name,
        backbone.weights_hash,
        pca_hash,
        [],
        "",
        len(live),
        unusable=len(unreadable),
        search=search,
    )
    nothing_new = not (written or changes.gone or changes.changed)
    if previous and nothing_new and is_complete(previous, index_dir, live, len(unreadable), search):
        sweep(index_dir, previous, found.others)
    else:
        commit(live, index_dir, key, manifest, found.others)
    return report


def _find(
    photos: list[Path], sources: list[Source], index_dir: Path, key: str, previous: Manifest | None
) -> _Found:
    listed = {source.absolute for source in sources}
    known, lost = indexed_photos(index_dir, key, previous), set[bytes]()
    if previous and (damaged := _damaged(previous, known)):
        _check_damaged(photos, index_dir, previous, damaged)
        lost = named_photos(index_dir) - known.keys()
    known |= finished_photos(index_dir, key, previous, listed)
    return _Found(known, lost, others_unfinished(index_dir, previous, key, listed))


def _described(
    job: ShardJob, ray: RayOptions | None, unreadable: list[str], progress: Progress | None
) -> Written:
    if ray and job.sources:
        return ray_data.write_shards(job, ray, unreadable, progress)
    return write_shards(job, unreadable, progress)


def _previous(index_dir: Path, backbone: Backbone) -> Manifest | None:
    if (index_dir / MANIFEST).exists():
        manifest = read_manifest(index_dir)
        if (manifest.backbone, manifest.weights_hash) != (backbone.name, backbone.weights_hash):
            raise ValueError(
                f"{index_dir}: built with backbone {manifest.backbone} (weights {manifest.weights_hash}), this run has"
                f" {backbone.name} (weights {backbone.weights_hash}); use --overwrite or another --index"
            )
        return manifest
    return None


def _damaged(previous: Manifest, known: dict[bytes, Known]) -> list[str]:
    """The shards of an index that hold nothing of what is known."""
    sound = {entry.shard.name for entry in known.values()}
    return [entry.file for entry in previous.shards if entry.file not in sound]


def _check_damaged(
    photos: list[Path], index_dir: Path, previous: Manifest, damaged: list[str]
) -> None:
    """Refuse to lose photos of folders that are there and could be named."""
    others = [
        root for root in unnamed(photos, roots_of(index_dir, previous)) if Path(root).is_dir()
    ]
    if others:
        path = index_dir / FEATURES / damaged[0]
        raise ValueError(
            f"{path}: damaged or missing; to describe its photos again name also {', '.join(others)}"
        )


def _extractor(
    sources: list[Source],
    index_dir: Path,
    backbone: Backbone,
    previous: Manifest | None,
    options: BuildOptions,
) -> Extractor:
    """The bundled projections, those of the index, those an unfinished build left, or new ones fitted to a sample."""
    bundled = Extractor.bundled(backbone)
    if bundled:
        return bundled
    if previous:
        found = sound_projections(index_dir / previous.pca_file, previous.pca_hash)
    else:
        found = None if options.overwrite else find_projections(index_dir, backbone.weights_hash)
    if found:
        return Extractor(backbone, *found)
    return Extractor(backbone, *fit_projections(sources, backbone, options.workers, options.batch))
