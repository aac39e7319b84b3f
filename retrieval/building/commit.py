"""Complete an index: choose the live rows of its shards, write index.faiss, and index.json last."""

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import faiss
import numpy as np

from retrieval.safe_files import discarding, file_sha256
from retrieval.search.faiss_index import MAX_GROWTH, add_photos, make_search_index
from retrieval.storage.faiss_file import read_faiss, write_faiss
from retrieval.storage.global_vectors import GlobalVectors
from retrieval.storage.inventory import ShardRow, built_shards, remove_unnamed, rewritten_name
from retrieval.storage.manifest import FAISS, IndexManifest, ShardEntry, read_manifest
from retrieval.storage.search_settings import FLAT, SearchSettings, choose_settings
from retrieval.storage.shards import (
    ShardReader,
    allow_open_files,
    read_descriptors,
    read_photos,
    write_shard,
)


def commit(
    live: dict[bytes, ShardRow],
    index_dir: Path,
    manifest: IndexManifest,
    spare: Sequence[Path] = (),
    fresh: list[Path] | None = None,
) -> None:
    """Make an index of photos that are described.

    Shards that lost photos are written anew, then index.faiss, then index.json; last, what is no
    longer named is removed.

    Args:
        live: the photos of the complete index, by absolute path.
        index_dir: folder of the index.
        manifest: what index.json says besides the shards, index.faiss, count and date; of its
            search only the memory budget.
        spare: shards of an interrupted build to leave for the next one.
        fresh: the caller's list of files to remove if this fails; emptied once index.json names
            them.

    Raises:
        OSError: something cannot be written; the previous index is as it was.
    """
    fresh = [] if fresh is None else fresh
    with discarding(fresh):
        shards, roots = _whole_shards(live, manifest.key, fresh)
        previous = _previous(index_dir)
        entries = _entries(shards, previous)
        allow_open_files(len(shards))
        vectors = GlobalVectors([ShardReader(path).descriptors.global_ for path in shards])
        index, search = _search_index(vectors, entries, index_dir, manifest, previous)
        write_faiss(index, index_dir)
        kept = {entry.file for entry in entries} | {path.name for path in spare}
        complete = replace(
            manifest,
            count=len(live),
            shards=entries,
            faiss_sha256=file_sha256(index_dir / FAISS),
            built=datetime.now(UTC).isoformat(timespec="seconds"),
            search=search,
            roots=sorted(map(os.fsdecode, roots)),
            replaced=sorted({path.name for path in built_shards(index_dir)} - kept),
        )
        _write(complete, index_dir, fresh)
    remove_unnamed(index_dir, complete, spare)


def _whole_shards(
    live: dict[bytes, ShardRow], key: str, fresh: list[Path]
) -> tuple[dict[Path, int], set[bytes]]:
    """Shards that hold the live photos and no others, written anew where some were lost.

    Args:
        live: photos by absolute path.
        key: hash of the settings.
        fresh: gets the names of shards before they are written.

    Returns:
        How many photos each has, and the folders that were given to index.
    """
    by_shard: dict[Path, list[int]] = {}
    for entry in live.values():
        by_shard.setdefault(entry.shard, []).append(entry.row)
    shards, roots = dict[Path, int](), set[bytes]()
    for path, rows in by_shard.items():
        photos, keep = read_photos(path), np.sort(np.array(rows))
        if len(keep) < len(photos):
            fresh.append(path.with_name(rewritten_name()))
            path = write_shard(fresh[-1], photos.take(keep), read_descriptors(path).take(keep), key)
        shards[path] = len(keep)
        roots |= set(photos.root[keep])
    return shards, roots


def _entries(shards: dict[Path, int], previous: IndexManifest | None) -> list[ShardEntry]:
    """What index.json says of shards; of those that it named before, the caller read checksums."""
    checked = {entry.file: entry for entry in previous.shards} if previous else {}
    return [
        checked.get(path.name) or ShardEntry(path.name, count, file_sha256(path))
        for path, count in shards.items()
    ]


def _write(complete: IndexManifest, index_dir: Path, fresh: list[Path]) -> None:
    """Write index.json; then the fresh files belong to the index, whatever fails after it."""
    try:
        complete.write(index_dir)
    finally:  # an interrupt may come when index.json has its name
        written = _previous(index_dir)
        if written is not None and written.shards == complete.shards:
            fresh.clear()


def _search_index(
    vectors: GlobalVectors,
    entries: list[ShardEntry],
    index_dir: Path,
    manifest: IndexManifest,
    previous: IndexManifest | None,
) -> tuple[faiss.Index, SearchSettings]:
    """The index of before with new photos added, where that is possible, or a new one."""
    wanted = choose_settings(len(vectors), manifest.search.memory_budget)
    if previous and previous.key == manifest.key and previous.search.kind == wanted.kind != FLAT:
        grown = entries[: len(previous.shards)] == previous.shards
        if grown and len(vectors) <= MAX_GROWTH * previous.search.measured_on:
            index = read_faiss(index_dir / FAISS, previous.faiss_sha256)
            if index is not None:
                add_photos(index, vectors)
                return index, replace(previous.search, memory_budget=wanted.memory_budget)
    return make_search_index(vectors, wanted)


def _previous(index_dir: Path) -> IndexManifest | None:
    try:
        return read_manifest(index_dir)
    except (FileNotFoundError, ValueError):
        return None  # a first build, or --overwrite of a damaged index
