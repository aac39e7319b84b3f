import hashlib
import os
from pathlib import Path

import faiss
import numpy as np
import pytest
from index_state import known_photos

from retrieval.building.commit import commit
from retrieval.safe_files import file_sha256
from retrieval.storage.descriptors import Descriptors
from retrieval.storage.inventory import indexed_photos, unfinished_shards
from retrieval.storage.manifest import FAISS, FEATURES, MANIFEST, IndexManifest, read_manifest
from retrieval.storage.shards import PhotoRow, Photos, read_descriptors, read_photos, write_shard

EMPTY = IndexManifest("vgg19-slim", "a" * 16, "b" * 16, [], "", 0)
KEY = EMPTY.key


def described(numbers: list[int]) -> Descriptors:
    """Descriptors that tell their photo: the label is its number."""
    rng = np.random.default_rng(numbers[0])
    count = len(numbers)
    return Descriptors(
        rng.random((count, 128)).astype(np.float16),
        rng.random((count, 49, 64)).astype(np.float16),
        rng.random((count, 49, 10)).astype(np.float16),
        rng.integers(-60, 61, (count, 49, 2)).astype(np.int8),
        np.array(numbers, np.int16),
        np.full(count, 30, np.float16),
    )


def write(index_dir: Path, stem: str, numbers: list[int]) -> Path:
    folder = index_dir / FEATURES
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        PhotoRow(b"/p", b"%d.jpg" % n, 10, 5, hashlib.sha256(b"%d" % n).digest()) for n in numbers
    ]
    return write_shard(folder / f"{stem * 16}.h5", Photos.of(rows), described(numbers), KEY)


def test_commit_keeps_whole_shards_and_rewrites_those_that_lost_photos(tmp_path: Path) -> None:
    whole, lost, gone = (
        write(tmp_path, "a", [0, 1]),
        write(tmp_path, "b", [2, 3, 4]),
        write(tmp_path, "c", [5]),
    )
    before = whole.read_bytes()
    live = known_photos(tmp_path, KEY, None)
    for number in (3, 5):
        del live[b"/p/%d.jpg" % number]
    commit(live, tmp_path, IndexManifest(**{**EMPTY.__dict__, "count": 4}))

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
    np.testing.assert_array_equal(
        faiss.read_index(str(tmp_path / FAISS)).reconstruct_n(0, 4), vectors
    )


def test_commit_leaves_everything_readable_if_the_manifest_cannot_be_written(
    tmp_path: Path,
) -> None:
    shard = write(tmp_path, "a", [0, 1, 2])
    live = known_photos(tmp_path, KEY, None)
    commit(live, tmp_path, EMPTY)
    before = read_manifest(tmp_path)

    def disk_full(*_: object) -> None:
        raise OSError("No space left on device")

    del live[b"/p/1.jpg"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(IndexManifest, "write", disk_full)
        with pytest.raises(OSError, match="No space left"):
            commit(live, tmp_path, EMPTY)
    assert read_manifest(tmp_path) == before
    assert len(read_photos(shard)) == 3


def test_an_interrupt_when_the_manifest_is_there_leaves_what_it_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shard = write(tmp_path, "a", [0, 1, 2])
    commit(known_photos(tmp_path, KEY, None), tmp_path, EMPTY)
    live = known_photos(tmp_path, KEY, None)
    del live[b"/p/1.jpg"]
    real = IndexManifest.write

    def interrupted(manifest: IndexManifest, folder: Path) -> None:
        real(manifest, folder)
        raise KeyboardInterrupt

    monkeypatch.setattr(IndexManifest, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        commit(live, tmp_path, EMPTY)
    (entry,) = read_manifest(tmp_path).shards
    assert entry.file != shard.name
    assert len(read_photos(tmp_path / FEATURES / entry.file)) == 2


def test_projections_no_longer_named_are_removed(tmp_path: Path) -> None:
    write(tmp_path, "a", [0])
    for name in (EMPTY.pca_file, "pca-0000000000000000.safetensors", "notes.safetensors"):
        (tmp_path / name).touch()
    commit(known_photos(tmp_path, KEY, None), tmp_path, EMPTY)
    assert {p.name for p in tmp_path.glob("*.safetensors")} == {EMPTY.pca_file, "notes.safetensors"}


def test_shards_of_an_unfinished_build_are_spared(tmp_path: Path) -> None:
    write(tmp_path, "a", [0, 1])
    commit(known_photos(tmp_path, KEY, None), tmp_path, EMPTY)
    before = read_manifest(tmp_path)
    waiting, stale = write(tmp_path, "b", [2]), write(tmp_path, "c", [3])
    live = known_photos(tmp_path, KEY, before)
    commit({name: live[name] for name in (b"/p/0.jpg",)}, tmp_path, EMPTY, [waiting])
    assert waiting.exists()
    assert not stale.exists()
    assert unfinished_shards(tmp_path, read_manifest(tmp_path)) == [waiting]
    assert [
        read_photos(tmp_path / FEATURES / s.file).absolute(0)
        for s in read_manifest(tmp_path).shards
    ] == [b"/p/0.jpg"]


def age(index_dir: Path, seconds: int) -> None:
    """Give all files one time, as file systems do whose clock is coarse."""
    for path in (index_dir / MANIFEST, *(index_dir / FEATURES).iterdir()):
        os.utime(path, (seconds, seconds))


def test_shards_of_an_unfinished_build_count_where_times_are_coarse(tmp_path: Path) -> None:
    write(tmp_path, "a", [0, 1])
    commit(known_photos(tmp_path, KEY, None), tmp_path, EMPTY)
    waiting = write(tmp_path, "b", [2])
    age(tmp_path, 1000)
    assert unfinished_shards(tmp_path, read_manifest(tmp_path)) == [waiting]
    live = indexed_photos(tmp_path, KEY, read_manifest(tmp_path))
    commit(live, tmp_path, EMPTY, [waiting])
    age(tmp_path, 1000)
    assert unfinished_shards(tmp_path, read_manifest(tmp_path)) == [waiting]


def test_a_shard_that_was_replaced_is_not_taken_over_where_times_are_coarse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = write(tmp_path, "a", [0, 1])
    live = known_photos(tmp_path, KEY, None)
    del live[b"/p/1.jpg"]

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("retrieval.building.commit.remove_unnamed", dies)
    with pytest.raises(KeyboardInterrupt):
        commit(live, tmp_path, EMPTY)
    assert lost.exists()
    age(tmp_path, 1000)
    os.utime(lost, (2000, 2000))
    assert read_manifest(tmp_path).replaced == [lost.name]
    assert unfinished_shards(tmp_path, read_manifest(tmp_path)) == []
