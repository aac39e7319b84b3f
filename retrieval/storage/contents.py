"""Everything an index holds, each shard checked: what changes an index starts from this."""

from dataclasses import dataclass
from pathlib import Path

from retrieval.storage.inventory import ShardRow, shard_rows
from retrieval.storage.manifest import FEATURES, IndexManifest, read_manifest
from retrieval.storage.shards import Photos, read_photos, shard_problem


@dataclass(frozen=True)
class Contents:
    """An index that was found sound.

    Attributes:
        manifest: what index.json says.
        shards: the shards in their order, with their photos.
    """

    manifest: IndexManifest
    shards: list[tuple[Path, Photos]]

    def live(self) -> dict[bytes, ShardRow]:
        """Where each photo is described, by absolute path."""
        return {
            name: entry
            for path, photos in self.shards
            for name, entry in shard_rows(path, photos).items()
        }


def read_contents(index_dir: Path) -> Contents:
    """Read which photos an index describes.

    Raises:
        FileNotFoundError: there is no index, or a shard is missing.
        ValueError: index.json or a shard is damaged, or a shard was made with other settings than
            index.json says.
    """
    manifest = read_manifest(index_dir)
    shards = []
    for entry in manifest.shards:
        path = index_dir / FEATURES / entry.file
        problem = shard_problem(path, entry.sha256, manifest.key)
        if problem and read_manifest(index_dir) != manifest:
            return read_contents(index_dir)  # a builder replaced the index meanwhile
        if problem:
            raise ValueError(f"{path}: {problem}; run build-index on its folders again to redo it")
        shards.append((path, read_photos(path)))
    return Contents(manifest, shards)
