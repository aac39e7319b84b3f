import faiss
import pytest

from retrieval.search.query_threads import one_thread


def test_one_thread_inside_and_as_many_as_before_afterwards() -> None:
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(2)
    try:
        with one_thread():
            assert faiss.omp_get_max_threads() == 1
        assert faiss.omp_get_max_threads() == 2
        with pytest.raises(KeyError), one_thread():
            raise KeyError
        assert faiss.omp_get_max_threads() == 2
    finally:
        faiss.omp_set_num_threads(before)
