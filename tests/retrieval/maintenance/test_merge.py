import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from index_state import Build, files, rows
from PIL import Image

from retrieval.extraction.extractor import glance
from retrieval.maintenance.merge import merge_indexes
from retrieval.maintenance.verify import verify_index
from retrieval.safe_files import file_sha256
from retrieval.search.photo_index import PhotoIndex
from retrieval.storage.manifest import FEATURES, LOCK, MANIFEST, read_manifest
from similarity.backbone.backbone import Backbone


def test_a_merged_index_says_what_its_parts_say(
    index_dir: Path, other_dir: Path, tmp_path: Path
) -> None:
    before = files(index_dir), files(other_dir)
    report = merge_indexes([index_dir, other_dir], tmp_path / "all")
    assert (report.count, report.shared) == (12, 0)
    assert rows(tmp_path / "all") == rows(index_dir) | rows(other_dir)
    assert (files(index_dir), files(other_dir)) == before
    assert verify_index(tmp_path / "all") == []
    manifest = read_manifest(tmp_path / "all")
    assert manifest.count == 12
    assert {p.name for p in (tmp_path / "all").iterdir()} == {
        MANIFEST,
        FEATURES,
        LOCK,
        "index.faiss",
        manifest.pca_file,
    }
    assert {p.name for p in (tmp_path / "all" / FEATURES).iterdir()} == {
        s.file for s in manifest.shards
    }


def test_it_recommends_what_an_index_of_all_does(
    index_dir: Path,
    library_dir: Path,
    other_dir: Path,
    photo_dir: Path,
    tmp_path: Path,
    build: Build,
    backbone: Backbone,
    pictures: dict[str, np.ndarray],
) -> None:
    merge_indexes([index_dir, other_dir], tmp_path / "merged")
    build([library_dir, photo_dir], tmp_path / "built")
    merged, built = (PhotoIndex.open(tmp_path / name) for name in ("merged", "built"))
    query = glance(np.ascontiguousarray(pictures["coffee"][:, ::-1]))
    ours, theirs = (
        index.rank(index.extractor(backbone).describe([query]), 4) for index in (merged, built)
    )
    assert [(f.path.name, round(f.score, 2)) for f in ours] == [
        (f.path.name, round(f.score, 2)) for f in theirs
    ]


def test_a_build_goes_on_with_it(
    index_dir: Path,
    library_dir: Path,
    other_dir: Path,
    photo_dir: Path,
    tmp_path: Path,
    build: Build,
) -> None:
    merge_indexes([index_dir, other_dir], tmp_path / "all")
    (photo_dir / "coffee.png").unlink()
    report = build([library_dir, photo_dir], tmp_path / "all")
    assert (report.count, report.added, report.dropped, report.kept) == (11, 0, 1, 11)


def test_nothing_is_described(
    index_dir: Path, other_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "retrieval.extraction.extractor.raw_features", lambda *_: pytest.fail("described again")
    )
    shutil.rmtree(other_dir.parent / "photos")  # nor read
    assert merge_indexes([index_dir, other_dir], tmp_path / "all").count == 12


def test_photos_that_several_have_count_once_as_they_were_seen_last(
    photo_dir: Path, other_dir: Path, tmp_path: Path, build: Build, pictures: dict[str, np.ndarray]
) -> None:
    Image.fromarray(pictures["retina"]).save(photo_dir / "coffee.png")
    Image.fromarray(pictures["hubble"]).save(photo_dir / "new.png")
    build(photo_dir, tmp_path / "later")
    first, later = rows(other_dir), rows(tmp_path / "later")
    for i, order in enumerate(([other_dir, tmp_path / "later"], [tmp_path / "later", other_dir])):
        report = merge_indexes(order, tmp_path / f"all{i}")
        assert (report.count, report.shared) == (5, 4)
        merged = rows(tmp_path / f"all{i}")
        assert merged.keys() == later.keys()
        # a photo that is the same in both may be described in a batch of another size, which rounds
        # differently
        same = {photo for photo in first if first[photo][-3:] == later[photo][-3:]}
        assert len(same) == 3
        assert all(
            row == later[photo] or (photo in same and row == first[photo])
            for photo, row in merged.items()
        )
        assert verify_index(tmp_path / f"all{i}") == []


def test_into_one_of_them(index_dir: Path, other_dir: Path) -> None:
    expected = rows(index_dir) | rows(other_dir)
    assert merge_indexes([index_dir, other_dir], other_dir).count == 12
    assert rows(other_dir) == expected
    assert verify_index(other_dir) == []
    assert merge_indexes([other_dir, index_dir], other_dir).shared == 8
    assert rows(other_dir) == expected


def test_three_at_once_and_one_named_twice(
    index_dir: Path, other_dir: Path, tmp_path: Path, build: Build, pictures
) -> None:
    (tmp_path / "third").mkdir()
    Image.fromarray(pictures["retina"]).save(tmp_path / "third" / "a.png")
    build(tmp_path / "third", tmp_path / "c")
    report = merge_indexes(
        [index_dir, other_dir, other_dir / ".." / "other", tmp_path / "c"], tmp_path / "all"
    )
    assert (report.count, report.shared) == (13, 0)


def test_unusable_files_add_up(index_dir: Path, other_dir: Path, tmp_path: Path) -> None:
    for folder, number in ((tmp_path / "a", 2), (tmp_path / "b", 3)):
        shutil.copytree(index_dir if number == 2 else other_dir, folder)
        data = json.loads((folder / MANIFEST).read_text())
        (folder / MANIFEST).write_text(json.dumps(data | {"unusable": number}))
    merge_indexes([tmp_path / "a", tmp_path / "b"], tmp_path / "all")
    assert read_manifest(tmp_path / "all").unusable == 5


def test_whole_shards_are_copied_byte_by_byte(
    index_dir: Path, other_dir: Path, tmp_path: Path
) -> None:
    merge_indexes([index_dir, other_dir], tmp_path / "all")
    ours = {s.sha256 for place in (index_dir, other_dir) for s in read_manifest(place).shards}
    assert {file_sha256(p) for p in (tmp_path / "all" / FEATURES).iterdir()} == ours
