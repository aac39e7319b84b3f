import numpy as np
import pytest

from retrieval.search.faiss_index import make_search_index
from retrieval.storage.faiss_check import wrong_shard
from retrieval.storage.global_vectors import GlobalVectors
from retrieval.storage.search_settings import FLAT, HNSW, IVFPQ, SearchSettings

pytestmark = pytest.mark.usefixtures("small_limits")

KINDS = (FLAT, HNSW, IVFPQ)


def made(vectors: GlobalVectors, kind: str) -> object:
    return make_search_index(vectors, SearchSettings(kind, parameters={"lists": 64}))[0]


def split(table: np.ndarray) -> GlobalVectors:
    return GlobalVectors([table[:500], table[500:1000], table[1000:]])


@pytest.mark.parametrize("kind", KINDS)
def test_the_descriptors_of_the_shards_are_found_right(vectors: GlobalVectors, kind: str) -> None:
    assert wrong_shard(made(vectors, kind), vectors, kind) is None


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_shard_with_other_descriptors_is_named(vectors: GlobalVectors, kind: str) -> None:
    index, table = made(vectors, kind), vectors.take(np.arange(1200))
    table[600:1000] = table[600:1000][::-1]
    assert wrong_shard(index, split(table), kind) == 1
    assert wrong_shard(index, split(table[::-1]), kind) == 0


@pytest.mark.parametrize("kind", [FLAT, HNSW])
def test_a_single_changed_number_is_seen(vectors: GlobalVectors, kind: str) -> None:
    index, table = made(vectors, kind), vectors.take(np.arange(1200))
    table[1100, 5] += 0.01
    assert wrong_shard(index, split(table), kind) == 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("said", KINDS)
def test_another_kind_than_index_json_says(vectors: GlobalVectors, kind: str, said: str) -> None:
    assert wrong_shard(made(vectors, kind), vectors, said) == (None if kind == said else 0)


@pytest.mark.parametrize("kind", [HNSW, IVFPQ])
def test_a_photo_that_is_in_it_twice_and_another_never(vectors: GlobalVectors, kind: str) -> None:
    index = made(GlobalVectors([vectors.take(np.arange(1199))]), kind)
    index.add_with_ids(vectors.take(np.array([3])), np.array([3]))  # type: ignore[attr-defined]
    assert wrong_shard(index, vectors, kind) == 2 or kind == HNSW


def test_another_size(vectors: GlobalVectors) -> None:
    assert (
        wrong_shard(made(vectors, FLAT), GlobalVectors([np.zeros((1200, 64), np.float16)]), FLAT)
        == 0
    )
