import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from index_state import everything
from PIL import Image

from retrieval.building.changes import BuildReport
from retrieval.maintenance import relink as module
from retrieval.maintenance.relink import RelinkReport, relink
from retrieval.maintenance.verify import verify_index
from retrieval.search.photo_index import PhotoIndex
from retrieval.storage.manifest import FAISS, read_manifest

Build = Callable[..., BuildReport]


def paths(index_dir: Path) -> set[Path]:
    index = PhotoIndex.open(index_dir)
    return {index.path(row) for row in range(len(index))}


def test_a_folder_that_was_moved(
    own_index: Path, photo_dir: Path, tmp_path: Path, build: Build, monkeypatch
) -> None:
    before = everything(own_index)
    faiss_file = (own_index / FAISS).read_bytes()
    moved = photo_dir.rename(tmp_path / "elsewhere")
    monkeypatch.setattr(
        "retrieval.extraction.extractor.raw_features", lambda *_: pytest.fail("described again")
    )
    assert relink(own_index, [moved]) == RelinkReport(relinked=4, missing=0, indexed=0)
    assert paths(own_index) == set(moved.iterdir())
    assert verify_index(own_index) == []
    for name, new in vars(everything(own_index)).items():
        np.testing.assert_array_equal(getattr(before, name), new)
    assert (own_index / FAISS).read_bytes() == faiss_file
    assert build(moved, own_index).kept == 4  # a build of the new place has nothing to do


def test_photos_that_were_renamed_and_scattered(
    own_index: Path, photo_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / "new" / "deep er").mkdir(parents=True)
    (photo_dir / "coffee.png").rename(tmp_path / "new" / "deep er" / os.fsdecode(b"caf\xe9\n.png"))
    (photo_dir / "rocket.png").rename(photo_dir / "space.png")
    assert relink(own_index, [tmp_path / "new"]) == RelinkReport(1, 1, 0)
    assert relink(own_index, [photo_dir]) == RelinkReport(1, 0, 0)
    assert paths(own_index) == {
        *photo_dir.iterdir(),
        tmp_path / "new" / "deep er" / os.fsdecode(b"caf\xe9\n.png"),
    }
    assert verify_index(own_index) == []


def test_several_roots(own_index: Path, photo_dir: Path, tmp_path: Path) -> None:
    for name, root in (("coffee", "one"), ("rocket", "two")):
        (tmp_path / root).mkdir()
        shutil.move(photo_dir / f"{name}.png", tmp_path / root)
    assert relink(own_index, [tmp_path / "one", tmp_path / "two"]).relinked == 2
    assert verify_index(own_index) == []


def test_photos_that_are_there_are_left_alone(
    own_index: Path, photo_dir: Path, tmp_path: Path
) -> None:
    before = read_manifest(own_index)
    shutil.copytree(photo_dir, tmp_path / "copy")
    assert relink(own_index, [tmp_path / "copy"]) == RelinkReport(0, 0, 0)
    assert read_manifest(own_index) == before


def test_content_decides_not_names(
    own_index: Path, photo_dir: Path, tmp_path: Path, pictures: dict[str, np.ndarray]
) -> None:
    data = (photo_dir / "coffee.png").read_bytes()
    shutil.rmtree(photo_dir)
    (tmp_path / "new").mkdir()
    Image.fromarray(pictures["retina"]).save(tmp_path / "new" / "rocket.png")
    flipped = bytearray(data)
    flipped[-1] ^= 1
    (tmp_path / "new" / "coffee.png").write_bytes(flipped)  # of the same size
    assert relink(own_index, [tmp_path / "new"]) == RelinkReport(0, 4, 0)
    (tmp_path / "new" / "a.png").write_bytes(data)
    assert relink(own_index, [tmp_path / "new"]) == RelinkReport(1, 3, 0)
    assert tmp_path / "new" / "a.png" in paths(own_index)


