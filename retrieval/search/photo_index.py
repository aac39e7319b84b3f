"""Search an index: which photos of the library suit a gray picture as references."""

import os
import time
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import faiss
import numpy as np
from safetensors import SafetensorError

from retrieval.extraction.extractor import Extractor
from retrieval.extraction.pca import load_projections
from retrieval.photos.prints.tone_curve import MIN_CHROMA
from retrieval.search.faiss_index import exact_index
from retrieval.search.match_words import match_word
from retrieval.search.near_duplicates import Appearance, distinct, luminance_structure
from retrieval.search.query_threads import one_thread
from retrieval.search.ranking import COLOR_WEIGHT, ColorBelief, local_ranking, num_survivors
from retrieval.search.recommendation import Recommendation
from retrieval.search.searcher import Searcher
from retrieval.storage.descriptors import Descriptors
from retrieval.storage.faiss_file import read_faiss
from retrieval.storage.global_vectors import GlobalVectors, by_shard
from retrieval.storage.manifest import FAISS, FEATURES, MANIFEST, IndexManifest, read_manifest
from retrieval.storage.mending_commands import rebuild
from retrieval.storage.search_settings import FLAT
from retrieval.storage.shards import Photos, ShardReader, allow_open_files, is_damage
from similarity.backbone.backbone import Backbone

ALL_GRAY = (
    "all of them are gray or were made by Rechroma, and lend no colors: nothing will be recommended"
)


