import errno
import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
import torch
from PIL import Image

from retrieval.building import builder
from retrieval.building.builder import BuildOptions, build_index
from retrieval.building.changes import BuildReport
from retrieval.building.up_to_date import report_up_to_date
from retrieval.extraction.extractor import Extractor, glance
from retrieval.extraction.pca import load_projections
from retrieval.maintenance.remove import remove_photos
from retrieval.photos.listing import list_sources
from retrieval.photos.reader import read_small_rgb
from retrieval.search.photo_index import PhotoIndex
from retrieval.storage.manifest import FAISS, FEATURES, LOCK, MANIFEST, read_manifest
from retrieval.storage.shards import read_descriptors, read_photos
from similarity.backbone.backbone import SLIM_NORMALISATION, Backbone
from similarity.backbone.vgg19 import VGG19, VGG19Config

Build = Callable[..., BuildReport]


def counts(report: BuildReport) -> tuple[int, int, int, int, int]:
    return report.count, report.added, report.changed, report.dropped, report.kept


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def edit(index_dir: Path, **values: object) -> None:
    """Change what index.json says."""
    data = json.loads((index_dir / MANIFEST).read_text())
    (index_dir / MANIFEST).write_text(json.dumps(data | values))


def shards(index_dir: Path) -> set[str]:
    return {p.name for p in (index_dir / FEATURES).iterdir()}


def paths(index_dir: Path) -> list[Path]:
    index = PhotoIndex.open(index_dir)
    return [index.path(row) for row in range(len(index))]


def assert_sound(index_dir: Path, backbone: Backbone, expected: list[Path]) -> None:
    """Exactly the expected photos, each described as it is now, nothing lying about."""
    index, manifest = PhotoIndex.open(index_dir), read_manifest(index_dir)
    assert sorted(paths(index_dir)) == sorted(expected)
    assert manifest.count == len(expected) == sum(s.count for s in manifest.shards)
    assert shards(index_dir) == {s.file for s in manifest.shards}
    assert {p.name for p in index_dir.iterdir()} - {LOCK} == {
        MANIFEST,
        FAISS,
        FEATURES,
        manifest.pca_file,
    }
    extractor = index.extractor(backbone)
    row = 0
    for entry in manifest.shards:
        stored = read_descriptors(index_dir / FEATURES / entry.file)
        assert len(read_photos(index_dir / FEATURES / entry.file)) == len(stored) == entry.count
        seen = extractor.describe(
            [glance(read_small_rgb(index.path(row + i), 224)) for i in range(entry.count)]
        )
        np.testing.assert_array_equal(stored.histogram, seen.histogram)
        ours, theirs = (x.global_.astype(np.float32) for x in (stored, seen))
        assert (ours * theirs).sum(1).min() > 0.995
        np.testing.assert_array_equal(index.searcher.index.reconstruct_n(row, entry.count), ours)
        row += entry.count


@pytest.fixture(scope="module")
def tiny() -> Backbone:
    """A backbone that brings no projections, so they are fitted to the photos."""
    torch.manual_seed(0)
    config = VGG19Config(widths=(4, 6, 8, 10, 12), in_channels=1, pool_size=1, hidden=(20,))
    return Backbone("vgg19", VGG19(config), SLIM_NORMALISATION, "f" * 16)


class Interrupted(Exception):
    """Stands for a power cut."""


def stop_at(number: int) -> Callable[[int, int], None]:
    def progress(done: int, total: int) -> None:
        if done >= number:
            raise Interrupted

    return progress


def refuse(path: str) -> NoReturn:
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)


# A first build


def test_first_build(photo_dir: Path, tmp_path: Path, backbone: Backbone, build: Build) -> None:
    seen: list[tuple[int, int]] = []
    report = build(photo_dir, tmp_path / "index", lambda *numbers: seen.append(numbers))
    assert counts(report) == (4, 4, 0, 0, 0)
    assert report.unreadable == []
    assert seen == [(3, 4), (4, 4)]
    assert [s.count for s in read_manifest(tmp_path / "index").shards] == [3, 1]
    assert_sound(tmp_path / "index", backbone, sorted(photo_dir.iterdir()))


def test_with_a_worker_process(photo_dir: Path, tmp_path: Path, backbone: Backbone) -> None:
    report = build_index([photo_dir], tmp_path / "index", backbone, BuildOptions(workers=1))
    assert counts(report) == (4, 4, 0, 0, 0)
    assert_sound(tmp_path / "index", backbone, sorted(photo_dir.iterdir()))


