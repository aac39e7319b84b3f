"""Which photos of a library are to lend their colors to a picture.

The index ranks them by how alike they are, and the colorization network, where there is one, by how
likely the colors are that they would lend.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from colorization.inference.color_belief import NetworkBelief
from colorization.inference.network_colors import belief_of
from colorization.inference.picture_features import PictureDescriber, PictureFeatures
from colorization.inference.reference_checks import UsedReferences, read_reference
from colorization.messages import AUTOMATIC, USED_ALL_THE_SAME
from colorization.network.colorization_network import ColorizationNetwork
from colorization.options import ColorizeOptions
from retrieval.extraction.extractor import glance
from retrieval.photos.reader import PictureError, to_uint8
from retrieval.search.match_words import honest_note
from retrieval.search.recommendation import Recommendation
from retrieval.stage_clock import stage
from retrieval.storage.manifest import read_manifest
from retrieval.storage.mending_commands import relink
from similarity.backbone.precision import inference

if TYPE_CHECKING:  # it brings faiss and h5py, which only an index needs
    from retrieval.search.photo_index import PhotoIndex
    from retrieval.storage.descriptors import Descriptors

LEFT_UNLIKE = f"No photo that is left of your library looks like this one. {AUTOMATIC}"
NO_COLOR = "the index holds no color photo to recommend"
ALL_GRAY = (
    f"All photos in your library are gray or were made by Rechroma, and lend no colors. {AUTOMATIC}"
)
LOOKED_AT = 50  # of the best photos at least, among which those that are no weak match are found
MOST_UNREADABLE = 50  # photos that are tried in vain: after them the disk is missing, not a photo


@dataclass(frozen=True)
class Query:
    """What an index is asked.

    Attributes:
        described: how the picture looks.
        belief: which colors are likely in it; None without a network.
    """

    described: "Descriptors"
    belief: NetworkBelief | None


class ReferenceSearch:
    """An index, and the networks that look at what is asked of it.

    Args:
        index: what references are recommended from.
        describer: the networks that look at pictures.
        network: the colorization network; None ranks by likeness alone.

    Raises:
        ValueError: the index was built with another backbone.
    """

    def __init__(
        self,
        index: "PhotoIndex",
        describer: PictureDescriber,
        network: ColorizationNetwork | None,
    ) -> None:
        self.index, self._describer, self._network = index, describer, network
        self._extractor = index.extractor(describer.backbone)

    def refreshed(self) -> "ReferenceSearch":
        """This search, or one of the index that was built since.

        Raises:
            FileNotFoundError, ValueError: see PhotoIndex.open and PhotoIndex.extractor.
        """
        folder = self.index.index_dir
        if read_manifest(folder) == self.index.manifest:
            return self
        return ReferenceSearch(open_index(folder), self._describer, self._network)

    @inference()
    def query(self, rgb: np.ndarray, features: PictureFeatures | None = None) -> Query:
        """Look at a picture.

        Args:
            rgb: (height, width, 3), uint8 or uint16; colors are ignored.
            features: of the picture, where they are known.
        """
        described = self._extractor.describe([glance(to_uint8(rgb))])
        if self._network is None:
            return Query(described, None)
        features = features or self._describer.features_of(rgb, ColorizeOptions().working_side)
        return Query(described, belief_of(self._network, features))

    def rank(self, query: Query, top_k: int, same_class: bool) -> list[Recommendation]:
        """Rank the photos of the index; none are there where all of them are gray.

        Args:
            query: what is asked.
            top_k: how many at most.
            same_class: only photos of the picture's ImageNet class, where there are any.

        Raises:
            ValueError: top_k is not positive.
        """
        return self.index.rank(query.described, top_k, same_class, query.belief)

    def recommend(self, query: Query, top_k: int, same_class: bool) -> list[Recommendation]:
        """Rank the photos of the index, for who asks for nothing else.

        Args:
            query: what is asked.
            top_k: how many at most.
            same_class: see rank.

        Raises:
            ValueError: the index holds no color photo, or top_k is not positive.
        """
        found = self.rank(query, top_k, same_class)
        if not found:
            raise ValueError(f"{self.index.index_dir}: {NO_COLOR}")
        return found

    def candidates(
        self, query: Query, top_k: int, same_class: bool = False
    ) -> Iterator[Recommendation]:
        """Recommend references, more and more for whoever goes on, as photos may be gone.

        Args:
            query: what is asked.
            top_k: twice as many are ranked at first.
            same_class: see rank.
        """
        known = set[Path]()
        while True:
            top_k *= 2
            found = self.rank(query, top_k, same_class)
            yield from (one for one in found if one.path not in known)
            if len(found) < top_k:
                return
            known = {one.path for one in found}

    @stage("recommending")
    def readable(self, candidates: Iterable[Recommendation], count: int) -> UsedReferences:
        """Read recommended references; the next best take the places of unreadable ones.

        Args:
            candidates: the best first; no more of them are taken than are needed.
            count: how many are read at most.
        """
        used, pictures, skipped, gone = [], [], list[str](), list[str]()
        for candidate in candidates if count else ():
            try:
                pictures.append(read_reference(candidate.path))
                used.append(candidate)
            except PictureError as error:
                lines = skipped if os.path.lexists(candidate.path) else gone
                lines.append(str(error))
            if len(used) == count or len(skipped) + len(gone) == MOST_UNREADABLE:
                break
        told = gone
        if len(gone) > 1:
            others = f"{len(gone) - 1} other{'s are' if len(gone) > 2 else ' is'} gone"
            cure = f"find what was moved: {relink(self.index.index_dir)}"
            told = [f"{gone[0]}, and {others}; {cure}"]
        return UsedReferences(used, pictures, [*told, *skipped])

    def chosen(self, query: Query, options: ColorizeOptions) -> UsedReferences:
        """The references to colorize from, and a line where none of them matches.

        Weak matches are left out: the network's own colors are better. Without it they must do.

        Args:
            query: what is asked.
            options: top_k, same_class, and the method.

        Raises:
            ValueError: none can be read; or without the network, which must have some, there is no
                color photo.
        """
        takes_weak = self._network is None or options.method == "training-free"
        if takes_weak:
            candidates = self.candidates(query, options.top_k, options.same_class)
            found = self._some(self.readable(candidates, options.top_k))
            return replace(found, note=honest_note(found.recommended, USED_ALL_THE_SAME))
        ranked = self.rank(query, max(LOOKED_AT, options.top_k), options.same_class)
        if not ranked:
            return UsedReferences([], [], note=ALL_GRAY, belief=query.belief)
        alike = [one for one in ranked if one.match != "weak"]
        found = self.readable(alike, options.top_k)
        if found.recommended:
            return replace(found, belief=query.belief)
        self._some(self.readable(ranked, 1))  # not that the whole library is gone
        note = LEFT_UNLIKE if alike else honest_note(ranked, AUTOMATIC)
        return replace(found, note=note, belief=query.belief)

    def note(self, query: Query, same_class: bool = False) -> str:
        """One line where nothing in the library resembles the picture; else empty.

        Args:
            query: what is asked.
            same_class: see rank.
        """
        return honest_note(self.rank(query, LOOKED_AT, same_class))

    def _some(self, found: UsedReferences) -> UsedReferences:
        """What was read, if anything was."""
        if found.recommended:
            return found
        told = NO_COLOR
        gone = self.index.manifest.gone_roots()
        if found.skipped and gone:
            cure = f"connect its drive, or if it moved: {relink(self.index.index_dir)}"
            told = f"{gone[0]}, of which it holds photos, is not there; {cure}"
        elif found.skipped:
            told = f"none of the recommended photos can be read; the first: {found.skipped[0]}"
        raise ValueError(f"{self.index.index_dir}: {told}")


def open_index(index_dir: Path) -> "PhotoIndex":
    """Open an index; what only an index needs is imported now."""
    from retrieval.search.photo_index import PhotoIndex

    return PhotoIndex.open(index_dir)
