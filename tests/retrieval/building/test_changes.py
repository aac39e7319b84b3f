import os
from pathlib import Path

import pytest

from retrieval.building.changes import find_changes, is_complete, wanted_search
from retrieval.photos.listing import Source, list_sources
from retrieval.safe_files import file_sha256
from retrieval.storage.inventory import ShardRow
from retrieval.storage.manifest import FAISS, IndexManifest, ShardEntry
from retrieval.storage.search_settings import (
    FLAT,
    HNSW,
    IVFPQ,
    MAX_FLAT,
    MEMORY_BUDGET,
    SearchSettings,
)

SHARD = Path("a.h5")


def known_of(*folders: Path) -> dict[bytes, ShardRow]:
    return {
        s.absolute: ShardRow(SHARD, i, s.size, s.mtime_ns)
        for i, s in enumerate(list_sources(list(folders)))
    }


# Photos


def test_nothing_changed(photo_dir: Path) -> None:
    changes = find_changes([photo_dir], list_sources([photo_dir]), known_of(photo_dir))
    assert (changes.todo, changes.changed, changes.gone) == ([], 0, set())


def test_new_changed_and_gone_photos(photo_dir: Path) -> None:
    known = known_of(photo_dir)
    (photo_dir / "coffee.png").rename(photo_dir / "a.png")
    os.utime(photo_dir / "rocket.png", ns=(1, 1))
    with (photo_dir / "chelsea.png").open("ab") as file:
        file.write(b"more")
    changes = find_changes([photo_dir], list_sources([photo_dir]), known)
    # as they are listed
    assert [source.path for source in changes.todo] == [b"a.png", b"chelsea.png", b"rocket.png"]
    assert changes.changed == 2
    assert changes.gone == {os.fsencode(photo_dir / "coffee.png")}


def test_only_named_folders_lose_photos(photo_dir: Path, library_dir: Path) -> None:
    known = known_of(photo_dir, library_dir) | {
        os.fsencode(f"{photo_dir} 2/x.png"): ShardRow(SHARD, 9, 1, 1)
    }
    (photo_dir / "coffee.png").unlink()
    assert find_changes([library_dir], list_sources([library_dir]), known).gone == set()
    single = photo_dir / "rocket.png"
    assert find_changes([single], list_sources([single]), known).gone == set()
    assert len(find_changes([photo_dir], list_sources([photo_dir]), known).gone) == 1


def test_what_cannot_be_looked_at_is_neither_gone_nor_changed(library_dir: Path) -> None:
    known, root = known_of(library_dir), os.fsencode(library_dir)
    # the folder's name only begins like that of a closed one
    known |= {root + b"/subs/x.png": ShardRow(SHARD, 8, 1, 1)}
    shut = [
        Source(root, name, -1, -1, "Permission denied")
        for name in (b"coffee.png", b"sub", b"new.png")
    ]
    listed = [
        s
        for s in list_sources([library_dir])
        if s.path not in (b"coffee.png", b"rocket.png", b"sub/motorcycle_right.png")
    ]
    changes = find_changes([library_dir], [*listed, *shut], known)
    assert (changes.todo, changes.changed) == ([], 0)
    assert changes.gone == {root + b"/rocket.png", root + b"/subs/x.png"}
    assert changes.closed == [
        f"{library_dir}/{name}: Permission denied" for name in ("coffee.png", "sub", "new.png")
    ]


# The search index


def test_the_memory_budget_is_the_wanted_one_or_the_one_before_or_the_default() -> None:
    previous = IndexManifest(
        "vgg19-slim", "a" * 16, "b" * 16, [], "", 0, search=SearchSettings(memory_budget=5000)
    )
    assert wanted_search(10, 700, previous) == SearchSettings(FLAT, 700)
    assert wanted_search(10, None, previous) == SearchSettings(FLAT, 5000)
    assert wanted_search(10, None, None) == SearchSettings(FLAT, MEMORY_BUDGET)
    assert wanted_search(MAX_FLAT + 1, None, None).kind == HNSW
    assert wanted_search(MAX_FLAT + 1, None, previous).kind == IVFPQ


@pytest.mark.parametrize(
    "other", ["", "shards", "count", "unusable", "kind", "budget", "index.faiss", "no index.faiss"]
)
def test_an_index_is_complete_if_all_is_as_it_should_be(tmp_path: Path, other: str) -> None:
    (tmp_path / FAISS).write_bytes(b"an index")
    shards, search = [ShardEntry("a.h5", 2, "")], SearchSettings(FLAT, 5000)
    previous = IndexManifest(
        "vgg19-slim",
        "a" * 16,
        "b" * 16,
        shards,
        file_sha256(tmp_path / FAISS),
        2,
        unusable=1,
        search=search,
    )
    live = {b"%d" % i: ShardRow(SHARD, i, 1, 1) for i in range(2)}
    if other == "shards":
        live[b"1"] = ShardRow(Path("b.h5"), 0, 1, 1)
    elif other == "count":
        live[b"2"] = ShardRow(SHARD, 2, 1, 1)
    elif other == "index.faiss":
        (tmp_path / FAISS).write_bytes(b"another")
    elif other == "no index.faiss":
        (tmp_path / FAISS).unlink()
    wanted = {"kind": SearchSettings(HNSW, 5000), "budget": SearchSettings(FLAT, 6000)}.get(
        other, search
    )
    assert is_complete(previous, tmp_path, live, 0 if other == "unusable" else 1, wanted) == (
        not other
    )
