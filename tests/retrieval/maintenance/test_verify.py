import json
import shutil
from dataclasses import asdict
from pathlib import Path

import faiss
import numpy as np
import pytest
from index_state import Build, only

from retrieval.extraction.pca import load_projections, save_projections
from retrieval.maintenance import verify as module
from retrieval.maintenance.verify import verify_index
from retrieval.safe_files import file_sha256
from retrieval.search.faiss_index import exact_index
from retrieval.storage.manifest import FAISS, FEATURES, MANIFEST, SCHEMA, read_manifest
from retrieval.storage.shards import read_descriptors


def edit(index_dir: Path, **changes: object) -> None:
    data = json.loads((index_dir / MANIFEST).read_text())
    (index_dir / MANIFEST).write_text(json.dumps(data | changes))


def test_a_sound_index(own_index: Path) -> None:
    seen: list[tuple[int, int]] = []
    assert verify_index(own_index, progress=lambda *numbers: seen.append(numbers)) == []
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert verify_index(own_index, with_photos=False) == []


def test_nothing_is_written(own_index: Path) -> None:
    before = {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in own_index.rglob("*")}
    verify_index(own_index)
    assert {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in own_index.rglob("*")} == before


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        ("missing", "missing"),
        ("truncated", "damaged, its checksum is not the one in index.json"),
        ("flipped", "damaged, its checksum is not the one in index.json"),
    ],
)
def test_a_damaged_shard(
    own_index: Path, photo_dir: Path, build: Build, damage: str, problem: str
) -> None:
    shard = own_index / FEATURES / read_manifest(own_index).shards[1].file
    data = bytearray(shard.read_bytes())
    if damage == "missing":
        shard.unlink()
    elif damage == "truncated":
        shard.write_bytes(data[:-100])
    else:
        data[-2000] ^= 1
        shard.write_bytes(data)
    found = only(verify_index(own_index))
    assert (found.path, found.problem) == (shard, problem)
    assert (
        found.cure
        == f"describe its photos again: rechroma build-index {photo_dir} --index {own_index}"
    )
    report = build(photo_dir, own_index)
    assert (report.count, report.added, report.kept) == (4, 1, 3)
    assert verify_index(own_index) == []


@pytest.mark.parametrize("damage", ["missing", "truncated", "flipped"])
def test_a_damaged_faiss_file(own_index: Path, photo_dir: Path, build: Build, damage: str) -> None:
    path = own_index / FAISS
    data = bytearray(path.read_bytes())
    if damage == "missing":
        path.unlink()
    elif damage == "truncated":
        path.write_bytes(data[:-4])
    else:
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    found = only(verify_index(own_index))
    assert found.path == path
    assert found.problem == (
        "missing" if damage == "missing" else "damaged, its checksum is not the one in index.json"
    )
    assert found.cure.endswith(
        f"write it again: rechroma build-index {photo_dir} --index {own_index}"
    )
    assert build(photo_dir, own_index).kept == 4
    assert verify_index(own_index) == []


@pytest.mark.parametrize(
    ("kind", "told"), [("flat", "only opening is slower"), ("hnsw", "compare all photos, slowly")]
)
def test_what_a_lost_faiss_file_costs(own_index: Path, kind: str, told: str) -> None:
    (own_index / FAISS).unlink()
    edit(own_index, search=asdict(read_manifest(own_index).search) | {"kind": kind})
    assert told in only(verify_index(own_index)).cure


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("three photos", "holds 3 photos, index.json says 4"),
        ("another order", "its descriptors are not those of "),
        ("text", "not an index of faiss"),
    ],
)
def test_a_faiss_file_that_is_not_that_of_the_shards(
    own_index: Path, content: str, problem: str
) -> None:
    shards = [own_index / FEATURES / s.file for s in read_manifest(own_index).shards]
    vectors = np.concatenate([read_descriptors(s).global_ for s in shards])
    index = exact_index([vectors[:3] if content == "three photos" else vectors[::-1]])
    data = b"text" if content == "text" else faiss.serialize_index(index).tobytes()
    (own_index / FAISS).write_bytes(data)
    edit(own_index, faiss_sha256=file_sha256(own_index / FAISS))
    found = only(verify_index(own_index))
    assert found.path == own_index / FAISS
    assert found.problem.startswith(problem)
    assert found.cure.endswith("--overwrite")


