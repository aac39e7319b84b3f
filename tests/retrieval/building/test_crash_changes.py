"""Changes of an index that are killed: it stays the one before or becomes the one after."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from index_state import known_photos, rows

from retrieval.building.commit import commit
from retrieval.extraction.pca import Projection, hash_projections, save_projections
from retrieval.maintenance.verify import verify_index
from retrieval.search.photo_index import PhotoIndex
from retrieval.storage.descriptors import Descriptors
from retrieval.storage.manifest import FEATURES, IndexManifest, read_manifest
from retrieval.storage.shards import PhotoRow, Photos, write_shard

Order = Callable[..., int]


def made_index(index_dir: Path, photos: Path, numbers: list[int], rng: np.random.Generator) -> Path:
    """An index of small files with made descriptors, four photos a shard."""
    (index_dir / FEATURES).mkdir(parents=True)
    photos.mkdir(parents=True, exist_ok=True)
    one = [
        Projection(np.zeros(n, np.float32), np.eye(k, n, dtype=np.float32))
        for k, n in ((128, 130), (64, 70))
    ]
    manifest = IndexManifest("vgg19-slim", "a" * 16, hash_projections(*one), [], "", len(numbers))
    save_projections(index_dir / manifest.pca_file, *one, "a" * 16)
    for start in range(0, len(numbers), 4):
        made = []
        for n in numbers[start : start + 4]:
            path = photos / f"{n}.jpg"
            path.write_bytes(b"%d" % n)
            stat = path.stat()
            row = PhotoRow(
                str(photos).encode(),
                path.name.encode(),
                stat.st_size,
                stat.st_mtime_ns,
                hashlib.sha256(b"%d" % n).digest(),
            )
            made.append(row)
        shapes = (len(made), 128), (len(made), 49, 64), (len(made), 49, 10)
        parts = [rng.random(shape).astype(np.float16) for shape in shapes]
        described = Descriptors(
            *parts,
            np.zeros((len(made), 49, 2), np.int8),
            np.zeros(len(made), np.int16),
            np.full(len(made), 30, np.float16),
        )
        write_shard(
            index_dir / FEATURES / f"{int(rng.integers(2**60)):016x}.h5",
            Photos.of(made),
            described,
            manifest.key,
        )
    commit(known_photos(index_dir, manifest.key, None), index_dir, manifest)
    return index_dir


@pytest.mark.parametrize("what", ["remove", "relink", "merge", "merge into one"])
def test_a_change_happens_wholly_or_not_at_all(
    tmp_path: Path, order: Order, rng: np.random.Generator, what: str
) -> None:
    start = made_index(tmp_path / "start", tmp_path / "photos", list(range(10)), rng)
    other = made_index(tmp_path / "other", tmp_path / "photos", list(range(8, 14)), rng)
    before = rows(start)
    if what == "relink":
        (tmp_path / "photos").rename(tmp_path / "moved")
    copy, out = tmp_path / "copy", tmp_path / ("out" if what == "merge" else "copy")
    arguments = {"remove": (copy, "[159].jpg"), "relink": (copy, tmp_path / "moved")}.get(
        what, (copy, other, out)
    )
    verb = what.split()[0]

    def fresh() -> None:
        for place in {copy, out}:
            shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(start, copy)

    fresh()
    assert order(verb, *arguments) == 0
    after = rows(out)
    assert after != before
    deaths = 0
    for is_after in (False, True):
        for number in range(1, 20):
            fresh()
            if order(verb, *arguments, die_at=(number, is_after)) == 0:
                break  # it puts fewer files in their places
            deaths += 1
            if (out / "index.json").exists():
                assert rows(out) in (before, after)
                assert verify_index(out, with_photos=False) in ([], verify_faiss(out))
                PhotoIndex.open(out)
                manifest = read_manifest(out)
                # a later build adds nothing
                assert known_photos(out, manifest.key, manifest).keys() == rows(out).keys()
            else:
                assert what == "merge"
                assert known_photos(out, read_manifest(copy).key, None) == {}
            if not (out / "index.json").exists() or rows(out) == before:
                assert order(verb, *arguments) == 0
            assert rows(out) == after
            assert verify_index(out, with_photos=False) == []
    assert deaths >= 6


def verify_faiss(index_dir: Path) -> list[object]:
    """What verify says where index.faiss is new and index.json is not yet.

    That only this derived file does not fit.
    """
    return [f for f in verify_index(index_dir, with_photos=False) if f.path.name == "index.faiss"]
