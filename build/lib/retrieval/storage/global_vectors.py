"""The global descriptors of all shards as one table, read from the mapped files as needed."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Float32, Int


class GlobalVectors:
    """Global descriptors by row.

    Args:
        parts: of each shard in order, (photos, size), any float type, mapped or in memory.
    """

    def __init__(self, parts: Sequence[Float[np.ndarray, "_ size"]]) -> None:
        self._parts = parts
        # first row of each shard, and the count
        self.starts = np.cumsum([0, *(len(part) for part in parts)])
        self.size = int(parts[0].shape[1])

    def __len__(self) -> int:
        return int(self.starts[-1])

    def take(self, rows: Int[np.ndarray, " rows"]) -> Float32[np.ndarray, "rows size"]:
        """The descriptors of some rows, in the order given."""
        found = np.empty((len(rows), self.size), np.float32)
        for part, places, inside in by_shard(self.starts, rows):
            found[places] = self._parts[part][inside]
        return found

    def blocks(
        self, start: int = 0
    ) -> Iterator[tuple[Int[np.ndarray, " rows"], Float32[np.ndarray, "rows size"]]]:
        """Rows and descriptors, a shard at a time, from a row on."""
        for first, part in zip(self.starts.tolist(), self._parts, strict=False):
            skipped = max(0, start - first)
            if skipped < len(part):
                yield (
                    np.arange(first + skipped, first + len(part)),
                    np.asarray(part[skipped:], np.float32),
                )


def by_shard(
    starts: Int[np.ndarray, " starts"], rows: Int[np.ndarray, " rows"]
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Split rows by shard.

    Args:
        starts: the first row of each shard, and the count of all.
        rows: in any order.

    Yields:
        A shard's number, which of ``rows`` lie in it, and where inside it they are.
    """
    shards = np.searchsorted(starts, rows, side="right") - 1
    order = np.argsort(shards, kind="stable")
    limits = np.flatnonzero(np.diff(shards[order], prepend=-1, append=len(starts)))
    for low, high in pairwise(limits.tolist()):
        places = order[low:high]
        shard = int(shards[places[0]])
        yield shard, places, rows[places] - starts[shard]
