"""The commands that mend an index, as a person types them."""

import glob
import os
from collections.abc import Iterable
from pathlib import Path

from retrieval.typed_command import typed
from similarity.backbone.pretrained import DEFAULT_BACKBONE


def rebuild(index_dir: Path, photos: Iterable[str | Path], backbone: str = DEFAULT_BACKBONE) -> str:
    """The command that describes photos again.

    Args:
        index_dir: folder of the index.
        photos: folders and files; those that are gone cannot be named.
        backbone: that the index was built with.
    """
    there = [path for path in photos if os.path.exists(path)]  # noqa: PTH110 - never raises, whoever may not look
    seen = () if backbone == DEFAULT_BACKBONE else ("--backbone", backbone)
    return typed("rechroma", "build-index", *(there or ["PHOTOS"]), "--index", index_dir, *seen)


def relink(index_dir: Path) -> str:
    """The command that finds photos again which were moved.

    Args:
        index_dir: folder of the index.
    """
    return typed("rechroma", "index", "relink", index_dir, "--root", "FOLDER")


def forget(index_dir: Path, photo: str | Path) -> str:
    """The command that takes a photo out of an index, or all photos of a folder.

    Args:
        index_dir: folder of the index.
        photo: a photo; or the pattern that all_in gives.
    """
    return typed("rechroma", "index", "remove", index_dir, photo)


def all_in(folder: str) -> str:
    """The pattern of all photos in a folder, whose own name may hold brackets and stars.

    Args:
        folder: its path.
    """
    return glob.escape(folder) + os.sep + "*"
