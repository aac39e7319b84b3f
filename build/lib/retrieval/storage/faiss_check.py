"""Check that a search index holds the descriptors that the shards hold."""

import faiss
import numpy as np

from retrieval.storage.global_vectors import GlobalVectors
from retrieval.storage.search_settings import HNSW, IVFPQ

# mean of compressed descriptors with their originals; those of other photos are near 0
MIN_COSINE = 0.5


def wrong_shard(index: faiss.Index, vectors: GlobalVectors, kind: str) -> int | None:
    """Find the first shard whose descriptors are not those in a search index.

    Flat and hnsw hold them exactly. Of ivfpq, which holds them compressed, each shard's mean cosine
    is checked.

    Args:
        index: as faiss has it, of as many photos as there are vectors.
        vectors: the global descriptors in the shards.
        kind: FLAT, HNSW or IVFPQ.

    Returns:
        The number of the shard; None if all are the same.
    """
    if index.d != vectors.size:
        return 0
    places = _places(index, kind)
    for number, (rows, block) in enumerate(vectors.blocks()):
        if places is None or not (places[rows] >= 0).all():
            return number
        if kind == IVFPQ:
            restored = index.reconstruct_batch(rows)
            cosines = (restored * block).sum(1) / np.maximum(np.linalg.norm(restored, axis=1), 1e-6)
            if not cosines.mean() >= MIN_COSINE:
                return number
        elif not np.array_equal(
            (index.index if kind == HNSW else index).reconstruct_batch(places[rows]), block
        ):
            return number
    return None


def _places(index: faiss.Index, kind: str) -> np.ndarray | None:
    """Where the photo of each row is stored, -1 for one that is not; None for another kind."""
    places = np.full(index.ntotal, -1, np.int64)
    if kind == IVFPQ:
        if not isinstance(index, faiss.IndexPreTransform):
            return None
        lists = faiss.extract_index_ivf(index)
        lists.make_direct_map()
        return np.asarray(faiss.vector_to_array(lists.direct_map.array))
    if kind == HNSW:
        if not isinstance(index, faiss.IndexIDMap):
            return None
        rows = faiss.vector_to_array(index.id_map)
        inside = (rows >= 0) & (rows < len(places))
        places[rows[inside]] = np.flatnonzero(inside)
        return places
    return np.arange(index.ntotal) if isinstance(index, faiss.IndexFlat) else None
