"""The commands that mend an index, as a person types them."""

import glob
import os
import shlex
from collections.abc import Iterable
from pathlib import Path


def rebuild(index_dir: Path, photos: Iterable[str | Path]) -> str:
    """The command that describes photos again.

    Args:
        index_dir: folder of the index.
        photos: folders and files; those that are gone cannot be named.
    """
    there = [shlex.quote(str(path)) for path in photos if os.path.exists(path)]  # noqa: PTH110 - never raises, whoever may not look
    return (
        f"rechroma build-index {' '.join(there) or 'PHOTOS'} --index {shlex.quote(str(index_dir))}"
    )


def relink(index_dir: Path) -> str:
    """The command that finds photos again which were moved.

    Args:
        index_dir: folder of the index.
    """
    return f"rechroma index relink {shlex.quote(str(index_dir))} --root FOLDER"


def forget(index_dir: Path, photo: str | Path) -> str:
    """The command that takes a photo out of an index, or all photos of a folder.

    Args:
        index_dir: folder of the index.
        photo: a photo; or the pattern that all_in gives.
    """
    return shlex.join(["rechroma", "index", "remove", str(index_dir), str(photo)])


def all_in(folder: str) -> str:
    """The pattern of all photos in a folder, whose own name may hold brackets and stars.

    Args:
        folder: its path.
    """
    return glob.escape(folder) + os.sep + "*"
