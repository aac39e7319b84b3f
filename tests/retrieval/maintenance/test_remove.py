import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retrieval.building.changes import BuildReport
from retrieval.maintenance.remove import remove_photos
from retrieval.maintenance.verify import verify_index
from retrieval.search.photo_index import PhotoIndex
from retrieval.storage.inventory import unfinished_shards
from retrieval.storage.manifest import FEATURES, LOCK, read_manifest

Build = Callable[..., BuildReport]


@pytest.fixture
def own_index(
    photo_dir: Path, tmp_path: Path, build: Build, pictures: dict[str, np.ndarray]
) -> Path:
    """Six photos: astronaut, chelsea, coffee, rocket, and holiday/retina, holiday/a[1]."""
    (photo_dir / "holiday").mkdir()
    for name, key in (("retina", "retina"), ("a[1]", "hubble")):
        Image.fromarray(pictures[key]).save(photo_dir / "holiday" / f"{name}.png")
    build(photo_dir, tmp_path / "index")
    return tmp_path / "index"


def names(index_dir: Path) -> set[str]:
    index = PhotoIndex.open(index_dir)
    return {index.path(row).stem for row in range(len(index))}


ALL = {"astronaut", "chelsea", "coffee", "rocket", "retina", "a[1]"}


@pytest.mark.parametrize(
    ("pattern", "removed"),
    [
        ("coffee.png", {"coffee"}),  # inside its folder
        ("*/coffee.png", {"coffee"}),
        ("c*.png", {"coffee", "chelsea"}),
        ("holiday/*", {"retina", "a[1]"}),
        ("*/holiday/*", {"retina", "a[1]"}),
        # holiday/ too: * also stands for /
        ("*/photos/?o*", {"coffee", "rocket", "retina", "a[1]"}),
        ("holiday/a[1].png", {"a[1]"}),  # the exact name, although [1] is a pattern
        ("holiday/a[[]1].png", {"a[1]"}),
        ("*[!e]a.png", {"retina"}),
    ],
)
def test_photos_that_fit_go(
    own_index: Path, photo_dir: Path, pattern: str, removed: set[str]
) -> None:
    assert remove_photos(own_index, pattern) == len(removed)
    assert names(own_index) == ALL - removed
    assert len(list(photo_dir.rglob("*.png"))) == 6
    assert verify_index(own_index) == []


def test_the_absolute_name(own_index: Path, photo_dir: Path) -> None:
    assert remove_photos(own_index, str(photo_dir / "rocket.png")) == 1
    assert names(own_index) == ALL - {"rocket"}


def test_an_exact_name_stands_for_its_photo_alone(
    own_index: Path, photo_dir: Path, build: Build, pictures: dict[str, np.ndarray]
) -> None:
    """As a pattern it would fit holiday/a1.png, too."""
    Image.fromarray(pictures["retina"][::-1]).save(photo_dir / "holiday" / "a1.png")
    build(photo_dir, own_index)
    assert remove_photos(own_index, "holiday/a[1].png") == 1
    assert names(own_index) == (ALL | {"a1"}) - {"a[1]"}


def test_case_counts(own_index: Path) -> None:
    with pytest.raises(ValueError, match="none of 6 photos fits 'COFFEE"):
        remove_photos(own_index, "COFFEE.png")


def test_a_pattern_that_fits_nothing_says_what_names_look_like(
    own_index: Path, photo_dir: Path
) -> None:
    before = read_manifest(own_index)
    with pytest.raises(ValueError) as caught:
        remove_photos(own_index, "coffee")
    assert "none of 6 photos fits 'coffee'" in str(caught.value)
    whole = str(photo_dir / "astronaut.png")
    assert f"it must fit the whole path, for example {whole!r}" in str(caught.value)
    assert "or the path inside the indexed folder, 'astronaut.png';" in str(caught.value)
    assert read_manifest(own_index) == before


def test_an_index_is_never_emptied(own_index: Path) -> None:
    before = read_manifest(own_index)
    with pytest.raises(
        ValueError, match=r"'\*' fits all 6 photos; to be rid of the index delete its folder"
    ):
        remove_photos(own_index, "*")
    assert read_manifest(own_index) == before


def test_a_later_build_adds_them_again(own_index: Path, photo_dir: Path, build: Build) -> None:
    remove_photos(own_index, "c*")
    report = build(photo_dir, own_index)
    assert (report.count, report.added, report.kept) == (6, 2, 4)
    assert verify_index(own_index) == []


def test_removed_photos_of_another_folder_stay_away(
    own_index: Path, tmp_path: Path, build: Build, library_dir: Path
) -> None:
    shards = {p: p.read_bytes() for p in (own_index / FEATURES).iterdir()}
    remove_photos(own_index, "c*")
    for path, data in shards.items():  # as if the power had failed before they were removed
        if not path.exists():
            path.write_bytes(data)
    build(library_dir, own_index)
    index = PhotoIndex.open(own_index)
    found = {index.path(row) for row in range(len(index))}
    assert len(found) == 4 + 8
    assert verify_index(own_index) == []
    assert {p.name for p in (own_index / FEATURES).iterdir()} == {
        s.file for s in read_manifest(own_index).shards
    }


def test_names_that_are_not_utf8(own_index: Path, photo_dir: Path, build: Build) -> None:
    (photo_dir / "coffee.png").rename(photo_dir / os.fsdecode(b"caf\xe9\n.png"))
    build(photo_dir, own_index)
    assert remove_photos(own_index, "caf??.png") == 1
    assert names(own_index) == ALL - {"coffee"}


def test_an_unfinished_build_is_kept_for_the_next(
    own_index: Path, photo_dir: Path, build: Build, pictures: dict[str, np.ndarray]
) -> None:
    class Interrupted(Exception):
        pass

    def stop(done: int, total: int) -> None:
        if done >= 3:
            raise Interrupted

    for i in range(5):
        Image.fromarray(pictures["retina"]).rotate(20 * i + 10).save(photo_dir / f"new{i}.png")
    with pytest.raises(Interrupted):
        build(photo_dir, own_index, stop)
    (finished,) = unfinished_shards(own_index, read_manifest(own_index))
    assert remove_photos(own_index, "c*") == 2
    assert names(own_index) == ALL - {"coffee", "chelsea"}
    assert unfinished_shards(own_index, read_manifest(own_index)) == [finished]
    seen: list[tuple[int, int]] = []
    build(photo_dir, own_index, lambda *numbers: seen.append(numbers))
    assert seen[-1] == (4, 4)  # the two that were removed, and two of the five new ones
    assert verify_index(own_index) == []


def test_an_index_that_is_being_written(own_index: Path, photo_dir: Path, build: Build) -> None:
    (photo_dir / "coffee.png").touch()
    refused = []

    def meanwhile(done: int, total: int) -> None:
        with pytest.raises(ValueError, match="another build-index is writing here"):
            remove_photos(own_index, "c*")
        refused.append(done)

    build(photo_dir, own_index, meanwhile)
    assert refused
    assert names(own_index) == ALL


def test_no_index_leaves_no_trace(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no index here"):
        remove_photos(tmp_path, "*")
    assert not (tmp_path / LOCK).exists()
