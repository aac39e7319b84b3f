"""Make the search index over the global descriptors.

It is trained on a sample of the photos and tuned on others, which are held out of it.
"""

from collections.abc import Iterator
from dataclasses import replace

import faiss
import numpy as np
from faiss.contrib.exhaustive_search import knn_ground_truth
from jaxtyping import Float, Float32, Int

from retrieval.search.ranking import MAX_SURVIVORS
from retrieval.search.searcher import Searcher
from retrieval.storage.global_vectors import GlobalVectors
from retrieval.storage.search_settings import CODE_BYTES, FLAT, HNSW, LINKS, SearchSettings

TARGET_RECALL = 0.97  # of the ten best, on held-out photos
HELD_OUT = 256  # photos that are queries before they are added
SAMPLES_PER_LIST = 64  # photos that lists are trained on
MIN_SAMPLE = 65_536
OPQ_ROUNDS = 10
MAX_HNSW_LISTS = 1 << 14  # more centroids are found over a graph
# beyond, an index is made anew instead of added to: lists and parameters no longer fit
MAX_GROWTH = 1.25


def exact_index(parts: list[Float[np.ndarray, "_ size"]]) -> faiss.Index:
    """An exact inner-product index over global descriptors, in the order given."""
    index = faiss.IndexFlatIP(parts[0].shape[1])
    for part in parts:
        index.add(np.asarray(part, np.float32))
    return index


def make_search_index(
    vectors: GlobalVectors, settings: SearchSettings
) -> tuple[faiss.Index, SearchSettings]:
    """Make an index of a kind, and choose its search parameters.

    They are the cheapest that find TARGET_RECALL of the ten best photos.

    Args:
        vectors: all global descriptors.
        settings: the kind, as choose_settings gives it.

    Returns:
        The index, and the settings with their parameters, recall and count.
    """
    if settings.kind == FLAT:
        return exact_index([block for _, block in vectors.blocks()]), settings
    rows = np.random.default_rng(0).permutation(len(vectors))
    held_out, rest = rows[:HELD_OUT], rows[HELD_OUT:]
    index = (
        _hnsw(vectors.size)
        if settings.kind == HNSW
        else _ivfpq(vectors, settings.parameters["lists"], rest)
    )
    keep = np.ones(len(vectors), bool)
    keep[held_out] = False
    for here, block in vectors.blocks():
        index.add_with_ids(block[keep[here]], here[keep[here]])
    tuned = tune(index, settings, vectors, held_out)
    index.add_with_ids(vectors.take(held_out), held_out)
    return index, tuned


def add_photos(index: faiss.Index, vectors: GlobalVectors) -> None:
    """Add the photos that an index does not have yet.

    Args:
        index: of any kind but flat, with the first of the photos.
        vectors: all global descriptors.
    """
    for rows, block in vectors.blocks(index.ntotal):
        index.add_with_ids(block, rows)


def tune(
    index: faiss.Index,
    settings: SearchSettings,
    vectors: GlobalVectors,
    held_out: Int[np.ndarray, " held_out"],
) -> SearchSettings:
    """Choose search parameters.

    Args:
        index: of all photos but those held out.
        settings: which kind it is.
        vectors: all global descriptors.
        held_out: rows of the photos that are the queries.

    Returns:
        The first settings, from the cheapest on, that reach TARGET_RECALL; the best where none
        does.
    """
    queries, truth = vectors.take(held_out), exact_neighbors(vectors, held_out, 10)
    best: SearchSettings | None = None
    for parameters in _choices(settings):
        tried = replace(
            settings, parameters={**settings.parameters, **parameters}, measured_on=len(vectors)
        )
        searcher = Searcher(vectors, tried, index)
        found = [searcher.search(query, MAX_SURVIVORS)[0][:10] for query in queries]
        tried = replace(tried, recall=round(recall(found, truth), 4))
        if best is None or tried.recall > best.recall:
            best = tried
        if tried.recall >= TARGET_RECALL:
            break
    assert best is not None
    return best


def recall(found: list[Int[np.ndarray, " _"]], truth: Int[np.ndarray, "queries k"]) -> float:
    """Share of the true neighbors that were found.

    Args:
        found: rows that were found for each query.
        truth: rows of the true neighbors of each query.

    Returns:
        Mean over the queries, 0..1.
    """
    return float(
        np.mean([np.isin(true, ours).mean() for ours, true in zip(found, truth, strict=True)])
    )


def exact_neighbors(
    vectors: GlobalVectors, held_out: Int[np.ndarray, " queries"], k: int
) -> Int[np.ndarray, "queries k"]:
    """Find the photos nearest to some photos by comparing all.

    Args:
        vectors: all global descriptors.
        held_out: rows of the photos that are the queries; none of them is found.
        k: how many are wanted.

    Returns:
        Rows of the nearest photos, best first.
    """
    keep = np.ones(len(vectors), bool)
    keep[held_out] = False
    blocks = (block[keep[here]] for here, block in vectors.blocks() if keep[here].any())
    _, found = knn_ground_truth(vectors.take(held_out), blocks, k, faiss.METRIC_INNER_PRODUCT)
    return np.asarray(np.flatnonzero(keep)[found])


def _choices(settings: SearchSettings) -> Iterator[dict[str, int]]:
    if settings.kind == HNSW:
        yield from ({"ef_search": MAX_SURVIVORS << step} for step in range(5))
        return
    lists = settings.parameters["lists"]
    for candidates in (2, 4, 8):
        yield from (
            {"nprobe": 1 << step, "candidates": candidates}
            for step in range(lists.bit_length() - 2)
        )


def _hnsw(size: int) -> faiss.Index:
    """A graph over fp16 descriptors, which is what the shards hold: its cosines are exact."""
    graph = faiss.IndexHNSWSQ(
        size, faiss.ScalarQuantizer.QT_fp16, LINKS, faiss.METRIC_INNER_PRODUCT
    )
    graph.train(np.zeros((1, size), np.float32))  # fp16 has nothing to learn
    index = faiss.IndexIDMap(graph)  # row numbers: photos that were held out are added last
    graph.this.disown()
    index.own_fields = True
    return index


def _ivfpq(vectors: GlobalVectors, lists: int, rows: Int[np.ndarray, " rows"]) -> faiss.Index:
    graph = "_HNSW32" if lists > MAX_HNSW_LISTS else ""
    # np: no polysemous training, which is slow and not used
    factory = f"OPQ{CODE_BYTES},IVF{lists}{graph},PQ{CODE_BYTES}x8np"
    index = faiss.index_factory(vectors.size, factory, faiss.METRIC_INNER_PRODUCT)
    faiss.downcast_VectorTransform(index.chain.at(0)).niter = OPQ_ROUNDS
    index.train(_sample(vectors, rows[: max(MIN_SAMPLE, SAMPLES_PER_LIST * lists)]))
    return index


def _sample(
    vectors: GlobalVectors, rows: Int[np.ndarray, " rows"]
) -> Float32[np.ndarray, "rows size"]:
    return vectors.take(np.sort(rows))  # in order: each shard is read once
