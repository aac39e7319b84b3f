from dataclasses import replace
from typing import Any

import faiss
import numpy as np
import pytest

from retrieval.search.faiss_index import make_search_index
from retrieval.search.searcher import Searcher
from retrieval.storage.global_vectors import GlobalVectors
from retrieval.storage.search_settings import FLAT, HNSW, IVFPQ, SearchSettings

KINDS = (FLAT, HNSW, IVFPQ)
LISTS = 64
WIDEST = {
    FLAT: {},
    HNSW: {"ef_search": 1200},
    IVFPQ: {"lists": LISTS, "nprobe": LISTS, "candidates": 40},
}

pytestmark = pytest.mark.usefixtures("small_limits")


@pytest.fixture(params=[*KINDS, "no file"])
def searcher(request: pytest.FixtureRequest, vectors: GlobalVectors) -> Searcher:
    """Of each kind, searched so widely that its answers are exact; the last has no index."""
    if request.param == "no file":
        return Searcher(vectors, SearchSettings(HNSW, parameters={"ef_search": 200}), None)
    index, settings = make_search_index(
        vectors, SearchSettings(request.param, parameters={"lists": LISTS})
    )
    return Searcher(vectors, replace(settings, parameters=WIDEST[request.param]), index)


def exact(
    vectors: GlobalVectors, query: np.ndarray, allowed: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """By numpy, in double precision: allowed rows, best first, and their cosines."""
    cosines = vectors.take(np.arange(len(vectors))).astype(np.float64) @ query
    rows = np.flatnonzero(allowed)
    rows = rows[np.argsort(-cosines[rows], kind="stable")]
    return rows, cosines[rows]


@pytest.mark.parametrize("share", [1.0, 0.7, 0.2, 0.02])
def test_the_nearest_of_those_allowed(
    searcher: Searcher, vectors: GlobalVectors, rng: np.random.Generator, share: float
) -> None:
    allowed = rng.random(len(vectors)) < share
    for number in range(5):
        query = vectors.take(np.array([97 * number]))[0]
        rows, cosines = searcher.search(query, 20, allowed)
        best, best_cosines = exact(vectors, query, allowed)
        assert len(rows) == min(20, allowed.sum())
        assert allowed[rows].all()
        np.testing.assert_allclose(cosines, best_cosines[: len(rows)], atol=2e-6)
        assert set(rows[:10].tolist()) <= set(best[:12].tolist())


def test_without_a_choice_all_are_allowed(searcher: Searcher, vectors: GlobalVectors) -> None:
    query = vectors.take(np.array([5]))[0]
    everything = np.ones(len(vectors), bool)
    assert (
        searcher.search(query, 10)[0].tolist() == searcher.search(query, 10, everything)[0].tolist()
    )
    assert searcher.search(query, 1)[0].tolist() == [5]
    assert len(searcher.search(query, 2 * len(vectors))[0]) == len(vectors)


def test_nothing_is_allowed(searcher: Searcher, vectors: GlobalVectors) -> None:
    rows, cosines = searcher.search(
        vectors.take(np.array([5]))[0], 10, np.zeros(len(vectors), bool)
    )
    assert len(rows) == len(cosines) == 0


@pytest.mark.parametrize("cosine", [0.9, 0.5])
def test_everything_within_a_cosine(
    searcher: Searcher, vectors: GlobalVectors, cosine: float
) -> None:
    queries = vectors.take(np.array([3, 700]))
    found = searcher.within(queries, cosine)
    for query, rows in zip(queries, found, strict=True):
        best, cosines = exact(vectors, query, np.ones(len(vectors), bool))
        assert sorted(rows.tolist()) == sorted(best[cosines >= cosine].tolist())
    assert max(map(len, found)) > (64 if cosine == 0.5 else 1)


def test_compressed_answers_have_exact_cosines(vectors: GlobalVectors) -> None:
    index, settings = make_search_index(vectors, SearchSettings(IVFPQ, parameters={"lists": LISTS}))
    query = vectors.take(np.array([8]))[0]
    rows, cosines = Searcher(vectors, settings, index).search(query, 50)
    np.testing.assert_allclose(cosines, vectors.take(rows) @ query, atol=1e-6)
    compressed, _ = index.search(query[None], 50)
    assert np.abs(compressed[0] - cosines).max() > 1e-3


@pytest.mark.parametrize(("share", "wider"), [(1.0, 1), (0.5, 2), (0.25, 4), (0.05, 16)])
@pytest.mark.parametrize(
    ("kind", "settings", "width"),
    [(HNSW, "SearchParametersHNSW", "efSearch"), (IVFPQ, "SearchParametersIVF", "nprobe")],
)
def test_the_fewer_are_allowed_the_wider_is_the_search(
    vectors: GlobalVectors,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    settings: str,
    width: str,
    share: float,
    wider: int,
) -> None:
    """Else most of what graph and lists find is what may not be found.

    At most sixteen times wider, which takes as long.
    """
    index, made = make_search_index(vectors, SearchSettings(kind, parameters={"lists": LISTS}))
    asked, make = [], getattr(faiss, settings)

    def telling(**given: Any) -> object:
        asked.append(given[width])
        return make(**given)

    monkeypatch.setattr(faiss, settings, telling)
    searcher = Searcher(
        vectors, replace(made, parameters={"ef_search": 30, "lists": LISTS, "nprobe": 3}), index
    )
    searcher.search(
        vectors.take(np.array([5]))[0], 5, np.arange(len(vectors)) < share * len(vectors)
    )
    assert asked == [(30 if kind == HNSW else 3) * wider]
