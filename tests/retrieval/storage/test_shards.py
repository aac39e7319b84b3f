import hashlib
import resource
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import h5py
import numpy as np
import pytest

from retrieval.safe_files import file_sha256
from retrieval.storage import shards
from retrieval.storage.descriptors import Descriptors
from retrieval.storage.shards import (
    PhotoRow,
    Photos,
    ShardReader,
    read_descriptors,
    read_photos,
    shard_key,
    shard_problem,
    write_shard,
)

NAMES = (b"a.jpg", b"deep/er/b c.png", b"caf\xe9.jpg", "caf\u00e9 \u732b.jpg".encode(), b"x" * 200)


def photos(names: tuple[bytes, ...] = NAMES) -> Photos:
    roots = (b"/p", b"/photos/\xff")
    rows = [
        PhotoRow(roots[i % 2], name, 10 + i, 10**18 + i, hashlib.sha256(name).digest())
        for i, name in enumerate(names)
    ]
    return Photos.of(rows)


def test_photos_hold_each_attribute_of_their_rows() -> None:
    rows = [
        PhotoRow(b"/p", b"a.jpg", 10, 5, b"x" * 32),
        PhotoRow(b"/q", b"b.jpg", 20, 7, bytes(32)),
    ]
    found = Photos.of(rows)
    for name in PhotoRow._fields[:4]:
        assert list(getattr(found, name)) == [getattr(row, name) for row in rows]
    assert [digest.tobytes() for digest in found.sha256] == [row.sha256 for row in rows]


def descriptors(count: int) -> Descriptors:
    rng = np.random.default_rng(0)
    return Descriptors(
        rng.random((count, 128)).astype(np.float16),
        rng.random((count, 49, 64)).astype(np.float16),
        rng.random((count, 49, 10)).astype(np.float16),
        rng.integers(-60, 61, (count, 49, 2)).astype(np.int8),
        rng.integers(0, 1000, count).astype(np.int16),
        rng.random(count).astype(np.float16),
    )


