"""What photo folders hold that an index does not, and whether a build would change anything."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from retrieval.photos.listing import Source, plain_path
from retrieval.safe_files import file_sha256
from retrieval.storage.inventory import ShardRow
from retrieval.storage.manifest import FAISS, IndexManifest
from retrieval.storage.search_settings import MEMORY_BUDGET, SearchSettings, choose_settings


@dataclass(frozen=True)
class BuildReport:
    """What a build did.

    Attributes:
        count: photos in the index.
        added: photos that were not described before.
        changed: photos that were described anew.
        dropped: photos that it held and does not any more.
        kept: photos whose description was there already, also that of a build that was interrupted.
        unreadable: one line for each file that could not be used.
    """

    count: int
    added: int
    changed: int
    dropped: int
    kept: int
    unreadable: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Changes:
    """What a build has to do.

    Attributes:
        todo: photos to describe: those that are new, and those with another stamp.
        changed: how many of them are known.
        gone: known photos of the named folders that are no longer there, by absolute path.
        closed: one line for each file or folder that cannot be looked at; what is known of them
            stays.
    """

    todo: list[Source]
    changed: int
    gone: set[bytes]
    closed: list[str]


def find_changes(
    photos: list[Path], sources: list[Source], known: dict[bytes, ShardRow]
) -> Changes:
    """Compare photo folders with what is known of them.

    Args:
        photos: the folders and files.
        sources: their pictures, as list_sources finds them.
        known: photos that are described, by absolute path.
    """
    listed = {source.absolute: source for source in sources}
    named = tuple(os.path.join(os.fsencode(plain_path(p)), b"") for p in photos if p.is_dir())
    closed = {name: source.closed for name, source in listed.items() if source.closed}
    below = tuple(os.path.join(name, b"") for name in closed)
    gone = {
        name
        for name in known
        if name not in listed and name.startswith(named) and not name.startswith(below)
    }
    todo = [
        s
        for name, s in listed.items()
        if not s.closed and (name not in known or (s.size, s.mtime_ns) != known[name].stamp)
    ]
    lines = [f"{os.fsdecode(name)}: {reason}" for name, reason in closed.items()]
    return Changes(todo, sum(s.absolute in known for s in todo), gone, lines)


def unnamed(photos: list[Path], roots: list[str]) -> list[str]:
    """Of the folders of an index those that the given ones do not cover.

    Args:
        photos: folders, which cover themselves and all below them, and files, which cover none.
        roots: folders of the index.
    """
    named = tuple(os.path.join(plain_path(p), "") for p in photos if p.is_dir())
    return [root for root in roots if not os.path.join(root, "").startswith(named)]


def wanted_search(
    count: int, memory_budget: int | None, previous: IndexManifest | None
) -> SearchSettings:
    """Choose the kind of search of an index.

    Args:
        count: photos.
        memory_budget: bytes; None keeps what the index has.
        previous: the index as it was.
    """
    return choose_settings(
        count, memory_budget or (previous.search.memory_budget if previous else MEMORY_BUDGET)
    )


def is_complete(
    previous: IndexManifest,
    index_dir: Path,
    live: dict[bytes, ShardRow],
    unusable: int,
    search: SearchSettings,
) -> bool:
    """Whether an index is already what a build would make.

    Args:
        previous: what index.json says.
        index_dir: folder of the index.
        live: the photos of the complete index.
        unusable: pictures that cannot be read.
        search: the kind of search it should have.
    """
    same_shards = {entry.file for entry in previous.shards} == {
        entry.shard.name for entry in live.values()
    }
    ours = len(live), unusable, search.kind, search.memory_budget
    theirs = previous.count, previous.unusable, previous.search.kind, previous.search.memory_budget
    if not same_shards or ours != theirs:
        return False
    return (index_dir / FAISS).is_file() and file_sha256(index_dir / FAISS) == previous.faiss_sha256
