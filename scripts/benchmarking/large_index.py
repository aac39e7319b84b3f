"""Time the search of a large index, made of synthetic descriptors.

Global descriptors imitate real ones: variances fall as (i + 5)^-3.41, about as those of photos
described by vgg19-slim do, and a photo lies in a cluster of 50 that keeps a quarter of the
variance, so that it has near and far neighbors. The shipped projections hold no variances. Local
descriptors are random, which costs a query the same.
"""

import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import faiss
import numpy as np
from faiss.contrib.exhaustive_search import knn_ground_truth

from benchmarking.processes import print_figures, worker
from retrieval.building.commit import commit
from retrieval.search.faiss_index import recall
from retrieval.search.photo_index import PhotoIndex
from retrieval.storage.descriptors import GRID, Descriptors
from retrieval.storage.global_vectors import GlobalVectors
from retrieval.storage.inventory import ShardRow
from retrieval.storage.manifest import FAISS, FEATURES, IndexManifest, read_manifest
from retrieval.storage.search_settings import SearchSettings, parse_bytes
from retrieval.storage.shards import SHARD_PHOTOS, PhotoRow, Photos, write_shard

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
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), np.float16)


def print_scale(count: int, memory_budget: str) -> None:
    """Build and query a large index, each in a process of its own, and print what was measured.

    Args:
        count: photos.
        memory_budget: that the search may take, as a person writes it.
    """
    with tempfile.TemporaryDirectory() as name:
        index = Path(name) / "index"
        built = worker("scale-build", index, count, parse_bytes(memory_budget), show=True)
        asked = worker("scale-query", index, count)
    report(count, built, asked)


def scale_build(folder: Path, count: int, memory_budget: int) -> None:
    """Write shards and index.faiss: seconds of each, and bytes."""
    (folder / FEATURES).mkdir(parents=True)
    search = SearchSettings(memory_budget=memory_budget)
    manifest = IndexManifest("vgg19-slim", "0" * 16, "0" * 16, [], "", count, search=search)
    live: dict[bytes, ShardRow] = {}
    start = time.perf_counter()
    pool = local_pool()
    for first in range(0, count, SHARD_PHOTOS):
        size = min(SHARD_PHOTOS, count - first)
        photos = Photos.of(
            [
                PhotoRow(b"/made", b"%09d.jpg" % (first + i), 1, 1, (first + i).to_bytes(32))
                for i in range(size)
            ]
        )
        path = folder / FEATURES / f"{first:016x}.h5"
        write_shard(path, photos, described(draw(size, count, first), pool, first), manifest.key)
        live |= {photos.absolute(i): ShardRow(path, i, 1, 1) for i in range(size)}
    written, cpu = time.perf_counter(), time.process_time()
    commit(live, folder, manifest)
    done = read_manifest(folder).search
    print(f"{done.kind} {done.parameters}, recall measured while it was built {done.recall}")
    print_figures(
        shards_s=written - start,
        search_s=time.perf_counter() - written,
        search_cpu_s=time.process_time() - cpu,
        bytes=sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()),
        faiss_bytes=(folder / FAISS).stat().st_size,
    )


def scale_query(folder: Path, count: int) -> None:
    """Milliseconds of a query after its picture was described, memory, and recall.

    The page cache is emptied first.
    """
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
    queries = asked.global_.astype(np.float32)
    found = [index.searcher.search(vector, 200)[0][:10] for vector in queries]
    figures["recall"] = recall(found, nearest(index.searcher.vectors, queries))
    print_figures(**figures)


MEMORY = {"resident_mib": "VmRSS", "own_mib": "RssAnon", "peak_mib": "VmHWM"}


def timed(index: PhotoIndex, asked: Descriptors) -> Iterator[tuple[float, float]]:
    """Time global and local ranking.

    Args:
        index: the opened index.
        asked: descriptors of the queries.

    Yields:
        Wall and processor milliseconds of each query.
    """
    for row in range(len(asked)):
        wall, cpu = time.perf_counter(), time.process_time()
        index.rank(asked.take(np.array([row])))
        yield 1000 * (time.perf_counter() - wall), 1000 * (time.process_time() - cpu)


def nearest(vectors: GlobalVectors, queries: np.ndarray) -> np.ndarray:
    """Find the ten nearest photos by comparing all.

    Args:
        vectors: all global descriptors.
        queries: unit vectors.

    Returns:
        Their rows for each query, best first.
    """
    blocks = (block for _, block in vectors.blocks())
    return np.asarray(knn_ground_truth(queries, blocks, 10, faiss.METRIC_INNER_PRODUCT)[1])


def local_pool() -> tuple[np.ndarray, np.ndarray]:
    """Local descriptors and histograms."""
    rng = np.random.default_rng(2)
    local = rng.standard_normal((POOL, 49, 64), np.float32)
    local /= np.linalg.norm(local, axis=2, keepdims=True)
    return local.astype(np.float16), rng.dirichlet(np.ones(10), (POOL, 49)).astype(np.float16)


def described(global_: np.ndarray, pool: tuple[np.ndarray, np.ndarray], seed: int) -> Descriptors:
    """Whole descriptors for global ones.

    Args:
        global_: (count, 128), float16.
        pool: local descriptors and histograms to draw from.
        seed: of the draw.
    """
    rng, count = np.random.default_rng((3, seed)), len(global_)
    chroma = np.where(rng.random(count) < GRAY, 0, 30).astype(np.float16)
    labels = rng.integers(0, 1000, count).astype(np.int16)
    local, histogram = (part[rng.integers(0, POOL, count)] for part in pool)
    color = rng.integers(-40, 40, (count, GRID * GRID, 2)).astype(np.int8)
    return Descriptors(global_, local, histogram, color, labels, chroma)


def empty_cache(folder: Path) -> None:
    """Have the system forget the pages of all files."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def report(count: int, built: dict[str, float], asked: dict[str, float]) -> None:
    """Print what was measured.

    Args:
        count: photos.
        built: the figures of scale_build.
        asked: the figures of scale_query.
    """
    print(f"{count:,} photos, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    cpu = built["search_cpu_s"]
    print(
        f"  written: shards {built['shards_s']:.0f} s, search index {built['search_s']:.0f} s"
        f" ({cpu:.0f} s of processor)"
    )
    print(
        f"  on disk: {built['bytes'] / 1e9:.2f} GB,"
        f" of which index.faiss {built['faiss_bytes'] / 1e6:.1f} MB"
    )
    resident, own, peak = (asked[f"{kind}_mib"] for kind in ("resident", "own", "peak"))
    print(
        f"  opened in {asked['open_s']:.2f} s; resident {resident:.0f} MiB"
        f" (own {own:.0f}, else mapped), peak {peak:.0f} MiB"
    )
    for name in ("cold", "warm"):
        wall, processor = (
            [asked[f"{name}_{kind}_{p}"] for p in ("p50", "p95")] for kind in ("ms", "cpu_ms")
        )
        print(
            f"  query, {name} cache: p50 {wall[0]:.1f} ms, p95 {wall[1]:.1f} ms;"
            f" of processor {processor[0]:.1f} and {processor[1]:.1f} ms"
        )
    print(f"  recall@10 of the global ranking: {asked['recall']:.4f}")
    print(json.dumps({"count": count, **built, **asked}))


MEASUREMENTS = (scale_build, scale_query)
