"""Take photos out of an index by their names; the photos themselves stay where they are."""

import fnmatch
import os
from pathlib import Path

from retrieval.building.commit import commit
from retrieval.storage.contents import read_contents
from retrieval.storage.index_folder import sole_writer
from retrieval.storage.inventory import unfinished_shards
from retrieval.storage.manifest import read_manifest
from retrieval.storage.shards import Photos


def remove_photos(index_dir: Path, pattern: str) -> int:
    """Remove the photos whose name fits a pattern.

    A later build of a folder that still holds them adds them again.

    Args:
        index_dir: folder of the index.
        pattern: with ``*``, ``?`` and ``[...]`` as in a shell, but ``*`` also stands for ``/``; it
            must fit the whole of the absolute path or of the path inside the indexed folder. Where
            photos have exactly that name, it stands for those alone.

    Returns:
        How many were removed.

    Raises:
        FileNotFoundError: there is no index.
        ValueError: the index is damaged, no photo fits, or all do.
        OSError: the index cannot be written; it is as it was.
    """
    read_manifest(index_dir)
    with sole_writer(index_dir):
        contents = read_contents(index_dir)
        live = contents.live()
        every = [(photos, row) for _, photos in contents.shards for row in range(len(photos))]
        named = {photos.absolute(row) for photos, row in every if pattern in _names(photos, row)}
        fits = named or {
            photos.absolute(row) for photos, row in every if _fits(photos, row, pattern)
        }
        if not fits:
            whole, inside = next(_names(*one) for one in every if one[0].absolute(one[1]) in live)
            raise ValueError(
                f"{index_dir}: none of {len(live)} photos fits {pattern!r}; it must fit the whole"
                f" path, for example {whole!r}, or the path inside the indexed folder, {inside!r};"
                " a * in front stands for any folder"
            )
        if len(fits) == len(live):
            raise ValueError(
                f"{index_dir}: {pattern!r} fits all {len(live)} photos;"
                " to be rid of the index delete its folder"
            )
        left = {name: known for name, known in live.items() if name not in fits}
        manifest = contents.manifest
        commit(left, index_dir, manifest, unfinished_shards(index_dir, manifest))
        return len(fits)


def _names(photos: Photos, row: int) -> tuple[str, str]:
    return os.fsdecode(photos.absolute(row)), os.fsdecode(photos.path[row])


def _fits(photos: Photos, row: int, pattern: str) -> bool:
    plain = pattern.replace(os.sep, "/")
    names = (name.replace(os.sep, "/") for name in _names(photos, row))
    return any(fnmatch.fnmatchcase(name, plain) for name in names)
