import hashlib
import os
from pathlib import Path

import faiss
import numpy as np
import pytest

from retrieval.commit import Known, commit, known_photos, rewritten_name, unfinished
from retrieval.descriptors import Descriptors
from retrieval.manifest import FAISS, FEATURES, Manifest, ShardEntry, read_manifest
from retrieval.shards import Photos, file_sha256, read_descriptors, read_photos, write_shard

KEY = "k" * 16
EMPTY = Manifest("vgg19-slim", "a" * 16, "b" * 16, [], "", 0)


def described(numbers: list[int]) -> Descriptors:
    """Descriptors that tell their photo: the label is its number."""
    rng = np.random.default_rng(numbers[0])
    count = len(numbers)
    return Descriptors(
        rng.random((count, 128)).astype(np.float16),
        rng.random((count, 49, 64)).astype(np.float16),
        rng.random((count, 49, 10)).astype(np.float16),
        np.array(numbers, np.int16),
        np.full(count, 30, np.float16),
    )


def write(index_dir: Path, stem: str, numbers: list[int], size: int = 10, key: str = KEY) -> Path:
    folder = index_dir / FEATURES
    folder.mkdir(parents=True, exist_ok=True)
    rows = [(b"/p", b"%d.jpg" % n, size, 5, hashlib.sha256(b"%d" % n).digest()) for n in numbers]
    return write_shard(folder / f"{stem * 16}.h5", Photos.of(rows), described(numbers), key)


def named(*shards: Path) -> Manifest:
    return Manifest(**{**EMPTY.__dict__, "shards": [ShardEntry(s.name, len(read_photos(s)), file_sha256(s)) for s in shards]})


# What is known


def test_shards_of_the_manifest_and_finished_ones_are_known(tmp_path: Path) -> None:
    first, orphan = write(tmp_path, "a", [0, 1]), write(tmp_path, "b", [2])
    known = known_photos(tmp_path, KEY, named(first))
    assert known == {
        b"/p/0.jpg": Known(first, 0, 10, 5), b"/p/1.jpg": Known(first, 1, 10, 5), b"/p/2.jpg": Known(orphan, 0, 10, 5),
    }  # fmt: skip
    assert known[b"/p/0.jpg"].stamp == (10, 5)
    assert known_photos(tmp_path, KEY, None).keys() == known.keys()


def test_the_newest_description_of_a_photo_counts(tmp_path: Path) -> None:
    newest, indexed, older = write(tmp_path, "a", [0], 30), write(tmp_path, "b", [0, 1], 10), write(tmp_path, "c", [0], 20)
    for seconds, shard in enumerate((older, newest, indexed)):  # a file's age says nothing of a shard in the manifest
        os.utime(shard, (seconds, seconds))
    known = known_photos(tmp_path, KEY, named(indexed))
    assert known == {b"/p/0.jpg": Known(newest, 0, 30, 5), b"/p/1.jpg": Known(indexed, 1, 10, 5)}


def test_shards_that_are_damaged_missing_or_of_other_settings_are_not_known(tmp_path: Path) -> None:
    good, damaged, missing = write(tmp_path, "a", [0]), write(tmp_path, "b", [1]), write(tmp_path, "c", [2])
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


def test_unfinished_shards_are_younger_than_the_manifest_and_built_from_photos(tmp_path: Path) -> None:
    indexed = write(tmp_path, "a", [0])
    commit(known_photos(tmp_path, KEY, None), tmp_path, KEY, EMPTY)
    manifest = read_manifest(tmp_path)
    old, young, youngest = (write(tmp_path, name, [i]) for i, name in enumerate("bcd", 1))
    rewritten = young.rename(young.with_name(rewritten_name()))
    young = write(tmp_path, "c", [2])
    written = (tmp_path / "index.json").stat().st_mtime_ns
    for path, later in ((old, -1), (youngest, 2_000_000), (young, 1_000_000), (rewritten, 3_000_000)):
        os.utime(path, ns=(written + later, written + later))
    (tmp_path / FEATURES / "notes.h5").touch()
    assert unfinished(tmp_path, manifest) == [young, youngest]
    assert known_photos(tmp_path, KEY, manifest).keys() == {b"/p/0.jpg", b"/p/2.jpg", b"/p/3.jpg"}
    assert set(unfinished(tmp_path, None)) == {indexed, old, young, youngest}