def test_odd_files_in_a_corpus(odd_files, tmp_path: Path, backbone: Backbone, build: Build) -> None:
    report = build(odd_files.usable["whole.png"].parent, tmp_path / "index")
    assert report.count == report.added == len(odd_files.usable)
    assert len(report.unreadable) == len(odd_files.unusable)
    for path in odd_files.unusable.values():
        assert sum(line.startswith(f"{path}: ") for line in report.unreadable) == 1
    assert_sound(tmp_path / "index", backbone, list(odd_files.usable.values()))


def test_names_that_are_not_utf8(
    photo_dir: Path, tmp_path: Path, backbone: Backbone, build: Build
) -> None:
    photos = photo_dir.rename(tmp_path / os.fsdecode(b"f\xf4tos"))
    coffee = (photos / "coffee.png").rename(photos / os.fsdecode(b"caf\xe9.png"))
    assert counts(build(photos, tmp_path / "index")) == (4, 4, 0, 0, 0)
    assert_sound(tmp_path / "index", backbone, sorted(photos.iterdir()))
    coffee.unlink()
    assert counts(build(photos, tmp_path / "index")) == (3, 0, 0, 1, 3)


def test_index_folder_whose_name_is_not_utf8(
    photo_dir: Path, tmp_path: Path, backbone: Backbone, build: Build
) -> None:
    folder = tmp_path / os.fsdecode(b"\xeendex")
    build(photo_dir, folder)
    assert_sound(folder, backbone, sorted(photo_dir.iterdir()))


# Bringing it up to date


def test_nothing_new_changes_no_file(photo_dir: Path, tmp_path: Path, build: Build) -> None:
    build(photo_dir, tmp_path / "index")
    before = files(tmp_path / "index")
    assert counts(build(photo_dir, tmp_path / "index", stop_at(0))) == (4, 0, 0, 0, 4)
    assert files(tmp_path / "index") == before


def test_added_changed_dropped_and_kept(
    photo_dir: Path,
    tmp_path: Path,
    backbone: Backbone,
    build: Build,
    pictures: dict[str, np.ndarray],
) -> None:
    build(photo_dir, tmp_path / "index")
    Image.fromarray(pictures["retina"]).save(photo_dir / "new.png")
    Image.fromarray(pictures["hubble"]).save(photo_dir / "coffee.png")  # changed
    (photo_dir / "rocket.png").unlink()
    seen: list[tuple[int, int]] = []
    report = build(photo_dir, tmp_path / "index", lambda *numbers: seen.append(numbers))
    assert counts(report) == (4, 1, 1, 1, 2)
    assert seen == [(2, 2)]  # only what is new or changed was looked at
    assert_sound(tmp_path / "index", backbone, sorted(photo_dir.iterdir()))


def test_only_dropped(photo_dir: Path, tmp_path: Path, backbone: Backbone, build: Build) -> None:
    build(photo_dir, tmp_path / "index")
    (photo_dir / "astronaut.png").unlink()
    assert counts(build(photo_dir, tmp_path / "index")) == (3, 0, 0, 1, 3)
    assert_sound(tmp_path / "index", backbone, sorted(photo_dir.iterdir()))


def test_a_touched_file_is_looked_at_again(
    photo_dir: Path, tmp_path: Path, backbone: Backbone, build: Build
) -> None:
    build(photo_dir, tmp_path / "index")
    os.utime(photo_dir / "coffee.png", ns=(1, 1))
    assert counts(build(photo_dir, tmp_path / "index")) == (4, 0, 1, 0, 3)
    assert counts(build(photo_dir, tmp_path / "index")) == (4, 0, 0, 0, 4)
    assert_sound(tmp_path / "index", backbone, sorted(photo_dir.iterdir()))


def test_changed_into_something_unreadable(
    photo_dir: Path, tmp_path: Path, backbone: Backbone, build: Build
) -> None:
    build(photo_dir, tmp_path / "index")
    (photo_dir / "coffee.png").write_bytes(b"broken")
    report = build(photo_dir, tmp_path / "index")
    assert report.count == report.kept == 3
    assert report.added == report.changed == 0
    assert report.unreadable == [f"{photo_dir / 'coffee.png'}: not a picture that can be read"]
    assert_sound(
        tmp_path / "index",
        backbone,
        [photo_dir / f"{name}.png" for name in ("astronaut", "chelsea", "rocket")],
    )