def same(a: object, b: object) -> bool:
    return all(np.array_equal(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    return write_shard(tmp_path / "0123.h5", photos(), descriptors(len(NAMES)), "k" * 16)


def test_round_trip_keeps_every_byte(shard: Path) -> None:
    assert same(read_photos(shard), photos())
    assert same(read_descriptors(shard), descriptors(len(NAMES)))
    assert shard_key(shard) == "k" * 16
    assert [p.name for p in shard.parent.iterdir()] == [shard.name]


def test_reader_sees_the_same_numbers_without_loading_them(shard: Path) -> None:
    views = ShardReader(shard).descriptors
    assert same(views, descriptors(len(NAMES)))
    for f in fields(views):
        assert isinstance(getattr(views, f.name), np.memmap)
        assert not getattr(views, f.name).flags.writeable


def test_datasets_are_plain(shard: Path) -> None:
    with h5py.File(shard) as file:
        assert file.attrs["count"] == len(NAMES)
        for dataset in file.values():
            assert dataset.chunks is None
            assert dataset.compression is None


def test_a_failed_write_leaves_no_shard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def disk_full(*_: object, **__: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(shards.h5py.File, "create_dataset", disk_full)
    with pytest.raises(OSError, match="No space left"):
        write_shard(tmp_path / "0123.h5", photos(), descriptors(len(NAMES)), "k")
    assert not (tmp_path / "0123.h5").exists()


@pytest.mark.parametrize("damage", ["truncated", "text", "empty"])
def test_what_is_no_complete_shard_is_an_os_error(shard: Path, damage: str) -> None:
    data = shard.read_bytes()
    shard.write_bytes(
        {"truncated": data[: len(data) // 2], "text": b"not a shard\n" * 100, "empty": b""}[damage]
    )
    for read in (shard_key, read_photos, read_descriptors, ShardReader):
        with pytest.raises(OSError):
            read(shard)


def test_absolute_joins_bytes() -> None:
    rows = photos()
    assert rows.absolute(0) == b"/p/a.jpg"
    assert rows.absolute(1) == b"/photos/\xff/deep/er/b c.png"


def test_take_and_join() -> None:
    rows = photos()
    joined = Photos.join([rows.take(np.array([0, 1])), rows.take(np.array([2, 3, 4]))])
    assert len(joined) == 5
    assert same(joined, rows)
    taken = rows.take(np.array([3, 1]))
    assert [taken.absolute(i) for i in (0, 1)] == [rows.absolute(3), rows.absolute(1)]
    assert taken.sha256[0].tobytes() == hashlib.sha256(NAMES[3]).digest()


def test_file_sha256(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    # FIPS 180-2, appendix B.1
    assert (
        file_sha256(tmp_path / "x")
        == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


def test_an_error_names_the_shard(shard: Path) -> None:
    with h5py.File(shard, "a") as file:
        del file["path"], file["label"]
        del file.attrs["key"]
    for read in (shard_key, read_photos, read_descriptors, ShardReader):
        with pytest.raises(OSError, match=f"{shard}: a damaged shard \\("):
            read(shard)
    with pytest.raises(FileNotFoundError):
        read_photos(shard.with_name("none.h5"))


@pytest.mark.parametrize("limit", [100, 3000, 20000])
def test_a_disk_that_fills_up_while_a_shard_is_written_is_an_error(
    tmp_path: Path, limit: int
) -> None:
    """In a process of its own, since HDF5 is known to end the process there."""
    code = f"""
import resource, sys
from pathlib import Path
import numpy as np
from retrieval.storage.descriptors import Descriptors
from retrieval.storage.shards import PhotoRow, Photos, write_shard
n = 5
rows = Photos.of([PhotoRow(b"/p", b"%d" % i, 1, 1, bytes(32)) for i in range(n)])
parts = (np.zeros((n, *s), np.float16) for s in ((128,), (49, 64), (49, 10)))
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, -1))
try:
    color = np.zeros((n, 49, 2), np.int8)
    found = Descriptors(*parts, color, np.zeros(n, np.int16), np.zeros(n, np.float16))
    write_shard(Path({str(tmp_path)!r}) / "0123.h5", rows, found, "k")
except OSError as error:
    print(error.filename, error.strerror)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    words = "File too large; what was there before is intact;"
    words += " free some space and run the same command again"
    assert done.stdout == f"{tmp_path / '0123.h5'} {words}\n"
    assert list(tmp_path.iterdir()) == []


def test_the_limit_of_open_files_is_raised_only_where_it_is_too_low(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limits = {"now": (1024, 4096)}
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits["now"])
    monkeypatch.setattr(resource, "setrlimit", lambda _, new: limits.update(now=new))
    shards.allow_open_files(1024 - shards.OTHER_FILES)
    assert limits["now"] == (1024, 4096)
    shards.allow_open_files(1000)
    assert limits["now"] == (1000 + shards.OTHER_FILES, 4096)
    shards.allow_open_files(10_000)  # as far as the system lets it
    assert limits["now"] == (4096, 4096)
    limits["now"] = (1024, resource.RLIM_INFINITY)
    shards.allow_open_files(10_000)
    assert limits["now"] == (10_000 + shards.OTHER_FILES, resource.RLIM_INFINITY)


def test_a_reader_holds_one_open_file(shard: Path) -> None:
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        pytest.skip("open files cannot be counted here")
    before = len(list(folder.iterdir()))
    readers = [ShardReader(shard) for _ in range(5)]
    assert len(list(folder.iterdir())) == before + len(readers)
    assert [readers[0].photos.absolute(i) for i in range(len(NAMES))] == [
        photos().absolute(i) for i in range(len(NAMES))
    ]


def test_what_is_wrong_with_a_shard_is_told(tmp_path: Path) -> None:
    path = write_shard(tmp_path / "a.h5", photos(), descriptors(len(NAMES)), "key")
    known = file_sha256(path)
    assert shard_problem(path, known, "key") == ""
    assert "other settings" in shard_problem(path, known, "another key")
    assert "checksum" in shard_problem(path, "0" * 64, "key")
    assert shard_problem(tmp_path / "b.h5", known, "key") == "missing"
    assert "cannot be read" in shard_problem(tmp_path, known, "key")
