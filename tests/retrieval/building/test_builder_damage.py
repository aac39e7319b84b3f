"""Damage that a build mends, and what it refuses."""

import errno
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from index_state import Build, assert_sound, counts, edit, files
from PIL import Image

from retrieval.building.builder import BuildOptions, build_index
from retrieval.storage.manifest import FAISS, FEATURES, MANIFEST, read_manifest
from similarity.backbone.backbone import Backbone


@pytest.mark.parametrize("damage", ["missing", "truncated", "text", "flipped bit"])
def test_a_damaged_shard_is_redone(
    photo_dir: Path, tmp_path: Path, backbone: Backbone, build: Build, damage: str
) -> None:
    index_dir = tmp_path / "index"
    build(photo_dir, index_dir)
    first, second = (index_dir / FEATURES / s.file for s in read_manifest(index_dir).shards)
    kept = second.read_bytes()
    if damage == "missing":
        first.unlink()
    else:
        data = bytearray(first.read_bytes())
        data[-3000] ^= 1  # in the descriptors: the file opens as before
        first.write_bytes({"truncated": data[:3000], "text": b"text", "flipped bit": data}[damage])
    report = build(photo_dir, index_dir)
    assert report.count == 4
    assert report.kept == 1
    assert second.read_bytes() == kept
    assert_sound(index_dir, backbone, sorted(photo_dir.iterdir()))


@pytest.mark.parametrize("brings_projections", [True, False])
@pytest.mark.parametrize("damage", ["missing", "text"])
def test_damaged_projections_are_replaced(
    photo_dir: Path,
    tmp_path: Path,
    backbone: Backbone,
    tiny: Backbone,
    damage: str,
    brings_projections: bool,
) -> None:
    index_dir, network = tmp_path / "index", backbone if brings_projections else tiny
    build_index([photo_dir], index_dir, network, BuildOptions(workers=0))
    projections = index_dir / read_manifest(index_dir).pca_file
    if damage == "missing":
        projections.unlink()
    else:
        projections.write_text("text")
    build_index([photo_dir], index_dir, network, BuildOptions(workers=0))
    assert_sound(index_dir, network, sorted(photo_dir.iterdir()))


@pytest.mark.parametrize("damage", ["missing", "flipped bit"])
def test_a_damaged_faiss_file_is_written_again(
    photo_dir: Path, tmp_path: Path, build: Build, damage: str
) -> None:
    build(photo_dir, tmp_path / "index")
    path = tmp_path / "index" / FAISS
    before = path.read_bytes()
    path.unlink()
    if damage == "flipped bit":
        path.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    assert counts(build(photo_dir, tmp_path / "index")) == (4, 0, 0, 0, 4)
    assert path.read_bytes() == before


def test_leftovers_of_a_dead_builder_are_removed_although_nothing_is_new(
    photo_dir: Path, tmp_path: Path, build: Build
) -> None:
    build(photo_dir, tmp_path / "index")
    before = files(tmp_path / "index")
    shard = tmp_path / "index" / FEATURES / read_manifest(tmp_path / "index").shards[0].file
    # of a change that was never completed
    shutil.copy(shard, shard.with_name("0123456789abcdefr.h5"))
    shutil.copy(shard, shard.with_name("0123456789abcdef.h5"))  # replaced by the index there is
    edit(tmp_path / "index", replaced=["0123456789abcdef.h5"])
    before = files(tmp_path / "index")
    del before[str(Path(FEATURES) / "0123456789abcdef.h5")]
    del before[str(Path(FEATURES) / "0123456789abcdefr.h5")]
    assert counts(build(photo_dir, tmp_path / "index")) == (4, 0, 0, 0, 4)
    assert files(tmp_path / "index") == before