def test_folders_not_named_stay(
    photo_dir: Path, library_dir: Path, tmp_path: Path, backbone: Backbone, build: Build
) -> None:
    build(library_dir, tmp_path / "index")
    assert counts(build(photo_dir, tmp_path / "index")) == (12, 4, 0, 0, 8)
    (photo_dir / "rocket.png").unlink()
    assert counts(build([photo_dir, library_dir], tmp_path / "index")) == (11, 0, 0, 1, 11)
    assert_sound(
        tmp_path / "index",
        backbone,
        [*photo_dir.iterdir(), *(p for p in library_dir.rglob("*.png"))],
    )


def test_a_folder_whose_name_begins_alike_stays(
    photo_dir: Path, tmp_path: Path, build: Build
) -> None:
    shutil.copytree(photo_dir, tmp_path / "photos 2")
    build([photo_dir, tmp_path / "photos 2"], tmp_path / "index")
    shutil.rmtree(tmp_path / "photos 2")
    assert counts(build(photo_dir, tmp_path / "index")) == (8, 0, 0, 0, 8)


def test_single_files_are_added_and_nothing_is_dropped(
    photo_dir: Path, tmp_path: Path, build: Build
) -> None:
    build(photo_dir / "coffee.png", tmp_path / "index")
    assert counts(build([photo_dir / "rocket.png"], tmp_path / "index")) == (2, 1, 0, 0, 1)
    assert counts(build(photo_dir, tmp_path / "index")) == (4, 2, 0, 0, 2)


