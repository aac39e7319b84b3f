import hashlib
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
from index_state import known_photos

from retrieval.building.commit import commit
from retrieval.safe_files import file_sha256
from retrieval.storage.descriptors import Descriptors
from retrieval.storage.inventory import ShardRow, rewritten_name, unfinished_shards
from retrieval.storage.manifest import FEATURES, IndexManifest, ShardEntry, read_manifest
from retrieval.storage.shards import PhotoRow, Photos, read_photos, write_shard

KEY = "k" * 16
EMPTY = IndexManifest("vgg19-slim", "a" * 16, "b" * 16, [], "", 0)


def write(index_dir: Path, stem: str, numbers: list[int], size: int = 10, key: str = KEY) -> Path:
    """A shard of photos with the given numbers.

    What it says of their looks does not matter here.
    """
    folder, count = index_dir / FEATURES, len(numbers)
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        PhotoRow(b"/p", b"%d.jpg" % n, size, 5, hashlib.sha256(b"%d" % n).digest()) for n in numbers
    ]
    looks = (np.zeros((count, *shape), np.float16) for shape in ((128,), (49, 64), (49, 10)))
    empty = Descriptors(
        *looks,
        np.zeros((count, 49, 2), np.int8),
        np.zeros(count, np.int16),
        np.zeros(count, np.float16),
    )
    return write_shard(folder / f"{stem * 16}.h5", Photos.of(rows), empty, key)


def named(*shards: Path) -> IndexManifest:
    return IndexManifest(
        **{
            **EMPTY.__dict__,
            "shards": [ShardEntry(s.name, len(read_photos(s)), file_sha256(s)) for s in shards],
        }
    )


def test_shards_of_the_manifest_and_finished_ones_are_known(tmp_path: Path) -> None:
    first, orphan = write(tmp_path, "a", [0, 1]), write(tmp_path, "b", [2])
    known = known_photos(tmp_path, KEY, named(first))
    assert known == {
        b"/p/0.jpg": ShardRow(first, 0, 10, 5),
        b"/p/1.jpg": ShardRow(first, 1, 10, 5),
        b"/p/2.jpg": ShardRow(orphan, 0, 10, 5),
    }
    assert known[b"/p/0.jpg"].stamp == (10, 5)
    assert known_photos(tmp_path, KEY, None).keys() == known.keys()


def test_the_newest_description_of_a_photo_counts(tmp_path: Path) -> None:
    newest, indexed, older = (
        write(tmp_path, "a", [0], 30),
        write(tmp_path, "b", [0, 1], 10),
        write(tmp_path, "c", [0], 20),
    )
    # a file's age says nothing of a shard in the manifest
    for seconds, shard in enumerate((older, newest, indexed)):
        os.utime(shard, (seconds, seconds))
    known = known_photos(tmp_path, KEY, named(indexed))
    assert known == {
        b"/p/0.jpg": ShardRow(newest, 0, 30, 5),
        b"/p/1.jpg": ShardRow(indexed, 1, 10, 5),
    }


def test_shards_that_are_damaged_missing_or_of_other_settings_are_not_known(tmp_path: Path) -> None:
    good, damaged, missing = (
        write(tmp_path, "a", [0]),
        write(tmp_path, "b", [1]),
        write(tmp_path, "c", [2]),
    )
    write(tmp_path, "d", [3], key="x" * 16)
    damaged.write_bytes(damaged.read_bytes()[:900])
    manifest = named(good, missing)
    missing.unlink()
    assert known_photos(tmp_path, KEY, manifest).keys() == {b"/p/0.jpg"}


def test_shards_with_another_checksum_than_the_manifests_are_not_known(tmp_path: Path) -> None:
    good, flipped = write(tmp_path, "a", [0]), write(tmp_path, "b", [1])
    manifest = named(good, flipped)
    data = bytearray(flipped.read_bytes())
    data[-100] ^= 1
    flipped.write_bytes(data)
    assert known_photos(tmp_path, KEY, manifest).keys() == {b"/p/0.jpg"}


def test_unfinished_shards_are_not_replaced_and_built_from_photos(tmp_path: Path) -> None:
    indexed = write(tmp_path, "a", [0])
    commit(known_photos(tmp_path, KEY, None), tmp_path, EMPTY)
    replaced = ["b" * 16 + ".h5"]
    manifest = replace(read_manifest(tmp_path), replaced=replaced)
    old, young, youngest = (write(tmp_path, name, [i]) for i, name in enumerate("bcd", 1))
    rewritten = young.rename(young.with_name(rewritten_name()))
    young = write(tmp_path, "c", [2])
    written = (tmp_path / "index.json").stat().st_mtime_ns
    for path, later in (
        (old, 4_000_000),
        (youngest, 2_000_000),
        (young, 1_000_000),
        (rewritten, 3_000_000),
    ):
        os.utime(path, ns=(written + later, written + later))
    (tmp_path / FEATURES / "notes.h5").touch()
    assert unfinished_shards(tmp_path, manifest) == [young, youngest]
    assert known_photos(tmp_path, KEY, manifest).keys() == {b"/p/0.jpg", b"/p/2.jpg", b"/p/3.jpg"}
    assert set(unfinished_shards(tmp_path, None)) == {indexed, old, young, youngest}


def test_unfinished_shards_come_in_the_order_in_which_they_were_made(tmp_path: Path) -> None:
    stems = ["b", "c", "a"]
    for second, stem in enumerate(stems):
        os.utime(write(tmp_path, stem, [second]), (second, second))
    found = unfinished_shards(tmp_path, None)
    assert [path.name[0] for path in found] == stems