# Completing


def test_commit_keeps_whole_shards_and_rewrites_those_that_lost_photos(tmp_path: Path) -> None:
    whole, lost, gone = write(tmp_path, "a", [0, 1]), write(tmp_path, "b", [2, 3, 4]), write(tmp_path, "c", [5])
    before = whole.read_bytes()
    live = known_photos(tmp_path, KEY, None)
    for number in (3, 5):
        del live[b"/p/%d.jpg" % number]
    commit(live, tmp_path, KEY, Manifest(**{**EMPTY.__dict__, "count": 4}))

    manifest = read_manifest(tmp_path)
    assert (manifest.count, [s.count for s in manifest.shards]) == (4, [2, 2])
    assert manifest.shards[0].file == whole.name
    assert whole.read_bytes() == before
    assert not lost.exists()
    assert not gone.exists()
    shards = [tmp_path / FEATURES / s.file for s in manifest.shards]
    assert sorted((tmp_path / FEATURES).iterdir()) == sorted(shards)
    assert [s.sha256 for s in manifest.shards] == [file_sha256(s) for s in shards]
    assert manifest.faiss_sha256 == file_sha256(tmp_path / FAISS)
    assert [read_photos(shards[1]).absolute(i) for i in (0, 1)] == [b"/p/2.jpg", b"/p/4.jpg"]
    rewritten, original = read_descriptors(shards[1]), described([2, 3, 4]).take(np.array([0, 2]))
    for name in ("global_", "local", "histogram", "label", "chroma"):
        np.testing.assert_array_equal(getattr(rewritten, name), getattr(original, name))
    vectors = np.concatenate([read_descriptors(s).global_ for s in shards]).astype(np.float32)
    np.testing.assert_array_equal(faiss.read_index(str(tmp_path / FAISS)).reconstruct_n(0, 4), vectors)


def test_commit_leaves_everything_readable_if_the_manifest_cannot_be_written(tmp_path: Path) -> None:
    shard = write(tmp_path, "a", [0, 1, 2])
    live = known_photos(tmp_path, KEY, None)
    commit(live, tmp_path, KEY, EMPTY)
    before = read_manifest(tmp_path)

    def disk_full(*_: object) -> None:
        raise OSError("No space left on device")

    del live[b"/p/1.jpg"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Manifest, "write", disk_full)
        with pytest.raises(OSError, match="No space left"):
            commit(live, tmp_path, KEY, EMPTY)
    assert read_manifest(tmp_path) == before
    assert len(read_photos(shard)) == 3


def test_projections_no_longer_named_are_removed(tmp_path: Path) -> None:
    write(tmp_path, "a", [0])
    for name in (EMPTY.pca_file, "pca-0000000000000000.safetensors", "notes.safetensors"):
        (tmp_path / name).touch()
    commit(known_photos(tmp_path, KEY, None), tmp_path, KEY, EMPTY)
    assert {p.name for p in tmp_path.glob("*.safetensors")} == {EMPTY.pca_file, "notes.safetensors"}


def test_shards_of_an_unfinished_build_are_spared(tmp_path: Path) -> None:
    write(tmp_path, "a", [0, 1])
    commit(known_photos(tmp_path, KEY, None), tmp_path, KEY, EMPTY)
    before = read_manifest(tmp_path)
    waiting, stale = write(tmp_path, "b", [2]), write(tmp_path, "c", [3])
    live = known_photos(tmp_path, KEY, before)
    commit({name: live[name] for name in (b"/p/0.jpg",)}, tmp_path, KEY, EMPTY, [waiting])
    assert waiting.exists()
    assert not stale.exists()
    assert unfinished(tmp_path, read_manifest(tmp_path)) == [waiting]
    assert [read_photos(tmp_path / FEATURES / s.file).absolute(0) for s in read_manifest(tmp_path).shards] == [b"/p/0.jpg"]
