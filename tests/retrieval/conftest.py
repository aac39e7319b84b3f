"""A made library, large enough to train a search index on."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from index_state import known_photos

from retrieval.building.commit import commit
from retrieval.storage import search_settings
from retrieval.storage.descriptors import Descriptors
from retrieval.storage.global_vectors import GlobalVectors
from retrieval.storage.manifest import FEATURES, IndexManifest
from retrieval.storage.search_settings import FLAT, HNSW, HNSW_BYTES, IVFPQ, SearchSettings
from retrieval.storage.shards import PhotoRow, Photos, write_shard

MADE = 1200  # photos of the made library
SHARD = 500  # photos a shard of it
BUDGETS = {FLAT: 1 << 30, HNSW: 1 << 30, IVFPQ: MADE * HNSW_BYTES // 2}
EMPTY = IndexManifest("vgg19-slim", "a" * 16, "b" * 16, [], "", 0)


def clustered(count: int, seed: int = 0) -> np.ndarray:
    """Unit vectors in groups of about ten, most of their variance in few directions.

    (count, 128), float16.
    """
    rng = np.random.default_rng(seed)
    spread = (np.arange(1, 129) + 5.0) ** -1.7
    centres = np.random.default_rng(0).normal(size=(MADE // 10, 128))
    found = (
        centres[rng.integers(0, len(centres), count)] + 0.6 * rng.normal(size=(count, 128))
    ) * spread
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float16)


def made_descriptors(global_: np.ndarray, seed: int = 0) -> Descriptors:
    count, rng = len(global_), np.random.default_rng(seed)
    local = rng.normal(size=(count, 49, 64))
    local /= np.linalg.norm(local, axis=2, keepdims=True)
    histogram = rng.dirichlet(np.ones(10), (count, 49))
    return Descriptors(
        global_,
        local.astype(np.float16),
        histogram.astype(np.float16),
        rng.integers(-60, 61, (count, 49, 2)).astype(np.int8),
        (np.arange(count) % 7).astype(np.int16),
        np.full(count, 30, np.float16),
    )


def add_shard(index_dir: Path, stem: str, first: int, global_: np.ndarray) -> Path:
    """A shard of photos with the given numbers and global descriptors."""
    (index_dir / FEATURES).mkdir(parents=True, exist_ok=True)
    rows = [
        PhotoRow(
            b"/made", b"%06d.jpg" % (first + i), 10, 5, hashlib.sha256(b"%d" % (first + i)).digest()
        )
        for i in range(len(global_))
    ]
    return write_shard(
        index_dir / FEATURES / f"{stem * 16}.h5",
        Photos.of(rows),
        made_descriptors(global_, first),
        EMPTY.key,
    )


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Indexes of a few hundred photos are searched as those of millions are."""
    monkeypatch.setattr(search_settings, "MAX_FLAT", 300)
    for module in ("retrieval.search.searcher.FEW", "retrieval.search.faiss_index.HELD_OUT"):
        monkeypatch.setattr(module, 40)
    monkeypatch.setattr("retrieval.search.faiss_index.OPQ_ROUNDS", 2)


@pytest.fixture
def vectors() -> GlobalVectors:
    made = clustered(MADE)
    return GlobalVectors([made[i : i + SHARD] for i in range(0, MADE, SHARD)])


@pytest.fixture
def more_photos() -> Callable[[Path, int], Path]:
    """``more_photos(index_dir, count)``.

    A finished shard of further made photos, which no index.json names yet.
    """
    return lambda index_dir, count: add_shard(index_dir, "d", MADE, clustered(count, seed=1))


@pytest.fixture
def make_large(monkeypatch: pytest.MonkeyPatch, small_limits: None) -> Callable[[Path, str], Path]:
    """``make_large(folder, kind)``.

    An index of 1,200 made photos in three shards, of a kind of search.
    """

    def make(index_dir: Path, kind: str) -> Path:
        if kind == FLAT:
            monkeypatch.setattr(search_settings, "MAX_FLAT", MADE)
        made = clustered(MADE)
        for number, start in enumerate(range(0, MADE, SHARD)):
            add_shard(index_dir, "abc"[number], start, made[start : start + SHARD])
        manifest = IndexManifest(
            **{
                **EMPTY.__dict__,
                "count": MADE,
                "search": SearchSettings(memory_budget=BUDGETS[kind]),
            }
        )
        commit(known_photos(index_dir, EMPTY.key, None), index_dir, manifest)
        return index_dir

    return make
