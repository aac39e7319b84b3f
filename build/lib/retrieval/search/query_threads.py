"""Threads of the libraries that compute."""

from collections.abc import Iterator
from contextlib import contextmanager

import faiss


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread while the block runs.

    A query is short: threads of torch, faiss and numpy that wait for more work would take each
    other's cores. Afterwards the number of threads is what it was; torch and faiss share it where
    torch was imported first.
    """
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)
