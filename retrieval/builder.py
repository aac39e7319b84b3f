"""Build an index on one machine, or bring it up to date: add what is new, redo what changed, drop what is gone.

Shards are written one by one and renamed when complete; index.json is written last. A build that is interrupted leaves
the previous index as it was, and the next build takes over the shards that were finished.
"""

import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import faiss
import numpy as np

from retrieval.descriptors import Descriptors, Extractor, raw_features
from retrieval.index import global_index
from retrieval.manifest import FAISS, FEATURES, MANIFEST, Manifest, ShardEntry, pca_file, read_manifest, settings_key
from retrieval.pca import find_projections, fit_projection, hash_projections, save_projections
from retrieval.reading import Source, list_sources, read_glances
from retrieval.shards import SHARD_PHOTOS, Photos, Row, file_sha256, read_descriptors, read_photos, shard_key, write_shard
from similarity.backbone import Backbone

PCA_SAMPLE = 4000
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class BuildOptions:
    """How to build.

    Attributes:
        workers: processes that decode photos beside the network; 0 decodes in this process.
        overwrite: describe every photo anew, whatever the folder holds.
        batch: photos the network sees at once.
        shard_photos: photos a shard; an interrupted build loses at most one shard.
    """

    workers: int = 1
    overwrite: bool = False
    batch: int = 32
    shard_photos: int = SHARD_PHOTOS


