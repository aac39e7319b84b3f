"""Build an index, or bring it up to date: add what is new, redo what changed, drop what is gone.

Shards are written one by one and renamed when complete; index.json is written last. A build that is
interrupted leaves the previous index as it was, and the next build takes over what was described.
"""

from dataclasses import dataclass, field
from pathlib import Path

from retrieval.building.changes import (
    BuildReport,
    Changes,
    find_changes,
    is_complete,
    unnamed,
    wanted_search,
)
from retrieval.building.commit import commit
from retrieval.building.engines import ray_data
from retrieval.building.engines.local import ShardJob, write_shards
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
from retrieval.stage_clock import stage
from retrieval.storage.index_folder import make_index_folder, sole_writer
from retrieval.storage.inventory import (
    ShardRow,
    finished_photos,
    indexed_photos,
    named_photos,
    remove_unnamed,
    shard_rows,
)
from retrieval.storage.manifest import (
    FEATURES,
    MANIFEST,
    IndexManifest,
    read_manifest,
    settings_key,
)
from retrieval.storage.shards import SHARD_PHOTOS
from similarity.backbone.backbone import Backbone


@dataclass(frozen=True)
class BuildOptions:
    """How to build.

    Attributes:
        workers: processes that decode photos, and on a CPU describe them; 0 does all in this one.
        overwrite: describe every photo anew, whatever the folder holds; photos of folders that are
            not named leave it.
        batch: files that a process takes at once.
        shard_photos: photos a shard, up to a batch more; a build that is killed loses at most one
            shard, one that Ctrl-C ends a few batches.
        memory_budget: bytes that the search index may take, which decide the kind of search; None
            keeps what the index has.
        ray: describe photos on the workers of Ray; None describes them on this machine.
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
    sources: list[Source] | None = None,
) -> BuildReport:
    """Index photo folders, or bring an index up to date with them.

    Photos of folders that an index already has and that are not named now stay in it.

    Args:
        photos: folders (walked recursively) and files.
        index_dir: where the index goes.
        backbone: describes the photos.
        options: how to build.
        progress: called with (photos done, photos to do).
        sources: pictures of the folders, where they are listed already.

    Returns:
        What was done.

    Raises:
        FileNotFoundError: a folder does not exist.
        ValueError: there is no usable photo, the folder holds something else than an index, or an
            index that another backbone made or other projections, or photos of folders that are not
            named would be lost.
        OSError: the index cannot be written; the previous one is intact.
    """
    sources = list_sources(photos, exclude=options.exclude) if sources is None else sources
    if options.ray:
        ray_data.import_ray()
    make_index_folder(index_dir)
    with sole_writer(index_dir):
        previous = None if options.overwrite else _previous(index_dir, backbone)
        return _build(sources, photos, index_dir, backbone, previous, options, progress)


@dataclass(frozen=True)
class _Found:
    """What a build finds in the folder of the index.

    Attributes:
        known: photos that are described, by absolute path.
        lost: photos that the index names and whose description does not count any more.
        others: shards of an interrupted build of other folders, for the next build of those.
    """

    known: dict[bytes, ShardRow] = field(default_factory=dict)
    lost: set[bytes] = field(default_factory=set)
    others: list[Path] = field(default_factory=list)


def _build(
    sources: list[Source],
    photos: list[Path],
    index_dir: Path,
    backbone: Backbone,
    previous: IndexManifest | None,
    options: BuildOptions,
    progress: Progress | None,
) -> BuildReport:
    extractor = _extractor(sources, index_dir, backbone, previous, options)
    projections = extractor.global_projection, extractor.local_projection
    pca_hash = hash_projections(*projections)
    key = settings_key(backbone.name, backbone.weights_hash, pca_hash)
    if previous and previous.key != key:
        raise ValueError(
            f"{index_dir}: described with other projections ({previous.pca_hash}) than this run has"
            f" ({pca_hash}); name all of its folders with --overwrite, or choose another --index"
        )
    keep_projections(index_dir, *projections, backbone.weights_hash)
    if options.overwrite:
        found = _Found(lost=named_photos(index_dir))
    else:
        found = _find(photos, sources, index_dir, key, previous)
    changes = find_changes(photos, sources, found.known)
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
    written = _describe(job, options.ray, unreadable, progress)
    live = _live(found.known, changes, written)
    if not live:
        raise ValueError(
            f"none of {len(sources)} pictures could be read, no index written;"
            f" the first: {unreadable[0]}"
        )
    report = _report(found, live, unreadable)
    search = wanted_search(len(live), options.memory_budget, previous)
    nothing_new = not (report.added or changes.gone or changes.changed)
    if previous and nothing_new and is_complete(previous, index_dir, live, len(unreadable), search):
        remove_unnamed(index_dir, previous, found.others)
        return report
    manifest = IndexManifest(
        backbone.name,
        backbone.weights_hash,
        pca_hash,
        [],
        "",
        len(live),
        unusable=len(unreadable),
        search=search,
    )
    with stage("joining"):
        commit(live, index_dir, manifest, found.others)
    return report


def _find(
    photos: list[Path],
    sources: list[Source],
    index_dir: Path,
    key: str,
    previous: IndexManifest | None,
) -> _Found:
    listed = {source.absolute for source in sources}
    known, lost = indexed_photos(index_dir, key, previous), set[bytes]()
    if previous and (damaged := _damaged(previous, known)):
        _check_damaged(photos, index_dir, previous, damaged)
        lost = named_photos(index_dir) - known.keys()
    finished, others = finished_photos(index_dir, key, previous, listed)
    return _Found(known | finished, lost, others)


def _describe(
    job: ShardJob, ray: RayOptions | None, unreadable: list[str], progress: Progress | None
) -> dict[bytes, ShardRow]:
    """Write the shards of a job: where each photo is described now, by absolute path."""
    if ray and job.sources:
        shards = ray_data.write_shards(job, ray, unreadable, progress)
    else:
        shards = write_shards(job, unreadable, progress)
    written: dict[bytes, ShardRow] = {}
    for shard, rows in shards:
        written |= shard_rows(shard, rows)
    return written


def _live(
    known: dict[bytes, ShardRow], changes: Changes, written: dict[bytes, ShardRow]
) -> dict[bytes, ShardRow]:
    """The photos of the index that is to be, by absolute path."""
    # what changed into something unreadable has no description any more
    todo = {source.absolute for source in changes.todo}
    kept = {
        name: row for name, row in known.items() if name not in changes.gone and name not in todo
    }
    return kept | written


def _report(found: _Found, live: dict[bytes, ShardRow], unreadable: list[str]) -> BuildReport:
    written = {name for name, row in live.items() if found.known.get(name) != row}
    added = len(written - found.known.keys())
    dropped = (found.known.keys() | found.lost) - live.keys()
    kept = len(live) - len(written)
    return BuildReport(len(live), added, len(written) - added, len(dropped), kept, unreadable)


def _previous(index_dir: Path, backbone: Backbone) -> IndexManifest | None:
    if (index_dir / MANIFEST).exists():
        manifest = read_manifest(index_dir)
        if (manifest.backbone, manifest.weights_hash) != (backbone.name, backbone.weights_hash):
            raise ValueError(
                f"{index_dir}: built with backbone {manifest.backbone} (weights"
                f" {manifest.weights_hash}), this run has {backbone.name} (weights"
                f" {backbone.weights_hash}); use --overwrite or another --index"
            )
        return manifest
    return None


def _damaged(previous: IndexManifest, known: dict[bytes, ShardRow]) -> list[str]:
    """The shards of an index that hold nothing of what is known."""
    sound = {entry.shard.name for entry in known.values()}
    return [entry.file for entry in previous.shards if entry.file not in sound]


def _check_damaged(
    photos: list[Path], index_dir: Path, previous: IndexManifest, damaged: list[str]
) -> None:
    """Refuse to lose photos of folders that are there and could be named."""
    others = [root for root in unnamed(photos, previous.roots) if Path(root).is_dir()]
    if others:
        path = index_dir / FEATURES / damaged[0]
        raise ValueError(
            f"{path}: damaged or missing; to describe its photos again name also"
            f" {', '.join(others)}"
        )


def _extractor(
    sources: list[Source],
    index_dir: Path,
    backbone: Backbone,
    previous: IndexManifest | None,
    options: BuildOptions,
) -> Extractor:
    """An extractor with the bundled projections, or those of the index, or new ones.

    Those that an unfinished build left are taken before new ones are fitted to a sample.
    """
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
