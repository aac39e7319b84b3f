"""What an index is, in numbers."""

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import faiss

from retrieval.search.photo_index import PhotoIndex
from retrieval.storage.search_settings import SearchSettings


@dataclass(frozen=True)
class Summary:
    """What an index is.

    Attributes:
        photos: how many it holds.
        gray: how many of them are gray and never recommended.
        unusable: pictures that the last build found and could not read.
        roots: photos by the folder they were indexed from.
        backbone, weights_hash, pca_hash: what made the descriptors.
        shards: how many.
        bytes: all files of the index together.
        faiss: the class of the search index; empty where every photo is compared because
            index.faiss is missing.
        search: the kind of search, its parameters and measured recall.
        built: when index.json was last written, ISO 8601 in UTC.
    """

    photos: int
    gray: int
    unusable: int
    roots: dict[str, int]
    backbone: str
    weights_hash: str
    pca_hash: str
    shards: int
    bytes: int
    faiss: str
    built: str
    search: SearchSettings


def summarize(index: PhotoIndex) -> Summary:
    """Count what an opened index holds."""
    manifest = index.manifest
    roots = Counter(os.fsdecode(root) for root in index.photos.root)
    return Summary(
        photos=len(index.photos),
        gray=int(index.gray.sum()),
        unusable=manifest.unusable,
        roots=dict(sorted(roots.items())),
        backbone=manifest.backbone,
        weights_hash=manifest.weights_hash,
        pca_hash=manifest.pca_hash,
        shards=len(manifest.shards),
        bytes=_bytes(index.index_dir),
        faiss=_class_name(index.searcher.index),
        built=manifest.built,
        search=manifest.search,
    )


def _class_name(index: faiss.Index | None) -> str:
    if index is None:
        return ""
    inner = (
        faiss.downcast_index(index.index)
        if isinstance(index, faiss.IndexIDMap | faiss.IndexPreTransform)
        else index
    )
    return type(inner).__name__


def _bytes(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.lstat().st_size if path.is_file() else 0
        except OSError:
            continue  # a builder removed it meanwhile
    return total