@pytest.mark.parametrize("file", ["a shard", FAISS, MANIFEST])
def test_a_full_disk_leaves_the_index_and_nothing_half_written(
    photo_dir: Path,
    tmp_path: Path,
    backbone: Backbone,
    build: Build,
    pictures: dict[str, np.ndarray],
    file: str,
) -> None:
    index_dir = tmp_path / "index"
    build(photo_dir, index_dir)
    (photo_dir / "rocket.png").unlink()
    before, manifest = files(index_dir), read_manifest(index_dir)
    replace = Path.replace

    def full(self: Path, target: Path) -> Path:
        if target.name == file or (file == "a shard" and target.suffix == ".h5"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return replace(self, target)

    Image.fromarray(pictures["retina"]).save(photo_dir / "new.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "replace", full)
        with pytest.raises(OSError) as caught:
            build(photo_dir, index_dir)
    place = Path(caught.value.filename)
    assert place.suffix == ".h5" if file == "a shard" else place == index_dir / file
    assert "No space left on device; what was there before is intact; free some space" in str(
        caught.value.strerror
    )
    assert read_manifest(index_dir) == manifest
    left = files(index_dir)
    assert {k: v for k, v in before.items() if k != FAISS}.items() <= left.items()
    assert not [name for name in left if name.endswith((".tmp", "r.h5"))]
    build(photo_dir, index_dir)
    assert_sound(index_dir, backbone, sorted(photo_dir.iterdir()))


def test_a_damaged_manifest_needs_overwrite(
    photo_dir: Path, tmp_path: Path, backbone: Backbone, build: Build
) -> None:
    index_dir = tmp_path / "index"
    build(photo_dir, index_dir)
    (index_dir / MANIFEST).write_text("{")
    with pytest.raises(
        ValueError,
        match=r"index\.json: damaged .*run build-index --overwrite with all of its folders",
    ):
        build(photo_dir, index_dir)
    build(photo_dir, index_dir, overwrite=True)
    assert_sound(index_dir, backbone, sorted(photo_dir.iterdir()))


def test_missing_folder_makes_no_index(photo_dir: Path, tmp_path: Path, build: Build) -> None:
    with pytest.raises(FileNotFoundError, match="elsewhere: no such file or folder"):
        build([photo_dir, tmp_path / "elsewhere"], tmp_path / "index")
    assert not (tmp_path / "index").exists()


def test_nothing_readable(tmp_path: Path, build: Build) -> None:
    (tmp_path / "a.jpg").write_bytes(b"")
    (tmp_path / "b.jpg").write_bytes(b"text")
    with pytest.raises(
        ValueError,
        match=r"none of 2 pictures could be read, no index written; .*a\.jpg: the file is empty",
    ):
        build(tmp_path, tmp_path / "index")
    assert not (tmp_path / "index" / MANIFEST).exists()


def test_other_backbone_is_refused_and_leaves_the_index(
    photo_dir: Path, tmp_path: Path, tiny: Backbone, build: Build
) -> None:
    index_dir = tmp_path / "index"
    build(photo_dir, index_dir)
    before = files(index_dir)
    with pytest.raises(
        ValueError,
        match=r"built with backbone efficientnet-lite0 \(weights \w{16}\),"
        r" this run has vgg19 \(weights f{16}",
    ):
        build_index([photo_dir], index_dir, tiny, BuildOptions(workers=0))
    assert files(index_dir) == before
    report = build_index([photo_dir], index_dir, tiny, BuildOptions(workers=0, overwrite=True))
    assert counts(report) == (4, 4, 0, 0, 0)
    assert_sound(index_dir, tiny, sorted(photo_dir.iterdir()))


@pytest.mark.parametrize("where", ["notes.txt", "features/mine.txt", "features/mine.h5"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_files_that_are_not_the_indexs_survive(
    photo_dir: Path, tmp_path: Path, build: Build, where: str, overwrite: bool
) -> None:
    mine = tmp_path / "folder" / where
    mine.parent.mkdir(parents=True)
    mine.write_text("ten years of work")
    if overwrite or where != "notes.txt":
        try:
            build(photo_dir, tmp_path / "folder", overwrite=overwrite)
        except ValueError as refusal:
            assert str(tmp_path / "folder") in str(refusal)  # refusing is fine, deleting is not
    else:
        with pytest.raises(
            ValueError, match="the folder is not empty and holds no index; choose another --index"
        ):
            build(photo_dir, tmp_path / "folder")
        assert [p.name for p in (tmp_path / "folder").iterdir()] == ["notes.txt"]
    assert mine.read_text() == "ten years of work"


def test_an_index_path_that_is_a_file(photo_dir: Path, tmp_path: Path, build: Build) -> None:
    (tmp_path / "index").write_text("a file")
    with pytest.raises(OSError):
        build(photo_dir, tmp_path / "index")
    assert (tmp_path / "index").read_text() == "a file"