class PhotoIndex:
    """An index opened for searching.

    Local descriptors stay on disk until the survivors of a query need them.

    Args:
        index_dir: folder of the index.
        manifest: what its index.json says.
    """

    def __init__(self, index_dir: Path, manifest: IndexManifest) -> None:
        self.index_dir, self.manifest = index_dir, manifest
        shards = [index_dir / FEATURES / entry.file for entry in manifest.shards]
        if not shards:
            raise ValueError(
                f"{index_dir / MANIFEST}: names no shards; run build-index --overwrite"
            )
        allow_open_files(len(shards))
        self._readers: list[ShardReader] = []
        for path, entry in zip(shards, manifest.shards, strict=True):
            self._readers.append(_opened_shard(path, entry.count))
            if self._readers[-1].key != self._readers[0].key:
                raise ValueError(
                    f"{path}: damaged (made with another backbone or other settings than"
                    f" {shards[0].name}); run build-index again to redo it"
                )
        self._vectors = GlobalVectors([r.descriptors.global_ for r in self._readers])
        self._chroma = np.concatenate([r.descriptors.chroma for r in self._readers])
        self._label = np.concatenate([r.descriptors.label for r in self._readers])
        self.searcher = Searcher(self._vectors, manifest.search, self._load_faiss())

    @classmethod
    def open(cls, index_dir: Path) -> "PhotoIndex":
        """Open the last complete index in a folder.

        Raises:
            FileNotFoundError: there is none, its build was never finished, or a shard is gone.
            ValueError: it is damaged or of a newer format.
        """
        for attempt in range(5):
            manifest = read_manifest(index_dir)
            try:
                return cls(index_dir, manifest)
            except FileNotFoundError:
                if attempt == 4 or read_manifest(index_dir) == manifest:
                    raise
                # a builder replaced the index between reading the manifest and its shards
                time.sleep(0.05)
        raise AssertionError("unreachable")

    def __len__(self) -> int:
        return self.manifest.count

    def extractor(self, backbone: Backbone) -> Extractor:
        """The extractor that makes descriptors comparable with this index.

        Raises:
            ValueError: the index was built with another backbone or other weights.
        """
        ours, theirs = (
            (backbone.name, backbone.weights_hash),
            (self.manifest.backbone, self.manifest.weights_hash),
        )
        if ours != theirs:
            raise ValueError(
                f"{self.index_dir}: built with backbone {theirs[0]} (weights {theirs[1]}),"
                f" not {ours[0]} (weights {ours[1]}); use --backbone {theirs[0]} with those"
                " weights, where a command has it, or build-index --overwrite"
            )
        path = self.index_dir / self.manifest.pca_file
        try:
            return Extractor(backbone, *load_projections(path))
        except (SafetensorError, OSError, KeyError) as error:
            mend = rebuild(self.index_dir, self.manifest.roots, self.manifest.backbone)
            raise ValueError(
                f"{path}: missing or damaged ({error}); write it again: {mend}"
            ) from error

    @one_thread()
    def rank(
        self,
        described: Descriptors,
        top_k: int = 5,
        same_class: bool = False,
        belief: ColorBelief | None = None,
    ) -> list[Recommendation]:
        """Rank the photos of the index as references for a picture: globally, then locally.

        Args:
            described: the gray picture, one row, by an extractor of this index.
            top_k: how many to return.
            same_class: search only photos of the query's top-1 ImageNet class, if there are any.
            belief: how likely the colors are that a photo would lend; None believes all alike.

        Returns:
            At most top_k recommendations, best first. Gray photos are never recommended, and of
            near-duplicates only the best.

        Raises:
            ValueError: top_k is not positive.
        """
        if top_k < 1:
            raise ValueError(f"top_k must be at least 1, not {top_k}")
        allowed = self._allowed(described, same_class)
        count = int(allowed.sum())
        if not count:
            return []
        keep = num_survivors(count, top_k)
        while True:
            rows, global_scores = self.searcher.search(
                described.global_[0].astype(np.float32), keep, allowed
            )
            local, histogram, color = self.cells(rows)
            scores = local_ranking(described.local[0], described.histogram[0], local, histogram)
            lent = np.take_along_axis(color, scores.partners[..., None], 1)
            likely = belief(lent) if belief else np.zeros(len(rows), np.float32)
            total = scores.total + COLOR_WEIGHT * likely
            photos = Appearance(self._vectors.take(rows), local, luminance_structure(histogram))
            best = distinct(photos, np.argsort(-total, kind="stable"), top_k)
            if len(best) == top_k or keep == count or len(rows) < keep:
                break
            keep = min(count, 2 * keep)  # near-duplicates took places that others could have
        return [
            Recommendation(
                self.path(int(rows[i])),
                score=float(scores.total[i]),
                match=match_word(float(scores.total[i]), self.manifest.backbone),
                global_score=float(global_scores[i]),
                feature_score=float(scores.feature[i]),
                luminance_score=float(scores.luminance[i]),
                color_score=float(likely[i]),
            )
            for i in best
        ]

    @cached_property
    def photos(self) -> Photos:
        """The files of all photos, by row."""
        return Photos.join([r.photos for r in self._readers])

    @cached_property
    def gray(self) -> np.ndarray:
        """Which photos, by row, are gray and never recommended."""
        return np.asarray(self._chroma.astype(np.float32) < MIN_CHROMA)

    @property
    def note(self) -> str:
        """A line for a person who has built it, where it cannot recommend anything; else empty."""
        return ALL_GRAY if bool(self.gray.all()) else ""

    def path(self, row: int) -> Path:
        """Where the photo of a row lies."""
        [(shard, _, inside)] = by_shard(self._vectors.starts, np.array([row]))
        return Path(os.fsdecode(self._readers[shard].photos.absolute(int(inside[0]))))

    def _allowed(self, query: Descriptors, same_class: bool) -> np.ndarray:
        usable = ~self.gray
        if same_class and bool((usable & (self._label == query.label[0])).any()):
            usable &= self._label == query.label[0]
        return np.asarray(usable)

    def cells(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Local descriptors, histograms and colors of some rows, read from the shards."""
        first = self._readers[0].descriptors
        local = np.empty((len(rows), *first.local.shape[1:]), np.float16)
        histogram = np.empty((len(rows), *first.histogram.shape[1:]), np.float16)
        color = np.empty((len(rows), *first.color.shape[1:]), np.int8)
        for shard, here, inside in by_shard(self._vectors.starts, rows):
            local[here] = self._readers[shard].descriptors.local[inside]
            histogram[here] = self._readers[shard].descriptors.histogram[inside]
            color[here] = self._readers[shard].descriptors.color[inside]
            self._readers[shard].release()  # else memory would grow with every query
        return local, histogram, color

    def histograms(self) -> Iterator[np.ndarray]:
        """Luminance histograms of all photos, a shard at a time; local descriptors are not read."""
        for reader in self._readers:
            yield reader.descriptors.histogram
            reader.release()

    def _load_faiss(self) -> faiss.Index | None:
        """index.faiss if it belongs to the manifest and faiss can read it.

        Otherwise the shards serve, from which it was made: a flat one is made anew; instead of the
        others every photo is compared, slowly, since making them anew takes minutes.
        """
        kind = self.manifest.search.kind
        index = read_faiss(self.index_dir / FAISS, self.manifest.faiss_sha256, kind)
        return (
            exact_index([r.descriptors.global_ for r in self._readers])
            if index is None and kind == FLAT
            else index
        )


def _opened_shard(path: Path, count: int) -> ShardReader:
    """Open a shard of an index and check that it holds as many photos as index.json says."""
    if not count:
        raise ValueError(f"{path}: an empty shard; run build-index --overwrite")
    try:
        reader = ShardReader(path)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{path}: this shard of the index is missing; run build-index again to redo it"
        ) from error
    except OSError as error:
        if not is_damage(error):
            raise OSError(error.errno, os.strerror(error.errno or 0), str(path)) from error
        raise ValueError(f"{path}: damaged ({error}); run build-index again to redo it") from error
    if {len(reader.descriptors), len(reader.photos)} != {count}:
        raise ValueError(
            f"{path}: damaged (its rows do not fit index.json); run build-index again to redo it"
        )
    return reader
