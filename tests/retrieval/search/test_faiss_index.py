from dataclasses import replace

import faiss
import numpy as np
import pytest

from retrieval.search import faiss_index as search_index
from retrieval.search.faiss_index import (
    add_photos,
    exact_index,
    exact_neighbors,
    make_search_index,
    recall,
    tune,
)
from retrieval.search.searcher import Searcher
from retrieval.storage.global_vectors import GlobalVectors
from retrieval.storage.search_settings import FLAT, HNSW, IVFPQ, SearchSettings

pytestmark = pytest.mark.usefixtures("small_limits")

WANTED = {
    FLAT: SearchSettings(FLAT),
    HNSW: SearchSettings(HNSW),
    IVFPQ: SearchSettings(IVFPQ, parameters={"lists": 64}),
}


def test_exact_index_is_the_exact_inner_product(rng: np.random.Generator) -> None:
    parts = [rng.standard_normal((n, 128)).astype(np.float16) for n in (3, 1, 4)]
    query = rng.standard_normal((1, 128)).astype(np.float32)
    scores, rows = exact_index(parts).search(query, 8)
    dots = np.concatenate(parts).astype(np.float32) @ query[0]
    assert rows[0].tolist() == np.argsort(-dots).tolist()
    np.testing.assert_allclose(scores[0], np.sort(dots)[::-1], rtol=1e-4)


@pytest.mark.parametrize("kind", WANTED)
def test_every_photo_is_in_the_index_once(vectors: GlobalVectors, kind: str) -> None:
    index, settings = make_search_index(vectors, WANTED[kind])
    assert index.ntotal == len(vectors)
    searcher = Searcher(vectors, settings, index)
    rows = np.arange(0, len(vectors), 7)
    assert [searcher.search(query, 1)[0].tolist() for query in vectors.take(rows)] == [
        [row] for row in rows.tolist()
    ]


@pytest.mark.parametrize("kind", [HNSW, IVFPQ])
def test_recall_is_measured_on_photos_that_were_held_out(
    vectors: GlobalVectors, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def watched(
        index: faiss.Index, settings: SearchSettings, vectors: GlobalVectors, held_out: np.ndarray
    ) -> SearchSettings:
        seen.append((index.ntotal, len(held_out)))
        searcher = Searcher(vectors, replace(settings, parameters=wide), index)
        near = np.array([searcher.search(query, 1)[0][0] for query in vectors.take(held_out)])
        assert not np.isin(near, held_out).any()
        return tune(index, settings, vectors, held_out)

    wide = {"ef_search": 200, "lists": 64, "nprobe": 64, "candidates": 4}
    monkeypatch.setattr(search_index, "tune", watched)
    _, settings = make_search_index(vectors, WANTED[kind])
    assert seen == [(len(vectors) - 40, 40)]
    assert search_index.TARGET_RECALL <= settings.recall <= 1
    assert settings.measured_on == len(vectors)
    assert settings.parameters.keys() == (
        {"ef_search"} if kind == HNSW else {"lists", "nprobe", "candidates"}
    )


def test_tuning_takes_the_first_that_reaches_the_target_or_the_best(
    vectors: GlobalVectors, monkeypatch: pytest.MonkeyPatch
) -> None:
    index, cheap = make_search_index(vectors, WANTED[IVFPQ])
    held_out = np.arange(0, 400, 10)
    monkeypatch.setattr(search_index, "recall", lambda found, truth: next(answers))
    answers = iter([0.3, 0.8, 0.98, 1.0])
    assert tune(index, WANTED[IVFPQ], vectors, held_out).parameters == {
        "lists": 64,
        "nprobe": 4,
        "candidates": 2,
    }
    steps = 5  # 1, 2, 4, 8, 16 of 64 lists
    answers = iter([0.1] * steps + [0.5] + [0.4] * (2 * steps - 1))
    best = tune(index, WANTED[IVFPQ], vectors, held_out)
    assert (best.parameters, best.recall) == ({"lists": 64, "nprobe": 1, "candidates": 4}, 0.5)
    assert next(answers, None) is None
    assert cheap.recall >= search_index.TARGET_RECALL


def test_recall_by_hand() -> None:
    truth = np.array([[1, 2], [3, 4]])
    assert recall([np.array([2, 1]), np.array([4, 9])], truth) == 0.75
    assert recall([np.array([], np.int64), np.array([5, 6])], truth) == 0.0


def test_exact_neighbors_by_numpy(vectors: GlobalVectors) -> None:
    held_out = np.array([700, 3, 1199, 0])
    table = vectors.take(np.arange(len(vectors)))
    cosines = table[held_out].astype(np.float64) @ table.T.astype(np.float64)
    cosines[:, held_out] = -2
    assert exact_neighbors(vectors, held_out, 5).tolist() == np.argsort(-cosines, 1)[:, :5].tolist()


@pytest.mark.parametrize("kind", [HNSW, IVFPQ])
def test_added_photos_are_found(vectors: GlobalVectors, kind: str) -> None:
    parts = [
        vectors.take(np.arange(low, high)) for low, high in ((0, 500), (500, 1000), (1000, 1200))
    ]
    index, settings = make_search_index(GlobalVectors(parts[:2]), WANTED[kind])
    add_photos(index, GlobalVectors(parts))
    assert index.ntotal == 1200
    searcher = Searcher(GlobalVectors(parts), settings, index)
    rows = np.array([0, 999, 1000, 1100, 1199])
    assert [searcher.search(query, 1)[0][0] for query in vectors.take(rows)] == rows.tolist()
