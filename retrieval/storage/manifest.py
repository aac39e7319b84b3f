"""index.json: what an index is made of. Written last, so it always names a complete index."""

import json
import os
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path

from retrieval.photos.listing import has_picture_name
from retrieval.safe_files import replacing
from retrieval.storage.descriptors import SETTINGS
from retrieval.storage.json_fields import from_json
from retrieval.storage.mending_commands import rebuild
from retrieval.storage.search_settings import SearchSettings, read_settings
from retrieval.typed_command import typed

SCHEMA = 1
MANIFEST, FAISS, FEATURES, LOCK = "index.json", "index.faiss", "features", ".lock"


@dataclass(frozen=True)
class ShardEntry:
    """A shard of the index: file name in ``features/``, number of photos, SHA-256 of the file."""

    file: str
    count: int
    sha256: str


@dataclass(frozen=True)
class IndexManifest:
    """Contents of index.json.

    Attributes:
        backbone, weights_hash: the network that made the descriptors.
        pca_hash: of the projections; they are in ``pca-<pca_hash>.safetensors``.
        shards: in the order of the rows of index.faiss.
        faiss_sha256: of index.faiss.
        count: photos in the index.
        settings: sizes of the descriptors.
        schema: version of this format.
        built: when this was written, ISO 8601 in UTC.
        unusable: pictures that the last build found and could not read.
        search: the kind of index.faiss, with its parameters and the recall that was measured.
        roots: the folders that the photos belong to.
        replaced: file names of shards that lay in the folder when this was written and are not part
            of it any more. They are removed next; a writer that dies before leaves them, and no
            later build may take them for shards that an interrupted build finished.
    """

    backbone: str
    weights_hash: str
    pca_hash: str
    shards: list[ShardEntry]
    faiss_sha256: str
    count: int
    settings: dict[str, int] = field(default_factory=lambda: dict(SETTINGS))
    schema: int = SCHEMA
    built: str = ""
    unusable: int = 0
    search: SearchSettings = field(default_factory=SearchSettings)
    roots: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)

    @property
    def key(self) -> str:
        """Hash of everything that decides a descriptor's numbers."""
        return settings_key(self.backbone, self.weights_hash, self.pca_hash, self.settings)

    @property
    def pca_file(self) -> str:
        """Name of the file of the projections."""
        return pca_file(self.pca_hash)

    def gone_roots(self) -> list[str]:
        """The folders of the photos that are not there: moved, deleted, or on another drive."""
        return [root for root in self.roots if not os.path.lexists(root)]

    def write(self, index_dir: Path) -> None:
        """Write index.json under a temporary name, then rename."""
        with replacing(index_dir / MANIFEST, what="index") as temporary:
            temporary.write_text(json.dumps(asdict(self), indent=1) + "\n")


def pca_file(pca_hash: str) -> str:
    """Name of the file of projections with a hash.

    The file never changes, so that builds cannot disturb readers.
    """
    return f"pca-{pca_hash}.safetensors"


def settings_key(
    backbone: str, weights_hash: str, pca_hash: str, settings: dict[str, int] = SETTINGS
) -> str:
    """Hash of what decides a descriptor's numbers.

    Args:
        backbone: its name.
        weights_hash: of the backbone's weights.
        pca_hash: of the projections.
        settings: sizes of the descriptors by name.

    Returns:
        The first 16 hexadecimal digits of the SHA-256.
    """
    text = json.dumps([backbone, weights_hash, pca_hash, sorted(settings.items())])
    return sha256(text.encode()).hexdigest()[:16]


def read_manifest(index_dir: Path) -> IndexManifest:
    """Read index.json.

    Raises:
        FileNotFoundError: there is no index, or its build was never finished.
        ValueError: the file is damaged or of a newer format.
    """
    path = index_dir / MANIFEST
    if not path.is_file():
        if (index_dir / FEATURES).is_dir():
            raise FileNotFoundError(
                f"{index_dir}: this index was never finished;"
                " run the same build-index again, it resumes"
            )
        if index_dir.is_dir() and any(has_picture_name(one.name) for one in index_dir.iterdir()):
            made = typed("rechroma", "build-index", index_dir, "--index", "indexes/NAME")
            raise FileNotFoundError(f"{index_dir}: holds photos, no index; make one with: {made}")
        raise FileNotFoundError(
            f"{index_dir}: no index here; make one with: {rebuild(index_dir, ())}"
        )
    try:
        data = json.loads(path.read_text())
        if not isinstance(data, dict) or "schema" not in data:
            raise TypeError("it does not say its format")
        if data["schema"] > SCHEMA:
            raise ValueError(
                f"{path}: format {data['schema']} is newer than this rechroma reads ({SCHEMA});"
                " update rechroma"
            )
        if missing := {"shards", "search"} - data.keys():
            raise TypeError(f"{', '.join(sorted(missing))} is missing")
        shards = [from_json(ShardEntry, entry) for entry in data["shards"]]
        search = read_settings(data["search"])
        return from_json(IndexManifest, {**data, "shards": shards, "search": search})
    except (json.JSONDecodeError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{path}: damaged ({error}); run build-index --overwrite with all of its folders"
        ) from error
