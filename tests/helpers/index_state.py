"""What the folder of an index holds, and builds that are interrupted."""

import json
from collections.abc import Callable, Container
from pathlib import Path

import numpy as np

from retrieval.building.changes import BuildReport
from retrieval.extraction.extractor import glance
from retrieval.maintenance.verify import Finding
from retrieval.photos.reader import read_small_rgb
from retrieval.search.photo_index import PhotoIndex
from retrieval.storage.descriptors import Descriptors
from retrieval.storage.inventory import ShardRow, finished_photos, indexed_photos
from retrieval.storage.manifest import FAISS, FEATURES, LOCK, MANIFEST, IndexManifest, read_manifest
from retrieval.storage.shards import read_descriptors, read_photos
from similarity.backbone.backbone import Backbone

Build = Callable[..., BuildReport]


def counts(report: BuildReport) -> tuple[int, int, int, int, int]:
    return report.count, report.added, report.changed, report.dropped, report.kept


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def edit(index_dir: Path, **values: object) -> None:
    """Change what index.json says."""
    data = json.loads((index_dir / MANIFEST).read_text())
    (index_dir / MANIFEST).write_text(json.dumps(data | values))


def shards(index_dir: Path) -> set[str]:
    return {p.name for p in (index_dir / FEATURES).iterdir()}


def paths(index_dir: Path) -> list[Path]:
    index = PhotoIndex.open(index_dir)
    return [index.path(row) for row in range(len(index))]


def everything(index_dir: Path) -> Descriptors:
    return Descriptors.join(
        [read_descriptors(index_dir / FEATURES / s.file) for s in read_manifest(index_dir).shards]
    )


def rows(index_dir: Path) -> dict[bytes, tuple[bytes, ...]]:
    """Everything an index says of each photo."""
    found = {}
    for entry in read_manifest(index_dir).shards:
        path = index_dir / FEATURES / entry.file
        photos, described = read_photos(path), read_descriptors(path)
        for i in range(len(photos)):
            parts = [
                getattr(described, k)[i]
                for k in ("global_", "local", "histogram", "label", "chroma")
            ]
            stamp = [photos.size[i], photos.mtime_ns[i], photos.sha256[i]]
            found[photos.absolute(i)] = tuple(np.asarray(x).tobytes() for x in (*parts, *stamp))
    return found


def assert_sound(index_dir: Path, backbone: Backbone, expected: list[Path]) -> None:
    """Exactly the expected photos, each described as it is now, nothing lying about."""
    index, manifest = PhotoIndex.open(index_dir), read_manifest(index_dir)
    assert sorted(paths(index_dir)) == sorted(expected)
    assert manifest.count == len(expected) == sum(s.count for s in manifest.shards)
    assert shards(index_dir) == {s.file for s in manifest.shards}
    assert {p.name for p in index_dir.iterdir()} - {LOCK} == {
        MANIFEST,
        FAISS,
        FEATURES,
        manifest.pca_file,
    }
    extractor = index.extractor(backbone)
    row = 0
    for entry in manifest.shards:
        stored = read_descriptors(index_dir / FEATURES / entry.file)
        assert len(read_photos(index_dir / FEATURES / entry.file)) == len(stored) == entry.count
        seen = extractor.describe(
            [glance(read_small_rgb(index.path(row + i), 224)) for i in range(entry.count)]
        )
        np.testing.assert_array_equal(stored.histogram, seen.histogram)
        ours, theirs = (x.global_.astype(np.float32) for x in (stored, seen))
        assert (ours * theirs).sum(1).min() > 0.995
        np.testing.assert_array_equal(index.searcher.index.reconstruct_n(row, entry.count), ours)
        row += entry.count


class Interrupted(Exception):
    """Stands for a power cut."""


def stop_at(number: int) -> Callable[[int, int], None]:
    def progress(done: int, total: int) -> None:
        if done >= number:
            raise Interrupted

    return progress


def only(findings: list[Finding]) -> Finding:
    """The one thing that verifying has found."""
    assert len(findings) == 1, findings
    return findings[0]


class _All(Container[bytes]):
    def __contains__(self, _: object) -> bool:
        return True


def known_photos(
    index_dir: Path, key: str, previous: IndexManifest | None, listed: Container[bytes] = _All()
) -> dict[bytes, ShardRow]:
    """Photos of an index and of interrupted builds, by absolute path."""
    indexed = indexed_photos(index_dir, key, previous)
    return indexed | finished_photos(index_dir, key, previous, listed)[0]
