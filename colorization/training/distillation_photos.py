"""Photos that vgg19-slim is distilled from and scored with."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from retrieval.extraction.extractor import glance
from retrieval.photos.listing import list_pictures, plain_path
from retrieval.photos.reader import PictureError, read_small_rgb
from retrieval.search.photo_index import PhotoIndex
from retrieval.storage.descriptors import SIDE
from similarity.backbone.backbone import load_backbone
from similarity.training.corpus import Corpus
from similarity.training.distillation import SIDE as TEACHER_SIDE
from similarity.training.distillation import ask
from similarity.training.distillation_scores import nearest, shared


def readable_photos(folder: Path, tell: Callable[[str], None]) -> list[Path]:
    """The photos of a folder that decode.

    Args:
        folder: walked recursively.
        tell: receives a line for each that does not.

    Raises:
        ValueError: there are none.
    """
    good = []
    for path in list_pictures(folder):
        try:
            read_small_rgb(path, TEACHER_SIDE)
            good.append(path)
        except PictureError as error:
            tell(str(error))
    if not good:
        raise ValueError(f"{folder}: no photos")
    return good


def corpus_of(paths: list[Path], folder: Path) -> Corpus:
    """Photos of a folder, named by their place in it.

    Args:
        paths: of the photos.
        folder: that they lie in.
    """
    names = [str(path.relative_to(folder)) for path in paths]
    return Corpus(names, lambda number: read_small_rgb(paths[number], TEACHER_SIDE))


class IndexedPhotos:
    """The photos of an index that lie in a folder, for retrieval."""

    def __init__(self, index: Path, photos: Path, tell: Callable[[str], None]) -> None:
        """Open an index.

        Args:
            index: built with vgg19-slim.
            photos: the folder.
            tell: receives a line for each photo that does not decode.

        Raises:
            ValueError: the index holds none of them.
        """
        self._opened, folder = PhotoIndex.open(index), plain_path(photos)
        rows = {self._opened.path(i): i for i in range(len(self._opened))}
        paths = [path for path in readable_photos(folder, tell) if path in rows]
        if not paths:
            raise ValueError(f"{index}: holds no photo of {photos}")
        self._corpus = corpus_of(paths, folder)
        self._rows = np.array([rows[path] for path in paths])

    def shared(
        self, paths: list[Path], teacher: nn.Module, embeddings: Float[Tensor, "photos size"]
    ) -> float:
        """How far retrieval by our descriptors of gray finds what the teacher finds, 0..1.

        Of the ten photos nearest by the teacher's embeddings, the share among the ten nearest by
        our descriptors.

        Args:
            paths: of photos to search with.
            teacher: see ask.
            embeddings: what it says of those photos.
        """
        theirs = [ask(teacher, rgb)["embedding"] for rgb in self._corpus.squares(32)]
        extractor = self._opened.extractor(load_backbone("vgg19-slim"))
        described = np.concatenate(
            [extractor.describe([glance(read_small_rgb(path, SIDE))]).global_ for path in paths]
        )
        stored = torch.from_numpy(self._opened.searcher.vectors.take(self._rows))
        ours = nearest(torch.from_numpy(described.astype(np.float32)), stored)
        return shared(nearest(embeddings, torch.cat(theirs)), ours)
