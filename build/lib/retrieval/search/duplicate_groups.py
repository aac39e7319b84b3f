"""All groups of near-duplicates of an index, for a person to look at."""

import numpy as np

from retrieval.progress import Progress
from retrieval.search.near_duplicates import (
    MIN_GLOBAL,
    MIN_STRUCTURE,
    Appearance,
    luminance_structure,
    same_photo,
)
from retrieval.search.photo_index import PhotoIndex

BLOCK = 64  # photos searched for at once; what they find is held in memory


def duplicate_groups(
    index: PhotoIndex, progress: Progress = lambda done, total: None
) -> list[list[int]]:
    """Find the photos that an index holds more than once.

    Every photo is searched for among all others by its global descriptor, gray ones too; cells are
    read from the shards only for what may be the same.

    Args:
        index: an opened index.
        progress: called with photos searched for and in all.

    Returns:
        Rows of each group in order, the group of the first row first.
    """
    structure = np.concatenate([luminance_structure(part) for part in index.histograms()])
    first: dict[bytes, int] = {}  # the same file content needs no look
    group = np.array(
        [first.setdefault(sha.tobytes(), row) for row, sha in enumerate(index.photos.sha256)]
    )
    rows = np.unique(group)
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        near = index.searcher.within(index.searcher.vectors.take(block), MIN_GLOBAL)
        for place, row in enumerate(block.tolist()):
            others = near[place]
            others = others[(others > row) & (group[others] != group[row])]
            others = others[structure[others] @ structure[row] >= MIN_STRUCTURE]
            for other in _confirmed(index, structure, row, others):
                low, high = sorted((group[row], group[other]))
                group[group == high] = low
        progress(start + len(block), len(rows))
    members: dict[int, list[int]] = {}
    for row, number in enumerate(group.tolist()):
        members.setdefault(number, []).append(row)
    return [found for found in members.values() if len(found) > 1]


def _confirmed(
    index: PhotoIndex, structure: np.ndarray, row: int, others: np.ndarray
) -> np.ndarray:
    """Those of some rows that are near-duplicates of one."""
    if not len(others):
        return others
    rows = np.array([row, *others], np.int64)
    photos = Appearance(index.searcher.vectors.take(rows), index.cells(rows)[0], structure[rows])
    return np.asarray(rows[1:][same_photo(photos, 0, np.arange(1, len(rows)))])
