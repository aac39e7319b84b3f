"""Photos of folders that are not named, or cannot be looked at, are not lost."""

import errno
import os
from pathlib import Path
from typing import NoReturn

import pytest
from index_state import Build, Interrupted, assert_sound, counts, files, paths, shards, stop_at

from retrieval.building.builder import BuildOptions, build_index
from retrieval.building.up_to_date import report_up_to_date
from retrieval.maintenance.remove import remove_photos
from retrieval.photos.listing import list_sources
from retrieval.storage.manifest import FEATURES, read_manifest
from similarity.backbone.backbone import Backbone


def refuse(path: str) -> NoReturn:
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)


def test_a_damaged_shard_of_another_folder_is_told_before_its_photos_are_lost(
    photo_dir: Path, library_dir: Path, tmp_path: Path, backbone: Backbone, build: Build
) -> None:
    index_dir = tmp_path / "index"
    build(photo_dir, index_dir)
    build(library_dir, index_dir)
    shard = index_dir / FEATURES / read_manifest(index_dir).shards[0].file
    shard.write_bytes(shard.read_bytes()[:-100])
    before = files(index_dir)
    with pytest.raises(
        ValueError,
        match=f"{shard.name}: damaged or missing;"
        f" to describe its photos again name also {photo_dir}",
    ):
        build(library_dir, index_dir)
    assert files(index_dir) == before
    assert (
        counts(build_index([photo_dir, library_dir], index_dir, backbone, BuildOptions(workers=0)))[
            0
        ]
        == 12
    )
    shard = index_dir / FEATURES / read_manifest(index_dir).shards[0].file
    shard.unlink()
    photo_dir.rename(tmp_path / "moved")  # nobody can name it any more
    assert counts(build(library_dir, index_dir))[0] < 12


def test_a_photo_of_the_folder_does_not_stand_for_the_folder(
    photo_dir: Path, tmp_path: Path, build: Build
) -> None:
    index_dir = tmp_path / "index"
    build(photo_dir, index_dir)
    shard = index_dir / FEATURES / read_manifest(index_dir).shards[0].file
    shard.write_bytes(shard.read_bytes()[:-100])
    before = files(index_dir)
    with pytest.raises(
        ValueError,
        match=f"{shard.name}: damaged or missing;"
        f" to describe its photos again name also {photo_dir}",
    ):
        build(photo_dir / "rocket.png", index_dir)
    assert files(index_dir) == before
    assert counts(build(photo_dir, index_dir))[0] == 4


def test_photos_that_a_damaged_shard_loses_are_counted(
    photo_dir: Path, library_dir: Path, tmp_path: Path, build: Build
) -> None:
    index_dir = tmp_path / "index"
    build(photo_dir, index_dir)
    build(library_dir, index_dir)
    shard = index_dir / FEATURES / read_manifest(index_dir).shards[0].file
    data = bytearray(shard.read_bytes())
    data[-1] ^= 1  # of a descriptor: the names can still be read
    shard.write_bytes(data)
    photo_dir.rename(tmp_path / "unplugged")
    assert counts(build(library_dir, index_dir)) == (9, 0, 0, 3, 9)


@pytest.mark.parametrize("new", [True, False], ids=["something new", "nothing new"])
def test_an_unfinished_build_of_another_folder_is_left_for_it(
    photo_dir: Path, library_dir: Path, tmp_path: Path, backbone: Backbone, new: bool
) -> None:
    index_dir, options = tmp_path / "index", BuildOptions(workers=0, batch=1, shard_photos=2)
    build_index([photo_dir], index_dir, backbone, options)
    with pytest.raises(Interrupted):
        build_index([library_dir], index_dir, backbone, options, stop_at(4))
    if new:
        (photo_dir / "rocket.png").unlink()
    for _ in range(2):
        build_index([photo_dir], index_dir, backbone, options)
        # it clears away too
        assert (
            report_up_to_date([photo_dir], list_sources([photo_dir]), index_dir, None) is not None
        )
    seen: list[tuple[int, int]] = []
    build_index([library_dir], index_dir, backbone, options, lambda *numbers: seen.append(numbers))
    assert seen[-1] == (4, 4)  # four of eight were done
    assert_sound(index_dir, backbone, [*photo_dir.iterdir(), *library_dir.rglob("*.png")])


