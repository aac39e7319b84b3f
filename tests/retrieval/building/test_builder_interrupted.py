"""Builds that are interrupted, and several at once."""

import errno
import os
import time
from pathlib import Path

import numpy as np
import pytest
from index_state import Build, Interrupted, assert_sound, counts, files, paths, shards, stop_at
from PIL import Image

from retrieval.building import builder
from retrieval.building.builder import BuildOptions, build_index
from retrieval.extraction.extractor import glance
from retrieval.search.photo_index import PhotoIndex
from retrieval.storage.manifest import FEATURES, LOCK, MANIFEST
from similarity.backbone.backbone import Backbone


def test_an_interrupted_first_build_resumes(
    library_dir: Path, tmp_path: Path, backbone: Backbone, build: Build
) -> None:
    index_dir = tmp_path / "index"
    with pytest.raises(Interrupted):
        build(library_dir, index_dir, stop_at(6))
    finished = files(index_dir / FEATURES)
    assert len(finished) == 2  # of three photos each; the second was not written yet
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
        build([photo_dir, library_dir], index_dir, stop_at(6))
    assert build([photo_dir, library_dir], index_dir).added == 2  # the six others were taken over


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.EMFILE])
def test_a_shard_out_of_reach_is_not_taken_for_damaged(
    photo_dir: Path, tmp_path: Path, build: Build, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """A drive may be unplugged.

    What was described is not given up because it cannot be read at the moment.
    """
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


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.EMFILE])
def test_an_unfinished_shard_out_of_reach_is_not_removed(
    library_dir: Path,
    tmp_path: Path,
    build: Build,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
) -> None:
    index_dir = tmp_path / "index"
    with pytest.raises(Interrupted):
        build(library_dir, index_dir, stop_at(6))
    before = files(index_dir / FEATURES)

    def unreadable(path: Path, mode: str) -> None:
        raise OSError(number, "Unable to synchronously open file")

    with monkeypatch.context() as patch:
        patch.setattr("h5py.File", unreadable)
        with pytest.raises(OSError, match=os.strerror(number)) as error:
            build(library_dir, index_dir)
    assert Path(error.value.filename).name in before
    assert files(index_dir / FEATURES) == before
    assert build(library_dir, index_dir).kept == 6


def test_the_complete_index_stays_readable_while_a_build_is_interrupted(
    photo_dir: Path,
    own_index: Path,
    backbone: Backbone,
    build: Build,
    pictures: dict[str, np.ndarray],
) -> None:
    index_dir, before = own_index, paths(own_index)
    for i in range(5):
        Image.fromarray(pictures["retina"]).rotate(10 * i).save(photo_dir / f"new{i}.png")
    (photo_dir / "rocket.png").unlink()
    with pytest.raises(Interrupted):
        build(photo_dir, index_dir, stop_at(3))
    assert paths(index_dir) == before
    index = PhotoIndex.open(index_dir)
    found = index.rank(index.extractor(backbone).describe([glance(pictures["chelsea"])]), top_k=1)
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
    own_index: Path,
    backbone: Backbone,
    build: Build,
    pictures: dict[str, np.ndarray],
) -> None:
    index_dir, before = own_index, paths(own_index)
    Image.fromarray(pictures["hubble"]).save(photo_dir / "new.png")
    with pytest.MonkeyPatch.context() as patch:
        # index.faiss is new, index.json is not
        patch.setattr(builder.IndexManifest, "write", lambda *_: stop_at(0)(0, 0))
        with pytest.raises(Interrupted):
            build(photo_dir, index_dir)
    assert paths(index_dir) == before
    index = PhotoIndex.open(index_dir)
    found = index.rank(index.extractor(backbone).describe([glance(pictures["coffee"])]), top_k=1)
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
            stop_at(3),
        )
    assert len(shards(tmp_path / "index")) == 3
    assert counts(build(photo_dir, tmp_path / "index")) == (4, 4, 0, 0, 0)


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
