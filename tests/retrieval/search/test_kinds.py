"""What people do with an index works for every kind of search."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from index_state import known_photos

from retrieval.building import commit as commit_module
from retrieval.building.commit import commit
from retrieval.extraction.pca import Projection, hash_projections, save_projections
from retrieval.maintenance.info import summarize
from retrieval.maintenance.merge import merge_indexes
from retrieval.maintenance.relink import relink
from retrieval.maintenance.remove import remove_photos
from retrieval.maintenance.verify import verify_index
from retrieval.safe_files import file_sha256
from retrieval.search.duplicate_groups import duplicate_groups
from retrieval.search.photo_index import PhotoIndex
from retrieval.search.ranking import local_ranking
from retrieval.storage import search_settings
from retrieval.storage.manifest import FAISS, FEATURES, MANIFEST, read_manifest
from retrieval.storage.search_settings import FLAT, HNSW, HNSW_BYTES, IVFPQ
from retrieval.storage.shards import PhotoRow, Photos, read_descriptors, write_shard

Large = Callable[[Path, str], Path]
KINDS = (FLAT, HNSW, IVFPQ)
MADE = 1200
CLASSES = {FLAT: "IndexFlatIP", HNSW: "IndexHNSWSQ", IVFPQ: "IndexIVFPQ"}


def described(index: PhotoIndex, row: int, **options: Any) -> list[tuple[str, float]]:
    """Names and scores of the references recommended for a photo of the index."""
    shard, inside = divmod(row, 500)
    path = index.index_dir / FEATURES / index.manifest.shards[shard].file
    found = index.rank(read_descriptors(path).take(np.array([inside])), **options)
    return [(one.path.name, one.score) for one in found]


def unsound(index_dir: Path) -> list[tuple[str, str]]:
    """Findings but that of the projections, which a made index has none of."""
    return [
        (f.path.name, f.problem)
        for f in verify_index(index_dir, with_photos=False)
        if "pca-" not in f.path.name
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_the_kind_is_noted_and_found_again(make_large: Large, tmp_path: Path, kind: str) -> None:
    make_large(tmp_path, kind)
    search = read_manifest(tmp_path).search
    assert search.kind == kind
    assert search.recall >= 0.97
    assert json.loads((tmp_path / MANIFEST).read_text())["search"]["kind"] == kind
    found = summarize(PhotoIndex.open(tmp_path))
    assert (found.faiss, found.search, found.photos) == (CLASSES[kind], search, MADE)
    assert unsound(tmp_path) == []


@pytest.mark.parametrize("kind", [HNSW, IVFPQ])
def test_the_same_recommendations_as_exact_search(
    make_large: Large, tmp_path: Path, kind: str
) -> None:
    index = PhotoIndex.open(make_large(tmp_path, kind))
    asked = [described(index, row) for row in range(0, MADE, 100)]
    (tmp_path / FAISS).unlink()  # then all photos are compared
    exact = PhotoIndex.open(tmp_path)
    assert exact.searcher.index is None
    expected = [described(exact, row) for row in range(0, MADE, 100)]
    # local descriptors are noise here, so the five best may be any of the 200 survivors; ivfpq is
    # tuned to find the ten nearest
    shared = [
        len(dict(ours).keys() & dict(theirs).keys())
        for ours, theirs in zip(asked, expected, strict=True)
    ]
    assert sum(shared) >= (0.95 if kind == HNSW else 0.5) * 5 * len(shared)
    assert [ours[0] for ours in asked] == [theirs[0] for theirs in expected]
    assert [name for (name, _), *_ in asked] == [f"{row:06}.jpg" for row in range(0, MADE, 100)]


@pytest.mark.parametrize("kind", KINDS)
def test_of_one_class_only(make_large: Large, tmp_path: Path, kind: str) -> None:
    index = PhotoIndex.open(make_large(tmp_path, kind))
    names = [name for name, _ in described(index, 100, same_class=True, top_k=20)]
    assert len(names) == 20 and names[0] == "000100.jpg"
    assert {(int(name[:6]) % 500) % 7 for name in names} == {100 % 7}


@pytest.mark.parametrize("kind", [HNSW, IVFPQ])
def test_damage_is_found_and_committing_again_cures_it(
    make_large: Large, tmp_path: Path, kind: str
) -> None:
    make_large(tmp_path, kind)
    path, manifest = tmp_path / FAISS, read_manifest(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-8])
    assert unsound(tmp_path) == [(FAISS, "damaged, its checksum is not the one in index.json")]
    path.unlink()
    assert unsound(tmp_path) == [(FAISS, "missing")]
    commit(known_photos(tmp_path, manifest.key, manifest), tmp_path, manifest)
    assert unsound(tmp_path) == []
    assert read_manifest(tmp_path).search.kind == kind


@pytest.mark.parametrize("kind", [HNSW, IVFPQ])
def test_a_file_that_faiss_cannot_read_is_written_again_with_the_next_photos(
    make_large: Large, more_photos: Callable[[Path, int], Path], tmp_path: Path, kind: str
) -> None:
    index_dir = make_large(tmp_path / "index", kind)
    (index_dir / FAISS).write_bytes(b"of another version of faiss")
    checksum = file_sha256(index_dir / FAISS)
    replace(read_manifest(index_dir), faiss_sha256=checksum).write(index_dir)
    assert PhotoIndex.open(index_dir).searcher.index is None  # the shards are searched
    assert [problem for _, problem in unsound(index_dir)] == [
        "not an index of faiss, or of another version of it"
    ]
    more_photos(index_dir, 20)
    manifest = read_manifest(index_dir)
    live = known_photos(index_dir, manifest.key, manifest)
    commit(live, index_dir, manifest)
    assert unsound(index_dir) == []


@pytest.mark.parametrize("kind", KINDS)
def test_photos_are_removed(make_large: Large, tmp_path: Path, kind: str) -> None:
    make_large(tmp_path, kind)
    assert remove_photos(tmp_path, "0001*.jpg") == 100
    index = PhotoIndex.open(tmp_path)
    assert (len(index), index.manifest.search.kind) == (1100, kind)
    assert unsound(tmp_path) == []
    assert not any(name.startswith("0001") for name, _ in described(index, 90, top_k=300))


@pytest.mark.parametrize("kind", KINDS)
def test_photos_are_relinked(make_large: Large, tmp_path: Path, kind: str) -> None:
    index_dir = make_large(tmp_path / "index", kind)
    (tmp_path / "new").mkdir()
    # another content: not the photo
    (tmp_path / "new" / "000700.jpg").write_bytes(b"700".ljust(10))
    before = (index_dir / FAISS).read_bytes()
    assert relink(index_dir, [tmp_path / "new"]).relinked == 0
    assert (index_dir / FAISS).read_bytes() == before
    assert unsound(index_dir) == []


@pytest.mark.parametrize("kind", [HNSW, IVFPQ])
def test_a_small_index_takes_a_large_one_in(
    make_large: Large, more_photos: Callable[[Path, int], Path], tmp_path: Path, kind: str
) -> None:
    projections = [
        Projection(np.zeros(8, np.float32), np.eye(4, 8, dtype=np.float32)) for _ in range(2)
    ]
    large, small = make_large(tmp_path / "large", kind), tmp_path / "small"
    more_photos(small, 50)
    base = replace(read_manifest(large), shards=[], count=50)
    commit(known_photos(small, base.key, None), small, base)
    assert read_manifest(small).search.kind == FLAT
    with pytest.MonkeyPatch.context() as patch:  # their projections are not what this is about
        patch.setattr("retrieval.maintenance.merge.sound_projections", lambda *_: True)
        save_projections(small / base.pca_file, *projections, base.weights_hash)
        assert hash_projections(*projections) != base.pca_hash
        assert merge_indexes([small, large], small).count == MADE + 50
    assert read_manifest(small).search.kind == kind
    assert unsound(small) == []


@pytest.mark.parametrize("kind", [HNSW, IVFPQ])
def test_new_photos_are_added_to_the_index_there_is(
    make_large: Large, more_photos: Callable[[Path, int], Path], tmp_path: Path, kind: str
) -> None:
    make_large(tmp_path, kind)
    manifest = read_manifest(tmp_path)
    more_photos(tmp_path, 60)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(commit_module, "make_search_index", lambda *_: pytest.fail("made anew"))
        commit(known_photos(tmp_path, manifest.key, manifest), tmp_path, manifest)
    index = PhotoIndex.open(tmp_path)
    assert (len(index), index.manifest.search) == (MADE + 60, manifest.search)
    assert unsound(tmp_path) == []
    found, _ = index.searcher.search(index.searcher.vectors.take(np.array([MADE + 30]))[0], 1)
    assert found.tolist() == [MADE + 30]


@pytest.mark.parametrize("reason", ["much more", "a photo is gone", "another budget"])
def test_an_index_is_made_anew_where_adding_would_not_do(
    make_large: Large, more_photos: Callable[[Path, int], Path], tmp_path: Path, reason: str
) -> None:
    make_large(tmp_path, HNSW)
    manifest = read_manifest(tmp_path)
    more_photos(tmp_path, 400 if reason == "much more" else 60)
    live = known_photos(tmp_path, manifest.key, manifest)
    if reason == "a photo is gone":
        del live[b"/made/000003.jpg"]
    if reason == "another budget":
        manifest = replace(
            manifest, search=replace(manifest.search, memory_budget=MADE * HNSW_BYTES)
        )
    commit(live, tmp_path, manifest)
    search = read_manifest(tmp_path).search
    assert (search.kind, search.measured_on) == (
        IVFPQ if reason == "another budget" else HNSW,
        len(live),
    )
    assert unsound(tmp_path) == []


@pytest.mark.parametrize("kind", KINDS)
def test_near_duplicates_are_listed(
    make_large: Large, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    make_large(tmp_path, kind)
    manifest = read_manifest(tmp_path)
    first = tmp_path / FEATURES / manifest.shards[0].file
    rows = [PhotoRow(b"/copies", b"%d.jpg" % i, 10, 5, bytes([i] * 32)) for i in (5, 9)]
    write_shard(
        first.with_name(f"{'e' * 16}.h5"),
        Photos.of(rows),
        read_descriptors(first).take(np.array([5, 9])),
        manifest.key,
    )
    monkeypatch.setattr(search_settings, "MAX_FLAT", 2000 if kind == FLAT else 300)
    commit(
        known_photos(tmp_path, manifest.key, manifest),
        tmp_path,
        manifest,
    )
    assert duplicate_groups(PhotoIndex.open(tmp_path)) == [[5, MADE], [9, MADE + 1]]


def test_cells_are_read_for_the_survivors_only(
    make_large: Large, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = PhotoIndex.open(make_large(tmp_path, IVFPQ))
    asked: list[int] = []
    original = PhotoIndex.cells
    monkeypatch.setattr(
        PhotoIndex, "cells", lambda self, rows: asked.append(len(rows)) or original(self, rows)
    )
    described(index, 8)
    assert len(asked) == 1 and 20 < asked[0] <= 200
    rows = np.array([3, 1100, 700])
    local, histogram, color = original(index, rows)
    for place, row in enumerate(rows.tolist()):
        shard, inside = divmod(row, 500)
        stored = read_descriptors(tmp_path / FEATURES / index.manifest.shards[shard].file)
        np.testing.assert_array_equal(local[place], stored.local[inside])
        np.testing.assert_array_equal(histogram[place], stored.histogram[inside])
        np.testing.assert_array_equal(color[place], stored.color[inside])
    assert local_ranking(local[0], histogram[0], local, histogram).total.argmax() == 0