@dataclass(frozen=True)
class BuildReport:
    """What a build did: numbers of photos, and one line for each file that could not be used."""

    count: int
    added: int
    changed: int
    dropped: int
    kept: int
    unreadable: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Known:
    """A photo that a finished shard describes."""

    shard: Path
    row: int
    size: int
    mtime_ns: int


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
        ValueError: there is no usable photo, the folder holds something else than an index, or an index that another
            backbone made.
        OSError: the index cannot be written; the previous one is intact.
    """
    sources = list_sources(photos)
    previous = None if options.overwrite else _previous(index_dir, backbone)
    (index_dir / FEATURES).mkdir(parents=True, exist_ok=True)
    extractor = _extractor(sources, index_dir, backbone, options)
    pca_hash = hash_projections(extractor.global_projection, extractor.local_projection)
    key = settings_key(backbone.name, backbone.weights_hash, pca_hash)
    known = {} if options.overwrite else _known_photos(index_dir, key, previous)

    listed = {source.absolute for source in sources}
    named = [str(p.absolute()).encode() + b"/" for p in photos if p.is_dir()]
    gone = {name for name in known if name not in listed and name.startswith(tuple(named))}
    todo = [s for s in sources if s.absolute not in known or (s.size, s.mtime_ns) != _stamp(known[s.absolute])]
    changed = sum(s.absolute in known for s in todo)
    live = {name: entry for name, entry in known.items() if name not in gone}
    unreadable: list[str] = []
    for shard, rows in _write_shards(todo, index_dir / FEATURES, extractor, key, options, unreadable, progress):
        live |= {rows.absolute(i): _Known(shard, i, int(rows.size[i]), int(rows.mtime_ns[i])) for i in range(len(rows))}
    written = {name for name, entry in live.items() if known.get(name) != entry}
    for source in todo:  # changed into something unreadable: the old description no longer holds
        if source.absolute not in written:
            live.pop(source.absolute, None)
    if not live:
        raise ValueError(f"none of {len(sources)} pictures could be read, no index written; the first: {unreadable[0]}")
    added = len(written) - len(written & known.keys())
    report = BuildReport(len(live), added, len(written) - added, len(gone), len(live) - len(written), unreadable)
    if previous is None or written or gone or changed or len(live) != previous.count:
        _commit(live, index_dir, key, Manifest(backbone.name, backbone.weights_hash, pca_hash, [], "", len(live)))
    return report


def _previous(index_dir: Path, backbone: Backbone) -> Manifest | None:
    if (index_dir / MANIFEST).exists():
        manifest = read_manifest(index_dir)
        if (manifest.backbone, manifest.weights_hash) != (backbone.name, backbone.weights_hash):
            raise ValueError(
                f"{index_dir}: built with backbone {manifest.backbone} (weights {manifest.weights_hash}), this run has"
                f" {backbone.name} (weights {backbone.weights_hash}); use --overwrite or another --index"
            )
        return manifest
    if index_dir.is_dir() and not (index_dir / FEATURES).is_dir() and any(index_dir.iterdir()):
        raise ValueError(f"{index_dir}: the folder is not empty and holds no index; choose another --index")
    return None


def _extractor(sources: list[Source], index_dir: Path, backbone: Backbone, options: BuildOptions) -> Extractor:
    """The bundled projections, those an unfinished build left, or new ones fitted to a sample of the photos."""
    bundled = Extractor.bundled(backbone)
    if bundled:
        return _keep_projections(bundled, index_dir)
    found = None if options.overwrite else find_projections(index_dir, backbone.weights_hash)
    if found:
        return Extractor(backbone, *found)
    sample = sources[:: max(1, len(sources) // PCA_SAMPLE)]
    fc6, local = [], []
    for batch in read_glances(sample, options.workers, options.batch):
        good = [r.glance.luminance for r in batch if r.glance]
        if good:
            raw = raw_features(backbone, np.stack(good))
            fc6.append(raw.fc6)
            local.append(raw.local[:, ::7].reshape(-1, raw.local.shape[-1]))
    if not fc6:
        raise ValueError(f"none of {len(sample)} pictures could be read, no index written")
    projections = fit_projection(np.concatenate(fc6), 128), fit_projection(np.concatenate(local), 64)
    return _keep_projections(Extractor(backbone, *projections), index_dir)


def _keep_projections(extractor: Extractor, index_dir: Path) -> Extractor:
    both = extractor.global_projection, extractor.local_projection
    path = index_dir / pca_file(hash_projections(*both))
    if not path.exists():
        save_projections(path, *both, extractor.backbone.weights_hash)
    return extractor


def _known_photos(index_dir: Path, key: str, previous: Manifest | None) -> dict[bytes, _Known]:
    """What complete shards already describe: those of the manifest, then those an interrupted build finished."""
    names = [entry.file for entry in previous.shards] if previous else []
    orphans = [p for p in (index_dir / FEATURES).glob("*.h5") if p.name not in names]
    known: dict[bytes, _Known] = {}
    for path in [*(index_dir / FEATURES / n for n in names), *sorted(orphans, key=lambda p: p.stat().st_mtime_ns)]:
        try:
            if shard_key(path) != key:
                continue
            photos = read_photos(path)
        except (OSError, KeyError):
            continue  # missing or damaged: its photos are described again
        for i in range(len(photos)):
            known[photos.absolute(i)] = _Known(path, i, int(photos.size[i]), int(photos.mtime_ns[i]))
    return known


def _stamp(entry: _Known) -> tuple[int, int]:
    return entry.size, entry.mtime_ns


def _write_shards(
    todo: list[Source],
    folder: Path,
    extractor: Extractor,
    key: str,
    options: BuildOptions,
    unreadable: list[str],
    progress: Progress | None,
) -> Iterator[tuple[Path, Photos]]:
    rows: list[Row] = []
    parts: list[Descriptors] = []
    done = 0

    def flush() -> tuple[Path, Photos]:
        photos, descriptors = Photos.of(rows), Descriptors.join(parts)
        path = write_shard(folder / f"{uuid.uuid4().hex[:16]}.h5", photos, descriptors, key)
        rows.clear()
        parts.clear()
        return path, photos

    for batch in read_glances(todo, options.workers, options.batch):
        unreadable += [r.error for r in batch if r.error]
        good = [r for r in batch if r.glance]
        if good:
            parts.append(extractor.describe([r.glance for r in good if r.glance]))
            rows += [r.row for r in good if r.row]
        done += len(batch)
        if progress:
            progress(done, len(todo))
        if len(rows) >= options.shard_photos:
            yield flush()
    if rows:
        yield flush()


def _commit(live: dict[bytes, _Known], index_dir: Path, key: str, manifest: Manifest) -> None:
    """Rewrite shards that lost photos, write index.faiss and index.json, then remove what is no longer named."""
    by_shard: dict[Path, list[int]] = {}
    for entry in live.values():
        by_shard.setdefault(entry.shard, []).append(entry.row)
    shards = []
    for path, rows in by_shard.items():
        photos, keep = read_photos(path), np.sort(np.array(rows))
        if len(keep) < len(photos):
            fresh = path.with_name(f"{uuid.uuid4().hex[:16]}.h5")
            path = write_shard(fresh, photos.take(keep), read_descriptors(path).take(keep), key)
        shards.append((path, len(keep)))
    temporary = index_dir / f"{FAISS}.tmp"
    faiss.write_index(global_index([read_descriptors(path).global_ for path, _ in shards]), str(temporary))
    entries = [ShardEntry(path.name, count, file_sha256(path)) for path, count in shards]
    complete = Manifest(**{**manifest.__dict__, "shards": entries, "faiss_sha256": file_sha256(temporary)})
    temporary.replace(index_dir / FAISS)
    complete.write(index_dir)
    kept = {entry.file for entry in entries}
    for stale in [p for p in (index_dir / FEATURES).iterdir() if p.name not in kept]:
        with suppress(OSError):
            stale.unlink()
    for stale in [p for p in index_dir.glob("pca-*.safetensors") if p.name != complete.pca_file]:
        with suppress(OSError):
            stale.unlink()
