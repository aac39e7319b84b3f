"""What the shards of an index folder already describe, and which of its files nobody names any more."""

import os
import re
import uuid
from collections.abc import Container, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from retrieval.storage.manifest import FEATURES, MANIFEST, Manifest, read_manifest
from retrieval.storage.shards import Photos, file_sha256, is_damage, read_photos, shard_key

# shards that a build made from photos; see rewritten_name for the others
_BUILT = re.compile(r"[0-9a-f]{16}\.h5")
# other files in the folder are left alone
_OURS = re.compile(r"[0-9a-f]{16}r?(\.h5|\.[0-9a-f]{16}r?\.tmp)")


@dataclass(frozen=True, slots=True)
class Known:
    """Where a photo is described: row of a finished shard, and the file's size and time when it was read."""

    shard: Path
    row: int
    size: int
    mtime_ns: int

    @property
    def stamp(self) -> tuple[int, int]:
        """Size and modification time; another stamp means another content."""
        return self.size, self.mtime_ns


def known_photos(
    index_dir: Path, key: str, previous: Manifest | None, listed: Container[bytes] | None = None
) -> dict[bytes, Known]:
    """What complete shards already describe: indexed_photos, then finished_photos."""
    return indexed_photos(index_dir, key, previous) | finished_photos(
        index_dir, key, previous, listed
    )


def indexed_photos(index_dir: Path, key: str, previous: Manifest | None) -> dict[bytes, Known]:
    """What the shards of the manifest describe. One counts only with its checksum: a flipped bit would be taken over for good."""
    known: dict[bytes, Known] = {}
    for entry in previous.shards if previous else []:
        known |= _rows(index_dir / FEATURES / entry.file, key, entry.sha256)
    return known


def finished_photos(
    index_dir: Path, key: str, previous: Manifest | None, listed: Container[bytes] | None = None
) -> dict[bytes, Known]:
    """What an interrupted build finished.

    Args:
        index_dir: folder of the index.
        key: of the settings, see Manifest.key.
        previous: what index.json says; None if there is none that counts.
        listed: absolute paths of the photos that are wanted now: others may have been removed or
            have moved since; None takes all.
    """
    finished: dict[bytes, Known] = {}
    for path in unfinished(index_dir, previous):
        finished |= _rows(path, key)
    return (
        finished
        if listed is None
        else {name: entry for name, entry in finished.items() if name in listed}
    )


def _rows(path: Path, key: str, checksum: str | None = None) -> dict[bytes, Known]:
    """The photos of a shard; none if it is missing, damaged or of other settings: they are described again.

    Raises:
        OSError: it is out of reach for now; nothing may be built without it, it would be lost.
    """
    try:
        # first: it reads plainly, with the system's own errors
        if checksum and file_sha256(path) != checksum:
            return {}
        return rows_of(path, read_photos(path)) if shard_key(path) == key else {}
    except OSError as error:
        if not is_damage(error):
            raise OSError(
                error.errno, f"{os.strerror(error.errno or 0)}; the index is as it was", str(path)
            ) from error
        return {}


def roots_of(index_dir: Path, manifest: Manifest) -> list[str]:
    """The folders whose photos an index holds; of an older one those that its shards can tell."""
    if manifest.roots:
        return manifest.roots
    roots: set[str] = set()
    for entry in manifest.shards:
        with suppress(OSError):
            roots |= {
                os.fsdecode(root) for root in read_photos(index_dir / FEATURES / entry.file).root
            }
    return sorted(roots)


def named_photos(index_dir: Path) -> set[bytes]:
    """Absolute paths of the photos that an index names, sound or not; none if there is no index that can be read."""
    try:
        shards = read_manifest(index_dir).shards
    except (FileNotFoundError, ValueError):
        return set()
    names: set[bytes] = set()
    for entry in shards:
        with suppress(OSError):
            names |= rows_of(index_dir, read_photos(index_dir / FEATURES / entry.file)).keys()
    return names


def rows_of(shard: Path, photos: Photos) -> dict[bytes, Known]:
    """Where the photos of a shard are described, by absolute path."""
    stamps = zip(photos.size.tolist(), photos.mtime_ns.tolist(), strict=True)
    return {
        photos.absolute(i): Known(shard, i, size, mtime_ns)
        for i, (size, mtime_ns) in enumerate(stamps)
    }


def unfinished(index_dir: Path, manifest: Manifest | None) -> list[Path]:
    """Shards that an interrupted build finished and no index.json names yet, oldest first.

    Those older than index.json are not among them: they were replaced, and a writer died before it
        removed them. Nor
    are rewritten ones: they belong to a change that was never completed.
    """
    named = {entry.file for entry in manifest.shards} if manifest else set()
    built = (
        (index_dir / MANIFEST).stat().st_mtime_ns
        if manifest and (index_dir / MANIFEST).exists()
        else -1
    )
    found = [
        (p.stat().st_mtime_ns, p)
        for p in (index_dir / FEATURES).iterdir()
        if _BUILT.fullmatch(p.name)
    ]
    return [path for time, path in sorted(found) if path.name not in named and time > built]


def others_unfinished(
    index_dir: Path, manifest: Manifest | None, key: str, listed: Container[bytes]
) -> list[Path]:
    """Of the unfinished shards those that have none of the listed photos: a build of other folders, to be taken over by it.

    Args:
        index_dir: folder of the index.
        manifest: what index.json says; None if there is none that counts.
        key: of the settings, see Manifest.key; no build takes over shards of others.
        listed: absolute paths of the photos of this build.
    """
    found = [(path, _rows(path, key)) for path in unfinished(index_dir, manifest)]
    return [path for path, rows in found if rows and not any(name in listed for name in rows)]


def rewritten_name() -> str:
    """A new name for a shard that is made from others; it counts only once index.json names it."""
    return f"{uuid.uuid4().hex[:16]}r.h5"


def sweep(index_dir: Path, manifest: Manifest, spare: Sequence[Path] = ()) -> None:
    """Remove shards, half-written files and projections of ours that are no longer named."""
    kept = {entry.file for entry in manifest.shards} | {path.name for path in spare}
    stale = [
        p
        for p in (index_dir / FEATURES).iterdir()
        if p.name not in kept and _OURS.fullmatch(p.name)
    ]
    for path in [
        *stale,
        *(p for p in index_dir.glob("pca-*.safetensors") if p.name != manifest.pca_file),
    ]:
        with suppress(OSError):
            path.unlink()
