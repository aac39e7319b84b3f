"""Complete an index: choose the live rows of its shards, write index.faiss, and index.json last."""

import re
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import faiss
import numpy as np

from retrieval.index import global_index
from retrieval.manifest import FAISS, FEATURES, Manifest, ShardEntry
from retrieval.shards import file_sha256, read_descriptors, read_photos, shard_key, write_shard

_OURS = re.compile(r"[0-9a-f]{16}(\.h5|\.[0-9a-f]{16}\.tmp)")  # shards; other files in the folder are left alone


@dataclass(frozen=True)
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


def known_photos(index_dir: Path, key: str, previous: Manifest | None) -> dict[bytes, Known]:
    """What complete shards already describe: those of the manifest, then those an interrupted build finished."""
    names = [entry.file for entry in previous.shards] if previous else []
    orphans = [p for p in (index_dir / FEATURES).glob("*.h5") if p.name not in names]
    known: dict[bytes, Known] = {}
    for path in [*(index_dir / FEATURES / n for n in names), *sorted(orphans, key=lambda p: p.stat().st_mtime_ns)]:
        try:
            if shard_key(path) != key:
                continue
            photos = read_photos(path)
        except (OSError, KeyError):
            continue  # missing or damaged: its photos are described again
        for i in range(len(photos)):
            known[photos.absolute(i)] = Known(path, i, int(photos.size[i]), int(photos.mtime_ns[i]))
    return known


def commit(live: dict[bytes, Known], index_dir: Path, key: str, manifest: Manifest) -> None:
    """Rewrite shards that lost photos, write index.faiss and index.json, then remove what is no longer named.

    Args:
        live: the photos of the complete index, by absolute path.
        index_dir: folder of the index.
        key: of the settings, see Manifest.key.
        manifest: what index.json says besides the shards and index.faiss.
    """
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
    index = global_index([read_descriptors(path).global_ for path, _ in shards])
    temporary.write_bytes(faiss.serialize_index(index).tobytes())  # faiss itself opens only names that are UTF-8
    entries = [ShardEntry(path.name, count, file_sha256(path)) for path, count in shards]
    complete = Manifest(**{**manifest.__dict__, "shards": entries, "faiss_sha256": file_sha256(temporary)})
    temporary.replace(index_dir / FAISS)
    complete.write(index_dir)
    kept = {entry.file for entry in entries}
    for stale in [p for p in (index_dir / FEATURES).iterdir() if p.name not in kept and _OURS.fullmatch(p.name)]:
        with suppress(OSError):
            stale.unlink()
    for stale in [p for p in index_dir.glob("pca-*.safetensors") if p.name != complete.pca_file]:
        with suppress(OSError):
            stale.unlink()
