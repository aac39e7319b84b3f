"""What is found of the photos of an index."""

import os
import shlex
import shutil
from pathlib import Path

import pytest
from index_state import Build, only

from retrieval.maintenance.remove import remove_photos
from retrieval.maintenance.verify import verify_index
from retrieval.search.photo_index import PhotoIndex
from retrieval.storage.manifest import FAISS


def test_photos_that_are_gone_or_changed(own_index: Path, photo_dir: Path) -> None:
    (photo_dir / "coffee.png").unlink()
    data = bytearray((photo_dir / "rocket.png").read_bytes())
    data[-20] ^= 1
    (photo_dir / "rocket.png").write_bytes(data)  # of the same size
    (photo_dir / "chelsea.png").touch()  # only the date is new
    found = {f.path.name: f for f in verify_index(own_index)}
    assert {name: f.problem for name, f in found.items()} == {
        "coffee.png": "missing",
        "rocket.png": "changed since it was indexed",
    }
    assert (
        found["rocket.png"].cure
        == f"rechroma build-index {photo_dir / 'rocket.png'} --index {own_index}"
    )
    assert found["coffee.png"].cure == (
        f"if it was moved: rechroma index relink {own_index} --root FOLDER;"
        f" if it was deleted: rechroma index remove {own_index} {photo_dir / 'coffee.png'}"
    )
    assert verify_index(own_index, with_photos=False) == []


def test_a_folder_that_is_gone_is_not_to_be_described_again(
    own_index: Path, photo_dir: Path, library_dir: Path, build: Build
) -> None:
    build(library_dir, own_index)
    (own_index / FAISS).unlink()
    assert only(verify_index(own_index)).cure.endswith(
        f"rechroma build-index {library_dir} {photo_dir} --index {own_index}"
    )
    photo_dir.rename(photo_dir.parent / "elsewhere")
    cure, _ = (found.cure for found in verify_index(own_index))
    assert cure.endswith(f"rechroma build-index {library_dir} --index {own_index}")


def test_a_folder_that_is_gone_is_one_finding(own_index: Path, photo_dir: Path) -> None:
    photo_dir.rename(photo_dir.parent / "elsewhere")
    found = only(verify_index(own_index))
    assert (found.path, found.problem) == (photo_dir, "this folder of 4 photos is missing")
    assert f"rechroma index relink {own_index} --root FOLDER" in found.cure
    assert found.cure.endswith("if it was deleted: delete the index")  # there is nothing else in it


def test_the_cure_for_a_folder_that_is_gone_spares_others(
    photo_dir: Path, tmp_path: Path, build: Build
) -> None:
    gone, kept = (
        shutil.copytree(photo_dir, tmp_path / "[1999]"),
        shutil.copytree(photo_dir, tmp_path / "1"),
    )
    build([gone, kept], tmp_path / "index")
    shutil.rmtree(gone)
    *_, where, pattern = shlex.split(only(verify_index(tmp_path / "index")).cure)
    assert remove_photos(Path(where), pattern) == 4
    assert verify_index(tmp_path / "index") == []
    index = PhotoIndex.open(tmp_path / "index")
    assert {index.path(row) for row in range(4)} == set(kept.iterdir())


def test_a_photo_deleted_while_it_is_looked_at(
    own_index: Path, photo_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (photo_dir / "coffee.png").touch()  # so that its content is read
    opened = Path.open

    def vanishing(self: Path, *args: object, **kwargs: object) -> object:
        if self.name == "coffee.png":
            self.unlink()
        return opened(self, *args, **kwargs)

    monkeypatch.setattr(Path, "open", vanishing)
    found = only(verify_index(own_index))
    assert (found.path.name, found.problem) == ("coffee.png", "missing")


def test_a_photo_that_cannot_be_read_is_not_missing(
    own_index: Path, photo_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stat = Path.stat

    def failing(self: Path, **kwargs: object) -> os.stat_result:
        if self.name == "coffee.png":
            raise OSError(5, "Input/output error", str(self))
        return stat(self, **kwargs)

    monkeypatch.setattr(Path, "stat", failing)
    assert only(verify_index(own_index)).problem == "cannot be read (Input/output error)"


def test_names_of_all_kinds(photo_dir: Path, tmp_path: Path, build: Build) -> None:
    names = [b"two  spaces.png", b"line\nbreak.png", b"caf\xe9.png", b"'quoted' $HOME.png"]
    for old, new in zip(sorted(photo_dir.iterdir()), names, strict=True):
        old.rename(photo_dir / os.fsdecode(new))
    build(photo_dir, tmp_path / "an index")
    assert verify_index(tmp_path / "an index") == []
    for name in names:
        (photo_dir / os.fsdecode(name)).unlink()
    found = verify_index(tmp_path / "an index")
    assert {os.fsencode(f.path.name) for f in found} == set(names)
    assert all(f"rechroma index remove '{tmp_path / 'an index'}'" in f.cure for f in found)
