"""Time the search of a large index, made of synthetic descriptors; ``scripts/benchmark --scale`` runs this.

Global descriptors imitate real ones: variances fall as (i + 5)^-3.41, about as those of photos
    described by vgg19-slim do,
and a photo lies in a cluster of 50 that keeps a quarter of the variance, so that it has near and
far neighbors. The shipped projections hold no variances. Local descriptors are random, which costs
a query the same.
"""

import json
import os
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from retrieval.search.photo_index import PhotoIndex
    from retrieval.storage.descriptors import Descriptors
    from retrieval.storage.global_vectors import GlobalVectors

NUM_QUERIES = 100
CLUSTER, WITHIN, FALL = 50, 0.25, 3.41
GRAY = 0.05  # share of photos that are never recommended
POOL = 2048  # local descriptors that photos take theirs from


def draw(count: int, total: int, seed: int) -> np.ndarray:
    """Global descriptors of some photos of a library: (count, 128), float16.

    Args:
        count: how many.
        total: photos in the library; it decides the number of clusters.
        seed: another seed gives other photos of the same clusters.
    """
    spread = ((np.arange(1, 129) + 5.0) ** (-FALL / 2)).astype(np.float32)
    centres = np.random.default_rng(0).standard_normal((max(1, total // CLUSTER), 128), np.float32)
    rng = np.random.default_rng((1, seed))
    made = centres[rng.integers(0, len(centres), count)] * (1 - WITHIN) ** 0.5
    made = (made + rng.standard_normal((count, 128), np.float32) * WITHIN**0.5) * spread
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float16)


def build(folder: Path, count: int, memory_budget: int) -> dict[str, float]:
    """Write shards and index.faiss; seconds of each, and bytes."""
    from retrieval.building.commit import commit
    from retrieval.storage.inventory import ShardRow
    from retrieval.storage.manifest import FAISS, FEATURES, Manifest, read_manifest
    from retrieval.storage.search_settings import SearchSettings
    from retrieval.storage.shards import SHARD_PHOTOS, Photos, write_shard

    (folder / FEATURES).mkdir(parents=True)
    search = SearchSettings(memory_budget=memory_budget)
    manifest, live, start = (
        Manifest("vgg19-slim", "0" * 16, "0" * 16, [], "", count, search=search),
        {},
        time.perf_counter(),
    )
    pool = local_pool()
    for first in range(0, count, SHARD_PHOTOS):
        size = min(SHARD_PHOTOS, count - first)
        photos = Photos.of(
            [
                (b"/made", b"%09d.jpg" % (first + i), 1, 1, (first + i).to_bytes(32))
                for i in range(size)
            ]
        )
        path = folder / FEATURES / f"{first:016x}.h5"
        write_shard(path, photos, described(draw(size, count, first), pool, first), manifest.key)
        live |= {photos.absolute(i): ShardRow(path, i, 1, 1) for i in range(size)}
    written, cpu = time.perf_counter(), time.process_time()
    commit(live, folder, manifest.key, manifest)
    done = read_manifest(folder).search
    print(f"{done.kind} {done.parameters}, recall measured while it was built {done.recall}")
    return {
        "shards_s": written - start,
        "search_s": time.perf_counter() - written,
        "search_cpu_s": time.process_time() - cpu,
        "bytes": sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()),
        "faiss_bytes": (folder / FAISS).stat().st_size,
    }


def query(folder: Path, count: int) -> dict[str, float]:
    """Milliseconds of a query after its picture was described, memory, and recall; the page cache is emptied first."""
    from retrieval.search.faiss_index import recall
    from retrieval.search.photo_index import PhotoIndex

    empty_cache(folder)
    start = time.perf_counter()
    index = PhotoIndex.open(folder)
    opened = time.perf_counter() - start
    asked = described(draw(NUM_QUERIES, count, count), local_pool(), count)
    figures: dict[str, float] = {"open_s": opened}
    for name in ("cold", "warm"):
        wall, cpu = zip(*timed(index, asked), strict=True)
        for label, times in ((f"{name}_ms", wall), (f"{name}_cpu_ms", cpu)):
            figures |= {
                f"{label}_p50": statistics.median(times),
                f"{label}_p95": float(np.percentile(times, 95)),
            }
    status = Path("/proc/self/status").read_text()
    figures |= {
        key: int(status.split(f"{field}:")[1].split()[0]) / 1024 for key, field in MEMORY.items()
    }
    found = [
        index.searcher.search(vector, 200)[0][:10] for vector in asked.global_.astype(np.float32)
    ]
    return figures | {
        "recall": recall(found, nearest(index.searcher.vectors, asked.global_.astype(np.float32)))
    }


MEMORY = {"resident_mib": "VmRSS", "own_mib": "RssAnon", "peak_mib": "VmHWM"}


def timed(index: "PhotoIndex", asked: "Descriptors") -> Iterator[tuple[float, float]]:
    """Wall and processor milliseconds of each query, global and local ranking."""
    for row in range(len(asked)):
        wall, cpu = time.perf_counter(), time.process_time()
        index.recommend(None, Described(asked.take(np.array([row]))))
        yield 1000 * (time.perf_counter() - wall), 1000 * (time.process_time() - cpu)


def nearest(vectors: "GlobalVectors", queries: np.ndarray) -> np.ndarray:
    """Rows of the ten nearest photos, by comparing all."""
    import faiss
    from faiss.contrib.exhaustive_search import knn_ground_truth

    return np.asarray(
        knn_ground_truth(
            queries, (block for _, block in vectors.blocks()), 10, faiss.METRIC_INNER_PRODUCT
        )[1]
    )


class Described:
    """Stands for an extractor whose picture is described already."""

    def __init__(self, descriptors: "Descriptors") -> None:
        self.descriptors = descriptors

    def describe(self, _: object) -> object:
        """The descriptors."""
        return self.descriptors


def local_pool() -> tuple[np.ndarray, np.ndarray]:
    """Local descriptors and histograms."""
    rng = np.random.default_rng(2)
    local = rng.standard_normal((POOL, 49, 64), np.float32)
    local /= np.linalg.norm(local, axis=2, keepdims=True)
    return local.astype(np.float16), rng.dirichlet(np.ones(10), (POOL, 49)).astype(np.float16)


def described(global_: np.ndarray, pool: tuple[np.ndarray, np.ndarray], seed: int) -> "Descriptors":
    """Whole descriptors for global ones."""
    from retrieval.storage.descriptors import Descriptors

    rng, count = np.random.default_rng((3, seed)), len(global_)
    chroma = np.where(rng.random(count) < GRAY, 0, 30).astype(np.float16)
    labels = rng.integers(0, 1000, count).astype(np.int16)
    return Descriptors(
        global_, *(part[rng.integers(0, POOL, count)] for part in pool), labels, chroma
    )


def empty_cache(folder: Path) -> None:
    """Have the system forget the pages of all files."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def report(count: int, built: dict[str, float], asked: dict[str, float]) -> None:
    """Print what was measured."""
    print(f"{count:,} photos, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    cpu = built["search_cpu_s"]
    print(
        f"  written: shards {built['shards_s']:.0f} s, search index {built['search_s']:.0f} s ({cpu:.0f} s of processor)"
    )
    print(
        f"  on disk: {built['bytes'] / 1e9:.2f} GB, of which index.faiss {built['faiss_bytes'] / 1e6:.1f} MB"
    )
    resident, own, peak = (asked[f"{kind}_mib"] for kind in ("resident", "own", "peak"))
    print(
        f"  opened in {asked['open_s']:.2f} s; resident {resident:.0f} MiB (own {own:.0f}, else mapped), peak {peak:.0f} MiB"
    )
    for name in ("cold", "warm"):
        wall, cpu = (
            [asked[f"{name}_{kind}_{p}"] for p in ("p50", "p95")] for kind in ("ms", "cpu_ms")
        )
        print(
            f"  query, {name} cache: p50 {wall[0]:.1f} ms, p95 {wall[1]:.1f} ms; of processor {cpu[0]:.1f} and {cpu[1]:.1f} ms"
        )
    print(f"  recall@10 of the global ranking: {asked['recall']:.4f}")
    print(json.dumps({"count": count, **built, **asked}))
