"""How the global descriptors are searched, chosen by the number of photos and the memory.

====== =========================== ================== ===========================================
kind   for                         memory a photo     answer
====== =========================== ================== ===========================================
flat   up to MAX_FLAT photos       512 bytes          exact
hnsw   what fits the memory budget HNSW_BYTES         nearly exact (a graph of neighbors)
ivfpq  everything larger           what queries touch re-ranked with the descriptors of the shards
====== =========================== ================== ===========================================

Source: Malkov and Yashunin 2018 (HNSW); Jegou et al. 2011 (IVF, PQ); Ge et al. 2013 (OPQ); all as
faiss has them.
"""

import math
import re
from dataclasses import dataclass, field
from typing import Any

from retrieval.storage.json_fields import from_json

FLAT, HNSW, IVFPQ = "flat", "hnsw", "ivfpq"
# photos; comparing a query with all of them takes milliseconds, and nothing has to be trained
MAX_FLAT = 100_000
MEMORY_BUDGET = 1 << 30  # bytes; the default of build-index
LINKS = 16  # neighbors of a photo in the graph; twice as many on its lowest level
# fp16 descriptor, links of the lowest level, row number and higher levels
HNSW_BYTES = 256 + 8 * LINKS + 32
CODE_BYTES = 32  # of a compressed descriptor
_UNITS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


@dataclass(frozen=True)
class SearchSettings:
    """What index.json says of index.faiss.

    Attributes:
        kind: FLAT, HNSW or IVFPQ.
        memory_budget: bytes that the search index may take in a process that searches; it decides
            the kind.
        parameters: hnsw: ``ef_search``; ivfpq: ``lists``, ``nprobe``, and ``candidates``, how many
            times more photos than wanted are re-ranked.
        recall: share of the ten best photos of held-out queries that a search finds, measured
            against exact search.
        measured_on: photos that were in the index when parameters and recall were measured.
    """

    kind: str = FLAT
    memory_budget: int = MEMORY_BUDGET
    parameters: dict[str, int] = field(default_factory=dict)
    recall: float = 1.0
    measured_on: int = 0


def read_settings(data: Any) -> SearchSettings:
    """Make settings of what index.json holds.

    Raises:
        TypeError: they are not settings.
    """
    settings = from_json(SearchSettings, data)
    if settings.kind not in (FLAT, HNSW, IVFPQ):
        raise TypeError(f"search {settings.kind!r} is not known")
    return settings


def choose_settings(count: int, memory_budget: int) -> SearchSettings:
    """Choose the kind of search for a number of photos; its parameters still have to be tuned.

    Args:
        count: photos.
        memory_budget: bytes that the search index may take.
    """
    if count <= MAX_FLAT:
        return SearchSettings(FLAT, memory_budget)
    if count * HNSW_BYTES <= memory_budget:
        return SearchSettings(HNSW, memory_budget)
    return SearchSettings(IVFPQ, memory_budget, {"lists": num_lists(count)})


def num_lists(count: int) -> int:
    """Inverted lists for a number of photos: the power of two nearest to four times its root."""
    return 1 << max(2, round(math.log2(4 * math.sqrt(count))))


def parse_bytes(text: str) -> int:
    """Read a size such as ``800MB``, ``1.5GiB`` or ``300000000``.

    Raises:
        ValueError: it is not a positive size.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?\s*", text.lower())
    size = (
        int(float(found[1]) * (1024 if found[3] else 1000) ** _UNITS[found[2]])
        if found and (found[2] or not found[3])
        else 0
    )
    if size < 1:
        raise ValueError(f"{text!r} is not a size; write for example 800MB or 1.5GiB")
    return size
