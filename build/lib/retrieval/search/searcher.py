"""Find the photos whose global descriptors are nearest to a query, whatever the kind of search."""

from itertools import pairwise

import faiss
import numpy as np
from jaxtyping import Bool, Float32, Int

from retrieval.storage.global_vectors import GlobalVectors
from retrieval.storage.search_settings import FLAT, HNSW, IVFPQ, SearchSettings

# photos; a choice of so few is compared exactly, since graph and lists are made for searching most
# photos
FEW = 20_000
# a graph or lists in which most photos are not wanted are searched at most so many times wider
MAX_BOOST = 16.0
# rows and cosines, best first
Found = tuple[Int[np.ndarray, " found"], Float32[np.ndarray, " found"]]


class Searcher:
    """Search among the global descriptors of an index.

    Args:
        vectors: the global descriptors.
        settings: which kind of search, with which parameters.
        index: as faiss has it; without one, every photo is compared, straight from the shards.
    """

    def __init__(
        self, vectors: GlobalVectors, settings: SearchSettings, index: faiss.Index | None
    ) -> None:
        self.vectors, self.settings, self.index = vectors, settings, index

    def search(
        self,
        query: Float32[np.ndarray, " size"],
        keep: int,
        allowed: Bool[np.ndarray, " photos"] | None = None,
    ) -> Found:
        """Find the nearest photos.

        Args:
            query: a unit vector.
            keep: how many are wanted.
            allowed: which photos may be found, by row; all, if it is not given.

        Returns:
            Rows and cosines, best first. Fewer than wanted where fewer are allowed, or where graph
            or lists hold no more near the query.
        """
        count = len(self.vectors) if allowed is None else int(allowed.sum())
        if not count or self.index is None or (self.settings.kind != FLAT and count <= FEW):
            return self._compare_all(query, keep, allowed)
        wanted = min(count, keep * self.settings.parameters.get("candidates", 1))
        bitmap = (
            np.packbits(allowed, bitorder="little")
            if allowed is not None and count < len(self.vectors)
            else None
        )
        boost = min(MAX_BOOST, len(self.vectors) / count)
        scores, rows = self.index.search(
            query[None], wanted, params=self._parameters(bitmap, boost, wanted)
        )
        found = rows[0] >= 0
        if self.settings.kind == IVFPQ:
            return self._compare(query, keep, rows[0][found])
        return rows[0][found], scores[0][found]

    def within(
        self, queries: Float32[np.ndarray, "queries size"], cosine: float
    ) -> list[Int[np.ndarray, " _"]]:
        """Find all photos that are near to some queries.

        Args:
            queries: unit vectors.
            cosine: of the least near that counts.

        Returns:
            Rows for each query, in no order.
        """
        if self.settings.kind == FLAT and self.index is not None:
            limits, _, rows = self.index.range_search(queries, cosine)
            return [rows[low:high] for low, high in pairwise(limits)]
        return [self._within(query, cosine) for query in queries]

    def _within(self, query: Float32[np.ndarray, " size"], cosine: float) -> Int[np.ndarray, " _"]:
        keep = 64
        while True:
            rows, scores = self.search(query, keep)
            if len(rows) < keep or keep >= len(self.vectors) or scores[-1] < cosine:
                return np.asarray(rows[scores >= cosine])
            keep *= 2

    def _parameters(
        self, bitmap: np.ndarray | None, boost: float, wanted: int
    ) -> faiss.SearchParameters:
        given = {} if bitmap is None else {"sel": faiss.IDSelectorBitmap(bitmap)}
        chosen = self.settings.parameters
        if self.settings.kind == HNSW:
            return faiss.SearchParametersHNSW(
                efSearch=max(wanted, int(chosen["ef_search"] * boost)), **given
            )
        if self.settings.kind == IVFPQ:
            nprobe = min(chosen["lists"], int(chosen["nprobe"] * boost))
            return faiss.SearchParametersPreTransform(
                index_params=faiss.SearchParametersIVF(nprobe=nprobe, **given)
            )
        return faiss.SearchParameters(**given)

    def _compare(
        self, query: Float32[np.ndarray, " size"], keep: int, rows: Int[np.ndarray, " rows"]
    ) -> Found:
        """The nearest of some rows, by the descriptors in the shards."""
        scores = self.vectors.take(rows) @ query
        best = np.argsort(-scores, kind="stable")[:keep]
        return rows[best], scores[best]

    def _compare_all(
        self,
        query: Float32[np.ndarray, " size"],
        keep: int,
        allowed: Bool[np.ndarray, " photos"] | None,
    ) -> Found:
        if allowed is not None and int(allowed.sum()) <= FEW:
            return self._compare(query, keep, np.flatnonzero(allowed))
        scores = np.concatenate([block @ query for _, block in self.vectors.blocks()])
        rows = np.arange(len(scores)) if allowed is None else np.flatnonzero(allowed)
        best = np.argsort(-scores[rows], kind="stable")[:keep]
        return rows[best], scores[rows[best]]
