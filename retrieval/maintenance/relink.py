"""Find photos of an index again that were moved, by their content; nothing is described anew."""

import os
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np

from retrieval.building.commit import commit
from retrieval.photos.listing import Source, list_pictures, list_sources, plain_path
from retrieval.safe_files import discarding, file_sha256
from retrieval.storage.contents import read_contents
from retrieval.storage.index_folder import sole_writer
from retrieval.storage.inventory import ShardRow, rewritten_name, unfinished_shards
from retrieval.storage.manifest import read_manifest
from retrieval.storage.shards import PhotoRow, Photos, read_descriptors, write_shard


@dataclass(frozen=True)
class RelinkReport:
    """What relinking did.

    Attributes:
        relinked: photos found again.
        missing: photos that still have no file.
        indexed: how many of the missing lie under the folders, where the index has them already as
            other photos.
    """

    relinked: int
    missing: int
    indexed: int


def relink(index_dir: Path, roots: list[Path]) -> RelinkReport:
    """Look under some folders for the photos of an index whose files are gone.

    A file is the photo if it has the same size and the same SHA-256; where several are, the one
    whose path ends most alike. A photo that is there is never relinked, nor is one file given to
    two photos.

    Args:
        index_dir: folder of the index.
        roots: where to look; those are the folders the photos belong to from then on.

    Raises:
        FileNotFoundError: there is no index, or no such folder.
        ValueError: the index is damaged.
        OSError: the index cannot be written; it is as it was.
    """
    for root in roots:
        if not root.is_dir():
            raise FileNotFoundError(f"{root}: no such folder")
    read_manifest(index_dir)
    with sole_writer(index_dir):
        contents = read_contents(index_dir)
        live, manifest = contents.live(), contents.manifest
        gone = {name: row for _, photos in contents.shards for name, row in _gone(photos)}
        found, indexed = _find(gone, roots, set(live))
        if found:
            fresh: list[Path] = []
            with discarding(fresh):
                for path, photos in contents.shards:
                    names = [photos.absolute(i) for i in range(len(photos))]
                    if found.keys() & set(names):
                        fresh.append(path.with_name(rewritten_name()))
                        rows = [_moved(photos, i, found.get(name)) for i, name in enumerate(names)]
                        write_shard(
                            fresh[-1], Photos.of(rows), read_descriptors(path), manifest.key
                        )
                        for i, name in enumerate(names):
                            live[name] = ShardRow(fresh[-1], i, rows[i].size, rows[i].mtime_ns)
                commit(live, index_dir, manifest, unfinished_shards(index_dir, manifest), fresh)
        return RelinkReport(len(found), len(gone) - len(found), indexed)


def _gone(photos: Photos) -> list[tuple[bytes, PhotoRow]]:
    """Photos without a file. One that cannot be looked at, on a disk that fails, is not gone."""
    found = []
    for i in range(len(photos)):
        try:
            Path(os.fsdecode(photos.absolute(i))).stat()
        except (FileNotFoundError, NotADirectoryError):
            found.append((photos.absolute(i), _row(photos, i)))
        except OSError:
            continue
    return found


def _find(
    gone: dict[bytes, PhotoRow], roots: list[Path], taken: set[bytes]
) -> tuple[dict[bytes, Source], int]:
    """Find the files of photos that are gone.

    Args:
        gone: their rows by absolute path.
        roots: where to look.
        taken: files that are photos of the index already.

    Returns:
        The new place of each photo that is found, and how many others have theirs in the index
        already.
    """
    wanted: dict[tuple[int, bytes], list[bytes]] = {}
    for name, row in gone.items():
        wanted.setdefault((row.size, row.sha256), []).append(name)
    sizes = {size for size, _ in wanted}
    places: dict[tuple[int, bytes], list[Source]] = {}
    for source in _sources(roots):
        digest = _digest(source.absolute) if source.size in sizes else b""
        if (source.size, digest) in wanted:
            places.setdefault((source.size, digest), []).append(source)
    found: dict[bytes, Source] = {}
    indexed = 0
    for key, sources in places.items():
        free = [s for s in sources if s.absolute not in taken]
        pairs = [(name, source) for name in wanted[key] for source in free]
        used: set[bytes] = set()
        for name, source in sorted(pairs, key=lambda pair: -_alike(pair[0], pair[1].absolute)):
            if name not in found and source.absolute not in used:
                found[name] = source
                used.add(source.absolute)
        if len(free) < len(sources):
            indexed += sum(name not in found for name in wanted[key])
    return found, indexed


def _sources(roots: list[Path]) -> list[Source]:
    filled = [root for root in roots if next(list_pictures(plain_path(root)), None)]
    return list_sources(filled) if filled else []


def _digest(path: bytes) -> bytes:
    try:
        return bytes.fromhex(file_sha256(Path(os.fsdecode(path))))
    except OSError:
        return b""  # gone since it was listed, or unreadable: not found


def _alike(one: bytes, other: bytes) -> int:
    """How many names at the end of two paths are the same."""
    ours, theirs = (PurePath(os.fsdecode(path)).parts[::-1] for path in (one, other))
    return next(
        (i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b),
        min(len(ours), len(theirs)),
    )


def _row(photos: Photos, i: int) -> PhotoRow:
    return PhotoRow(
        photos.root[i],
        photos.path[i],
        int(photos.size[i]),
        int(photos.mtime_ns[i]),
        np.asarray(photos.sha256[i]).tobytes(),
    )


def _moved(photos: Photos, i: int, place: Source | None) -> PhotoRow:
    row = _row(photos, i)
    if place is None:
        return row
    return PhotoRow(place.root, place.path, place.size, place.mtime_ns, row.sha256)