def test_shards_that_nobody_can_take_over_are_removed(
    photo_dir: Path, library_dir: Path, tmp_path: Path, tiny: Backbone, build: Build
) -> None:
    with pytest.raises(Interrupted):
        build_index(
            [library_dir],
            tmp_path / "index",
            tiny,
            BuildOptions(0, batch=1, shard_photos=1),
            stop_at(2),
        )
    assert len(shards(tmp_path / "index")) == 2
    build(photo_dir, tmp_path / "index")
    assert shards(tmp_path / "index") == {
        entry.file for entry in read_manifest(tmp_path / "index").shards
    }


def test_photos_that_were_removed_do_not_come_back_from_an_unfinished_build(
    photo_dir: Path, library_dir: Path, tmp_path: Path, backbone: Backbone
) -> None:
    index_dir, options = tmp_path / "index", BuildOptions(workers=0, batch=1, shard_photos=2)
    build_index([photo_dir, library_dir], index_dir, backbone, options)
    for path in photo_dir.iterdir():
        path.touch()
    with pytest.raises(Interrupted):
        build_index([photo_dir], index_dir, backbone, options, stop_at(4))
    assert remove_photos(index_dir, f"{photo_dir}/*") == 4
    build_index([library_dir], index_dir, backbone, options)
    assert sorted(paths(index_dir)) == sorted(library_dir.rglob("*.png"))
    build_index([photo_dir], index_dir, backbone, options)  # only then they are wanted again
    assert_sound(index_dir, backbone, [*library_dir.rglob("*.png"), *photo_dir.iterdir()])


def test_photos_of_a_folder_that_cannot_be_opened_stay(
    photo_dir: Path,
    tmp_path: Path,
    backbone: Backbone,
    build: Build,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    index_dir, sub = tmp_path / "index", photo_dir / "sub"
    sub.mkdir()
    (photo_dir / "coffee.png").rename(sub / "coffee.png")
    (photo_dir / "rocket.png").rename(sub / "rocket.png")
    build(photo_dir, index_dir)
    before, scandir = paths(index_dir), os.scandir
    (photo_dir / "chelsea.png").unlink()
    before.remove(photo_dir / "chelsea.png")
    with monkeypatch.context() as patch:
        patch.setattr(
            os, "scandir", lambda path: refuse(path) if path == str(sub) else scandir(path)
        )
        for dropped in (1, 0):
            report = build(photo_dir, index_dir)
            assert counts(report) == (3, 0, 0, dropped, 3)
            assert report.unreadable == [f"{sub}: Permission denied"]
            assert sorted(paths(index_dir)) == sorted(before)
        assert read_manifest(index_dir).unusable == 1
    (sub / "rocket.png").unlink()
    assert counts(build(photo_dir, index_dir)) == (2, 0, 0, 1, 2)
    assert_sound(index_dir, backbone, [photo_dir / "astronaut.png", sub / "coffee.png"])


def test_a_photo_that_cannot_be_looked_at_stays(
    photo_dir: Path, tmp_path: Path, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(photo_dir, tmp_path / "index")
    coffee, stat = str(photo_dir / "coffee.png"), os.stat
    with monkeypatch.context() as patch:
        patch.setattr(
            os,
            "stat",
            lambda path, **kwargs: refuse(path) if path == coffee else stat(path, **kwargs),
        )
        report = build(photo_dir, tmp_path / "index")
    assert counts(report) == (4, 0, 0, 0, 4)
    assert report.unreadable == [f"{coffee}: Permission denied"]
    assert len(paths(tmp_path / "index")) == 4