def test_equal_photos_go_to_the_places_most_alike(
    photo_dir: Path, tmp_path: Path, build: Build
) -> None:
    for name in ("2001/rome/x.png", "2001/oslo/x.png", "2002/oslo/y.png"):
        (photo_dir / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(photo_dir / "coffee.png", photo_dir / name)
    build(photo_dir, tmp_path / "index")
    old = {p.relative_to(photo_dir) for p in photo_dir.rglob("*.png")}
    moved = photo_dir.rename(tmp_path / "moved")
    assert relink(tmp_path / "index", [moved]) == RelinkReport(7, 0, 0)
    index = PhotoIndex.open(tmp_path / "index")
    assert {index.path(row).relative_to(moved) for row in range(7)} == old
    assert len(paths(tmp_path / "index")) == 7


def test_one_file_is_given_to_one_photo(photo_dir: Path, tmp_path: Path, build: Build) -> None:
    shutil.copy(photo_dir / "coffee.png", photo_dir / "copy.png")
    build(photo_dir, tmp_path / "index")
    moved = photo_dir.rename(tmp_path / "moved")
    (moved / "copy.png").unlink()
    assert relink(tmp_path / "index", [moved]) == RelinkReport(4, 1, 0)
    assert photo_dir / "copy.png" in paths(tmp_path / "index")
    assert len(paths(tmp_path / "index")) == 5


def test_photos_that_were_indexed_again_at_their_new_place(
    own_index: Path, photo_dir: Path, tmp_path: Path, build: Build
) -> None:
    moved = photo_dir.rename(tmp_path / "moved")
    build(moved, own_index)
    before = read_manifest(own_index)
    assert relink(own_index, [moved]) == RelinkReport(0, 4, 4)
    assert read_manifest(own_index) == before


def test_a_disk_that_fails_is_not_a_photo_that_moved(
    own_index: Path, photo_dir: Path, tmp_path: Path, monkeypatch
) -> None:
    shutil.copytree(photo_dir, tmp_path / "copy")
    stat = Path.stat

    def failing(self: Path, **kwargs: object) -> os.stat_result:
        if self.parent == photo_dir:
            raise OSError(errno.EIO, "Input/output error", str(self))
        return stat(self, **kwargs)

    monkeypatch.setattr(Path, "stat", failing)
    assert relink(own_index, [tmp_path / "copy"]) == RelinkReport(0, 0, 0)


def test_a_file_deleted_between_listing_and_reading(
    own_index: Path, photo_dir: Path, tmp_path: Path, monkeypatch
) -> None:
    moved = photo_dir.rename(tmp_path / "moved")
    listed = module.list_sources

    def then_deleted(roots: list[Path]) -> list[object]:
        found = listed(roots)
        (moved / "coffee.png").unlink()
        return found

    monkeypatch.setattr(module, "list_sources", then_deleted)
    assert relink(own_index, [moved]) == RelinkReport(3, 1, 0)


def test_folders_without_pictures_and_missing_ones(
    own_index: Path, photo_dir: Path, tmp_path: Path
) -> None:
    (photo_dir / "coffee.png").unlink()
    (tmp_path / "empty").mkdir()
    assert relink(own_index, [tmp_path / "empty"]) == RelinkReport(0, 1, 0)
    with pytest.raises(FileNotFoundError, match="nowhere: no such folder"):
        relink(own_index, [tmp_path / "nowhere"])
    with pytest.raises(FileNotFoundError, match="no index here"):
        relink(tmp_path / "empty", [photo_dir])


def test_a_full_disk_leaves_the_index(
    own_index: Path, photo_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {p: p.read_bytes() for p in own_index.rglob("*") if p.is_file()}
    moved = photo_dir.rename(tmp_path / "moved")
    written: list[Path] = []
    write = Path.write_bytes

    def full(self: Path, data: bytes) -> int:
        written.append(self)
        if len(written) == 2:
            write(self, data[:100])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(self, data)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(
            OSError,
            match="No space left on device; what was there before is intact; free some space",
        ):
            relink(own_index, [moved])
    assert {p: p.read_bytes() for p in own_index.rglob("*") if p.is_file()} == before
    assert relink(own_index, [moved]).relinked == 4


def test_interrupted_after_the_index_was_replaced(
    own_index: Path, photo_dir: Path, tmp_path: Path, monkeypatch
) -> None:
    moved = photo_dir.rename(tmp_path / "moved")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("retrieval.building.commit.remove_unnamed", interrupted)
    with pytest.raises(KeyboardInterrupt):
        relink(own_index, [moved])
    assert verify_index(own_index) == []
    assert paths(own_index) == set(moved.iterdir())
