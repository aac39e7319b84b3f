"""For each photo of an index, its best references among the others: pairs to train on."""

import faiss
import numpy as np
from jaxtyping import Int

from retrieval.search.photo_index import PhotoIndex
from retrieval.search.ranking import local_ranking
from retrieval.storage.descriptors import MIN_CHROMA

TWIN = 0.995  # cosine of global descriptors from which two photos count as the same


def neighbours(
    index: PhotoIndex, top_k: int = 8, survivors: int = 32
) -> Int[np.ndarray, "photos top_k"]:
    """Rank the photos of an index as references for each other: globally, then locally.

    All local descriptors are held in memory, 7 kB a photo.

    Args:
        index: an opened index.
        top_k: references a photo.
        survivors: photos that pass from the global to the local ranking; fewer than for a user's
            query, where only one photo waits.

    Returns:
        Rows of the best references, best first; -1 where there are fewer. Gray photos are left out,
        and the same photo once more (TWIN; this is coarser than near_duplicates.py, which compares
        local descriptors too).
    """
    global_, local, histogram, chroma = index.arrays()
    usable = np.flatnonzero(chroma >= MIN_CHROMA)
    found = np.full((len(index), top_k), -1, np.int32)
    if not len(usable):
        return found
    searcher = faiss.IndexFlatIP(global_.shape[1])
    searcher.add(global_[usable])
    cosines, places = searcher.search(global_, min(len(usable), survivors + 1))
    for row in range(len(index)):
        candidates = usable[places[row]]
        candidates = candidates[(candidates != row) & (cosines[row] < TWIN)][:survivors]
        if len(candidates):
            scores = local_ranking(
                local[row], histogram[row], local[candidates], histogram[candidates]
            )
            best = candidates[np.argsort(-scores.total, kind="stable")[:top_k]]
            found[row, : len(best)] = best
    return found
