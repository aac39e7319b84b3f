"""index.json: what an index is made of. Written last, so it always names a complete index."""

import json
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path

from retrieval.safe_files import replacing
from retrieval.storage.descriptors import SETTINGS
from retrieval.storage.json_fields import filled
from retrieval.storage.search_settings import SearchSettings, read_settings

SCHEMA = 3  # 1 had no search settings: all of its indexes are flat; 2 did not name its folders
MANIFEST, FAISS, FEATURES, LOCK = "index.json", "index.faiss", "features", ".lock"


@dataclass(frozen=True)
class ShardEntry:
    """A shard of the index: file name in ``features/``, number of photos, SHA-256 of the file."""

    file: str
    count: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """Contents of index.json.

    Attributes:
        backbone, weights_hash: the network that made the descriptors.
        pca_hash: of the projections; they are in ``pca-<pca_hash>.safetensors``.
        shards: in the order of the rows of index.faiss.
        faiss_sha256: of index.faiss.
        count: photos in the index.
        settings: sizes of the descriptors.
        schema: version of this format.
        built: when this was written, ISO 8601 in UTC; empty in indexes of the first builds.
        unusable: pictures that the last build found and could not read; None where that is not
            known.
        search: the kind of index.faiss, with its parameters and the recall that was measured.
        roots: the folders that the photos belong to; none in indexes of formats before 3.
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
    unusable: int | None = None
    search: SearchSettings = field(default_factory=SearchSettings)
    roots: list[str] = field(default_factory=list)

    @property
    def key(self) -> str:
        """Hash of everything that decides a descriptor's numbers."""
        return settings_key(self.backbone, self.weights_hash, self.pca_hash, self.settings)

    @property
    def pca_file(self) -> str:
        """Name of the file of the projections."""
        return pca_file(self.pca_hash)

    def write(self, index_dir: Path) -> None:
        """Write index.json under a temporary name, then rename."""
        with replacing(index_dir / MANIFEST, index_dir / f"{MANIFEST}.tmp") as temporary:
            temporary.write_text(json.dumps(asdict(self), indent=1) + "\n")


def pca_file(pca_hash: str) -> str:
    """Name of the file of projections with this hash; it never changes, so builds cannot disturb readers."""
    return f"pca-{pca_hash}.safetensors"


def settings_key(
    backbone: str, weights_hash: str, pca_hash: str, settings: dict[str, int] = SETTINGS
) -> str:
    """First 16 hexadecimal digits of the hash of what decides a descriptor's numbers."""
    text = json.dumps([backbone, weights_hash, pca_hash, sorted(settings.items())])
    return sha256(text.encode()).hexdigest()[:16]


def read_manifest(index_dir: Path) -> Manifest:
    """Read index.json.

    Raises:
        FileNotFoundError: there is no index, or its build was never finished.
        ValueError: the file is damaged or of a newer format.
    """
    path = index_dir / MANIFEST
    if not path.is_file():
        if (index_dir / FEATURES).is_dir():
            raise FileNotFoundError(
                f"{index_dir}: this index was never finished; run the same build-index again, it resumes"
            )
        raise FileNotFoundError(
            f"{index_dir}: no index here; make one with: rechroma build-index PHOTOS --index {index_dir}"
        )
    try:
        data = json.loads(path.read_text())
        if data["schema"] > SCHEMA:
            raise ValueError(
                f"{path}: format {data['schema']} is newer than this rechroma reads ({SCHEMA}); update rechroma"
            )
        shards = [filled(ShardEntry, entry) for entry in data["shards"]]
        return filled(
            Manifest, {**data, "shards": shards, "search": read_settings(data.get("search", {}))}
        )
    except (json.JSONDecodeError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{path}: damaged ({error}); run build-index --overwrite with all of its folders"
        ) from error