def test_the_same_folder_by_another_name_adds_nothing(
    photo_dir: Path, tmp_path: Path, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(photo_dir, tmp_path / "index")
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    assert counts(build(Path("../photos"), Path("../index"))) == (4, 0, 0, 0, 4)
    (tmp_path / "other" / "link").symlink_to(photo_dir)
    for name in ("link", f"/{photo_dir}", "link/../photos"):
        assert counts(build(Path(name), Path("../index"))) == (4, 0, 0, 0, 4)


def test_overwrite_describes_all_anew(
    photo_dir: Path, library_dir: Path, tmp_path: Path, backbone: Backbone, build: Build
) -> None:
    build(library_dir, tmp_path / "index")
    before = shards(tmp_path / "index")
    seen: list[tuple[int, int]] = []
    report = build(
        photo_dir, tmp_path / "index", lambda *numbers: seen.append(numbers), overwrite=True
    )
    # those of the folder that is not named are gone, and are told
    assert counts(report) == (4, 4, 0, 8, 0)
    assert seen[-1] == (4, 4)
    assert not before & shards(tmp_path / "index")
    assert_sound(tmp_path / "index", backbone, sorted(photo_dir.iterdir()))


def test_moved_photos_are_found_after_overwrite(
    photo_dir: Path, tmp_path: Path, backbone: Backbone, build: Build
) -> None:
    build(photo_dir, tmp_path / "index")
    photo_dir.rename(tmp_path / "moved")
    assert not any(path.exists() for path in paths(tmp_path / "index"))
    build(tmp_path / "moved", tmp_path / "index", overwrite=True)
    assert_sound(tmp_path / "index", backbone, sorted((tmp_path / "moved").iterdir()))


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
        match=f"{shard.name}: damaged or missing; to describe its photos again name also {photo_dir}",
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
        match=f"{shard.name}: damaged or missing; to describe its photos again name also {photo_dir}",
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
        build_index([library_dir], index_dir, backbone, options, stop_at(5))
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
            stop_at(3),
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


# What cannot be looked at


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


# Interruptions


def test_an_interrupted_first_build_resumes(
    library_dir: Path, tmp_path: Path, backbone: Backbone, build: Build
) -> None:
    index_dir = tmp_path / "index"
    with pytest.raises(Interrupted):
        build(library_dir, index_dir, stop_at(8))
    finished = files(index_dir / FEATURES)
    assert len(finished) == 2  # of three photos each; the last two photos are lost
    with pytest.raises(
        FileNotFoundError,
        match="this index was never finished; run the same build-index again, it resumes",
    ):
        PhotoIndex.open(index_dir)
    seen: list[tuple[int, int]] = []
    report = build(library_dir, index_dir, lambda *numbers: seen.append(numbers))
    assert seen == [(2, 2)]
    assert counts(report) == (8, 2, 0, 0, 6)
    assert finished.items() <= files(index_dir / FEATURES).items()
    assert_sound(index_dir, backbone, list(library_dir.rglob("*.png")))


def test_a_clock_that_was_ahead_loses_no_finished_shards(
    photo_dir: Path, library_dir: Path, tmp_path: Path, build: Build
) -> None:
    index_dir = tmp_path / "index"
    build(photo_dir, index_dir)
    os.utime(index_dir / MANIFEST, (time.time() + 7200,) * 2)
    with pytest.raises(Interrupted):
        build([photo_dir, library_dir], index_dir, stop_at(8))
    assert build([photo_dir, library_dir], index_dir).added == 2  # the six others were taken over


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.EMFILE])
def test_a_shard_out_of_reach_is_not_taken_for_damaged(
    photo_dir: Path, tmp_path: Path, build: Build, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """A drive may be unplugged: what was described is not given up because it cannot be read at the moment."""
    index_dir = tmp_path / "index"
    build(photo_dir, index_dir)
    before = files(index_dir / FEATURES)

    def unreadable(path: Path) -> str:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr("retrieval.storage.inventory.file_sha256", unreadable)
        with pytest.raises(OSError, match=os.strerror(number)) as error:
            build(photo_dir, index_dir)
    assert error.value.filename in {str(index_dir / FEATURES / name) for name in before}
    assert files(index_dir / FEATURES) == before
    assert build(photo_dir, index_dir).kept == 4


def test_the_complete_index_stays_readable_while_a_build_is_interrupted(
    photo_dir: Path,
    tmp_path: Path,
    backbone: Backbone,
    build: Build,
    pictures: dict[str, np.ndarray],
) -> None:
    index_dir = tmp_path / "index"
    build(photo_dir, index_dir)
    before = paths(index_dir)
    for i in range(5):
        Image.fromarray(pictures["retina"]).rotate(10 * i).save(photo_dir / f"new{i}.png")
    (photo_dir / "rocket.png").unlink()
    with pytest.raises(Interrupted):
        build(photo_dir, index_dir, stop_at(5))
    assert paths(index_dir) == before
    index = PhotoIndex.open(index_dir)
    found = index.recommend(glance(pictures["chelsea"]), index.extractor(backbone), top_k=1)
    assert found[0].path.name == "chelsea.png"
    seen: list[tuple[int, int]] = []
    report = build(photo_dir, index_dir, lambda *numbers: seen.append(numbers))
    assert seen == [(2, 2)]  # the shard with three of the five new photos was taken over
    assert (report.count, report.added, report.dropped) == (8, 2, 1)
    assert_sound(index_dir, backbone, sorted(photo_dir.iterdir()))


@pytest.mark.parametrize("change", ["add", "change"])
def test_interrupted_after_the_last_shard(
    photo_dir: Path,
    tmp_path: Path,
    backbone: Backbone,
    build: Build,
    pictures: dict[str, np.ndarray],
    change: str,
) -> None:
    index_dir = tmp_path / "index"
    build(photo_dir, index_dir)
    Image.fromarray(pictures["hubble"]).save(
        photo_dir / {"add": "new.png", "change": "coffee.png"}[change]
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(builder, "commit", lambda *_: stop_at(0)(0, 0))
        with pytest.raises(Interrupted):
            build(photo_dir, index_dir)
    build(photo_dir, index_dir)
    assert_sound(index_dir, backbone, sorted(photo_dir.iterdir()))


def test_interrupted_while_committing(
    photo_dir: Path,
    tmp_path: Path,
    backbone: Backbone,
    build: Build,
    pictures: dict[str, np.ndarray],
) -> None:
    index_dir = tmp_path / "index"
    build(photo_dir, index_dir)
    before = paths(index_dir)
    Image.fromarray(pictures["hubble"]).save(photo_dir / "new.png")
    with pytest.MonkeyPatch.context() as patch:
        # index.faiss is new, index.json is not
        patch.setattr(builder.Manifest, "write", lambda *_: stop_at(0)(0, 0))
        with pytest.raises(Interrupted):
            build(photo_dir, index_dir)
    assert paths(index_dir) == before
    index = PhotoIndex.open(index_dir)
    found = index.recommend(glance(pictures["coffee"]), index.extractor(backbone), top_k=1)
    assert found[0].path.name == "coffee.png"
    build(photo_dir, index_dir)
    assert_sound(index_dir, backbone, sorted(photo_dir.iterdir()))


def test_half_written_files_are_cleared_away(
    photo_dir: Path, tmp_path: Path, backbone: Backbone, build: Build
) -> None:
    index_dir = tmp_path / "index"
    (index_dir / FEATURES).mkdir(parents=True)
    (index_dir / FEATURES / "0123456789abcdef.0123456789abcdef.tmp").write_bytes(b"half a shard")
    (index_dir / FEATURES / "fedcba9876543210.h5").write_bytes(b"a damaged shard")
    assert counts(build(photo_dir, index_dir)) == (4, 4, 0, 0, 0)
    assert_sound(index_dir, backbone, sorted(photo_dir.iterdir()))


def test_shards_of_other_settings_are_not_taken_over(
    photo_dir: Path, tmp_path: Path, tiny: Backbone, build: Build
) -> None:
    with pytest.raises(Interrupted):
        build_index(
            [photo_dir],
            tmp_path / "index",
            tiny,
            BuildOptions(0, batch=1, shard_photos=1),
            stop_at(4),
        )
    assert len(shards(tmp_path / "index")) == 3
    assert counts(build(photo_dir, tmp_path / "index")) == (4, 4, 0, 0, 0)


# Two builders


def test_a_second_builder_is_refused(
    photo_dir: Path, tmp_path: Path, backbone: Backbone, build: Build
) -> None:
    index_dir = tmp_path / "index"
    build(photo_dir, index_dir)
    before = files(index_dir)
    (photo_dir / "rocket.png").unlink()
    (photo_dir / "coffee.png").touch()
    refused = []

    def meanwhile(done: int, total: int) -> None:
        for overwrite in (False, True):
            with pytest.raises(
                ValueError, match="another build-index is writing here; wait until it has ended"
            ):
                build(photo_dir, index_dir, overwrite=overwrite)
            refused.append(files(index_dir) == before)

    assert counts(build(photo_dir, index_dir, meanwhile)) == (3, 0, 1, 1, 2)
    assert refused == [True, True]
    assert_sound(index_dir, backbone, sorted(photo_dir.iterdir()))


def test_the_lock_of_a_dead_builder_does_not_block(
    photo_dir: Path, tmp_path: Path, build: Build
) -> None:
    (tmp_path / "index" / FEATURES).mkdir(parents=True)
    (tmp_path / "index" / LOCK).touch()
    assert build(photo_dir, tmp_path / "index").count == 4


# Damage


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


def test_unusable_files_and_the_time_are_noted(
    photo_dir: Path, tmp_path: Path, build: Build
) -> None:
    (photo_dir / "broken.jpg").write_text("not a picture")
    build(photo_dir, tmp_path / "index")
    manifest = read_manifest(tmp_path / "index")
    age = datetime.now(UTC) - datetime.fromisoformat(manifest.built)
    assert 0 <= age.total_seconds() < 600
    assert manifest.unusable == 1
    build(photo_dir, tmp_path / "index")
    assert read_manifest(tmp_path / "index") == manifest
    (photo_dir / "broken.jpg").unlink()
    assert counts(build(photo_dir, tmp_path / "index")) == (4, 0, 0, 0, 4)
    assert read_manifest(tmp_path / "index").unusable == 0


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
    assert "No space left on device; the previous index is intact; free some space" in str(
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


# Refusals


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
        match=r"built with backbone vgg19-slim \(weights \w{16}\), this run has vgg19 \(weights f{16}",
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


# Projections fitted to the photos


def test_fitted_projections_are_kept_for_later_builds(
    photo_dir: Path, tmp_path: Path, tiny: Backbone, pictures: dict[str, np.ndarray]
) -> None:
    index_dir, options = tmp_path / "index", BuildOptions(workers=0, batch=3, shard_photos=3)
    build_index([photo_dir], index_dir, tiny, options)
    manifest = read_manifest(index_dir)
    global_, local = load_projections(index_dir / manifest.pca_file)
    assert (global_.components.shape, local.components.shape) == ((128, 20), (64, 12))
    assert np.abs(global_.components[:3]).sum(1).min() > 0.5  # four photos span three dimensions
    assert not global_.components[3:].any()
    Image.fromarray(pictures["retina"]).save(photo_dir / "new.png")
    assert counts(build_index([photo_dir], index_dir, tiny, options)) == (5, 1, 0, 0, 4)
    assert read_manifest(index_dir).pca_hash == manifest.pca_hash
    assert_sound(index_dir, tiny, sorted(photo_dir.iterdir()))
    build_index([photo_dir], index_dir, tiny, BuildOptions(workers=0, overwrite=True))
    assert read_manifest(index_dir).pca_hash != manifest.pca_hash  # fitted anew, to five photos
    assert_sound(index_dir, tiny, sorted(photo_dir.iterdir()))


def test_an_interrupted_build_keeps_its_projections(
    photo_dir: Path, tmp_path: Path, tiny: Backbone
) -> None:
    index_dir, options = tmp_path / "index", BuildOptions(workers=0, batch=1, shard_photos=1)
    with pytest.raises(Interrupted):
        build_index([photo_dir], index_dir, tiny, options, stop_at(3))
    [projections] = index_dir.glob("pca-*.safetensors")
    (photo_dir / "coffee.png").unlink()  # another sample would give other projections
    assert counts(build_index([photo_dir], index_dir, tiny, options)) == (3, 1, 0, 0, 2)
    assert read_manifest(index_dir).pca_file == projections.name


def test_bundled_projections_make_indexes_comparable(
    photo_dir: Path, library_dir: Path, tmp_path: Path, backbone: Backbone, build: Build
) -> None:
    build(photo_dir, tmp_path / "a")
    build(library_dir / "sub", tmp_path / "b")
    manifest = read_manifest(tmp_path / "a")
    assert manifest.key == read_manifest(tmp_path / "b").key
    stored, bundled = (
        load_projections(tmp_path / "a" / manifest.pca_file),
        Extractor.bundled(backbone),
    )
    np.testing.assert_array_equal(stored[0].components, bundled.global_projection.components)
    np.testing.assert_array_equal(stored[1].components, bundled.local_projection.components)


def test_projections_are_those_that_the_index_names(
    photo_dir: Path, library_dir: Path, tmp_path: Path, tiny: Backbone
) -> None:
    index_dir, options = tmp_path / "index", BuildOptions(workers=0, batch=1, shard_photos=1)
    build_index([photo_dir, library_dir], index_dir, tiny, options)
    manifest = read_manifest(index_dir)
    with pytest.raises(Interrupted):
        build_index([photo_dir], index_dir, tiny, replace(options, overwrite=True), stop_at(2))
    [left] = (p for p in index_dir.glob("pca-*") if p.name != manifest.pca_file)
    left.rename(index_dir / f"pca-{'0' * 16}.safetensors")  # the first by name
    assert counts(build_index([photo_dir], index_dir, tiny, options)) == (12, 0, 0, 0, 12)
    assert_sound(index_dir, tiny, [*photo_dir.iterdir(), *library_dir.rglob("*.png")])
    assert read_manifest(index_dir).pca_file == manifest.pca_file


@pytest.mark.parametrize("damage", ["missing", "flipped bit"])
def test_lost_projections_are_told_before_photos_are_dropped(
    photo_dir: Path, library_dir: Path, tmp_path: Path, tiny: Backbone, damage: str
) -> None:
    index_dir, options = tmp_path / "index", BuildOptions(workers=0)
    build_index([photo_dir, library_dir], index_dir, tiny, options)
    manifest = read_manifest(index_dir)
    path = index_dir / manifest.pca_file
    data = path.read_bytes()
    path.unlink()
    if damage == "flipped bit":
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    before = files(index_dir)
    wanted = rf"{index_dir}: described with other projections \({manifest.pca_hash}\) .*name all of its folders with --overwrite"
    with pytest.raises(ValueError, match=wanted):
        build_index([photo_dir], index_dir, tiny, options)
    assert files(index_dir) == before
    # fitted to the same photos they are the same
    build_index([photo_dir, library_dir], index_dir, tiny, options)
    assert read_manifest(index_dir) == manifest
    assert_sound(index_dir, tiny, [*photo_dir.iterdir(), *library_dir.rglob("*.png")])


def test_other_bundled_projections_are_refused(
    photo_dir: Path, tmp_path: Path, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    index_dir = tmp_path / "index"
    build(photo_dir, index_dir)
    before, bundled = files(index_dir), Extractor.bundled

    def refitted(backbone: Backbone) -> Extractor:
        found = bundled(backbone)
        moved = replace(found.local_projection, mean=found.local_projection.mean + 1)
        return replace(found, local_projection=moved)

    monkeypatch.setattr(Extractor, "bundled", refitted)
    with pytest.raises(ValueError, match="described with other projections"):
        build(photo_dir, index_dir)
    assert files(index_dir) == before
    assert counts(build(photo_dir, index_dir, overwrite=True)) == (4, 4, 0, 0, 0)
