import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from index_state import Build, assert_sound, counts, files, paths, shards, stop_at
from PIL import Image

from retrieval.building.builder import BuildOptions, build_index
from retrieval.photos.reader import NO_PICTURE
from retrieval.storage.manifest import read_manifest
from similarity.backbone.backbone import Backbone


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
    assert report.unreadable == [f"{photo_dir / 'coffee.png'}: {NO_PICTURE}"]
    assert (report.count, report.dropped, report.kept) == (3, 1, 3)
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