@pytest.mark.parametrize("damage", ["missing", "text", "others"])
def test_damaged_projections(own_index: Path, photo_dir: Path, build: Build, damage: str) -> None:
    path = own_index / read_manifest(own_index).pca_file
    global_, local = load_projections(path)
    path.unlink()
    if damage == "text":
        path.write_text("text")
    if damage == "others":
        save_projections(path, global_, type(local)(local.mean + 1, local.components), "0" * 16)
    found = only(verify_index(own_index))
    assert found.path == path
    assert found.problem.startswith("missing" if damage == "missing" else "damaged")
    build(photo_dir, own_index)
    assert verify_index(own_index) == []


def test_counts_that_do_not_fit(own_index: Path) -> None:
    edit(own_index, count=5)
    found = {(f.path.name, f.problem) for f in verify_index(own_index)}
    assert found == {
        (MANIFEST, "says 5 photos, its shards hold 4"),
        (FAISS, "holds 4 photos, index.json says 5"),
    }


def test_a_photo_that_is_in_two_shards(own_index: Path) -> None:
    manifest = read_manifest(own_index)
    first = manifest.shards[0]
    shutil.copy(own_index / FEATURES / first.file, own_index / FEATURES / "0123456789abcdef.h5")
    shards = [s.__dict__ for s in manifest.shards]
    edit(own_index, shards=[*shards, {**first.__dict__, "file": "0123456789abcdef.h5"}], count=7)
    assert "3 photos are in it twice" in [f.problem for f in verify_index(own_index)]


def test_several_findings_at_once(own_index: Path, photo_dir: Path) -> None:
    for entry in read_manifest(own_index).shards:
        (own_index / FEATURES / entry.file).write_bytes(b"text")
    (own_index / FAISS).unlink()
    found = verify_index(own_index)
    assert len(found) == 3
    # no shard is left that names the folders, but index.json does
    assert f"build-index {photo_dir} --index" in found[0].cure


def test_what_a_builder_has_half_replaced_is_looked_at_again(
    own_index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = (own_index / FAISS).read_bytes()
    (own_index / FAISS).write_bytes(whole[:-1])
    monkeypatch.setattr(module.time, "sleep", lambda _: (own_index / FAISS).write_bytes(whole))
    assert verify_index(own_index) == []


def test_a_shard_that_a_builder_has_swept(own_index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = module.read_photos
    calls: list[Path] = []

    def swept(path: Path) -> object:
        calls.append(path)
        if len(calls) == 1:
            raise FileNotFoundError(2, "No such file or directory", str(path))
        return real(path)

    monkeypatch.setattr(module, "read_photos", swept)
    assert verify_index(own_index) == []


@pytest.mark.parametrize(
    ("content", "error"),
    [("{", "damaged"), (json.dumps({"schema": SCHEMA + 1}), "update rechroma")],
)
def test_an_index_json_that_cannot_be_read(own_index: Path, content: str, error: str) -> None:
    (own_index / MANIFEST).write_text(content)
    with pytest.raises(ValueError, match=rf"index\.json: .*{error}"):
        verify_index(own_index)


def test_an_index_that_is_replaced_meanwhile_is_checked_anew(
    own_index: Path, photo_dir: Path, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale = read_manifest(own_index)
    build(photo_dir, own_index, overwrite=True)
    answers = iter([stale])
    monkeypatch.setattr(
        module, "read_manifest", lambda folder: next(answers, None) or read_manifest(folder)
    )
    assert verify_index(own_index) == []
