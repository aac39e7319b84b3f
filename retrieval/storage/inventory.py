"""Which photos the shards of an index folder describe, and which of its files are left over."""

import os
import re
import uuid
from collections.abc import Container, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from retrieval.safe_files import file_sha256
from retrieval.storage.manifest import FEATURES, IndexManifest, read_manifest
from retrieval.storage.shards import Photos, is_damage, read_photos, shard_key

# shards that a build made from photos; those made from other shards are named by rewritten_name
_BUILT = re.compile(r"[0-9a-f]{16}\.h5")
# other files in the folder are left alone
_OURS = re.compile(r"[0-9a-f]{16}r?(\.h5|\.[0-9a-f]{16}r?\.tmp)")


@dataclass(frozen=True, slots=True)
class ShardRow:
    """Where a photo is described.

    Attributes:
        shard: path of a finished shard.
        row: in it.
        size: bytes of the photo's file when it was read.
        mtime_ns: its modification time then.
    """

    shard: Path
    row: int
    size: int
    mtime_ns: int

    @property
    def stamp(self) -> tuple[int, int]:
        """Size and modification time; another stamp means another content."""
        return self.size, self.mtime_ns


def indexed_photos(
    index_dir: Path, key: str, previous: IndexManifest | None
) -> dict[bytes, ShardRow]:
    """What the shards of the manifest describe.

    A shard counts only with its checksum: a flipped bit would be taken over for good.

    Args:
        index_dir: folder of the index.
        key: hash of the settings that count, as in IndexManifest.key.
        previous: what index.json says; None if there is none that counts.

    Returns:
        Photos by absolute path.
    """
    known: dict[bytes, ShardRow] = {}
    for entry in previous.shards if previous else []:
        known |= _sound_rows(index_dir / FEATURES / entry.file, key, entry.sha256)
    return known


def finished_photos(
    index_dir: Path, key: str, previous: IndexManifest | None, listed: Container[bytes]
) -> tuple[dict[bytes, ShardRow], list[Path]]:
    """What interrupted builds finished.

    Args:
        index_dir: folder of the index.
        key: hash of the settings that count, as in IndexManifest.key.
        previous: what index.json says; None if there is none that counts.
        listed: absolute paths of the photos that are wanted now: others may have been removed or
            have moved since.

    Returns:
        Photos that are wanted, by absolute path; and the shards that have none of them. Those were
        made by a build of other folders, which takes them over when it is run again.
    """
    finished: dict[bytes, ShardRow] = {}
    others: list[Path] = []
    for path in unfinished_shards(index_dir, previous):
        rows = _sound_rows(path, key)
        wanted = {name: row for name, row in rows.items() if name in listed}
        finished |= wanted
        if rows and not wanted:
            others.append(path)
    return finished, others


def named_photos(index_dir: Path) -> set[bytes]:
    """Absolute paths of the photos that an index names, sound or not.

    There are none where no index can be read.
    """
    try:
        shards = read_manifest(index_dir).shards
    except (FileNotFoundError, ValueError):
        return set()
    names: set[bytes] = set()
    for entry in shards:
        with suppress(OSError):
            photos = read_photos(index_dir / FEATURES / entry.file)
            names |= {photos.absolute(row) for row in range(len(photos))}
    return names


def shard_rows(shard: Path, photos: Photos) -> dict[bytes, ShardRow]:
    """Where the photos of a shard are described.

    Args:
        shard: its path.
        photos: its rows.

    Returns:
        Photos by absolute path.
    """
    stamps = zip(photos.size.tolist(), photos.mtime_ns.tolist(), strict=True)
    return {
        photos.absolute(i): ShardRow(shard, i, size, mtime_ns)
        for i, (size, mtime_ns) in enumerate(stamps)
    }


def unfinished_shards(index_dir: Path, manifest: IndexManifest | None) -> list[Path]:
    """Shards that an interrupted build finished and no index.json names yet, oldest first.

    Those that index.json says it replaced are not among them: a writer died before it removed them.
    Nor are rewritten ones: they belong to a change that was never completed. No clock decides: the
    times of many file systems are too coarse to tell what came first.

    Args:
        index_dir: folder of the index.
        manifest: what index.json says; None if there is none that counts.
    """
    settled: set[str] = set()
    if manifest:
        settled = {entry.file for entry in manifest.shards} | set(manifest.replaced)
    found = [path for path in built_shards(index_dir) if path.name not in settled]
    return sorted(found, key=lambda path: (path.stat().st_mtime_ns, path))


def built_shards(index_dir: Path) -> list[Path]:
    """All shards in the folder that a build made from photos, part of the index or not."""
    return [path for path in (index_dir / FEATURES).iterdir() if _BUILT.fullmatch(path.name)]


def rewritten_name() -> str:
    """A new name for a shard that is made from others; it counts only once index.json names it."""
    return f"{uuid.uuid4().hex[:16]}r.h5"


def remove_unnamed(index_dir: Path, manifest: IndexManifest, spare: Sequence[Path] = ()) -> None:
    """Remove shards, half-written files and projections that an index no longer names.

    Args:
        index_dir: folder of the index.
        manifest: what index.json says.
        spare: shards to leave all the same.
    """
    kept = {entry.file for entry in manifest.shards} | {path.name for path in spare}
    stale = [
        p
        for p in (index_dir / FEATURES).iterdir()
        if p.name not in kept and _OURS.fullmatch(p.name)
    ]
    projections = [p for p in index_dir.glob("pca-*.safetensors") if p.name != manifest.pca_file]
    for path in [*stale, *projections]:
        with suppress(OSError):
            path.unlink()


def _sound_rows(path: Path, key: str, checksum: str | None = None) -> dict[bytes, ShardRow]:
    """The photos of a shard.

    There are none if it is missing, damaged or of other settings: they are described again.

    Raises:
        OSError: it is out of reach for now; nothing may be built without it, it would be lost.
    """
    try:
        # first: it reads plainly, with the system's own errors
        if checksum and file_sha256(path) != checksum:
            return {}
        return shard_rows(path, read_photos(path)) if shard_key(path) == key else {}
    except OSError as error:
        if not is_damage(error):
            raise OSError(
                error.errno, f"{os.strerror(error.errno or 0)}; the index is as it was", str(path)
            ) from error
        return {}
