import os
from pathlib import Path

import numpy as np
import pytest

from retrieval.building.engines.local import ShardJob, shard_name, write_one_shard, write_shards
from retrieval.extraction.extractor import Extractor
from retrieval.photos.listing import list_sources
from retrieval.photos.reader import NO_PICTURE
from retrieval.storage.shards import Photos, read_descriptors, read_photos, shard_key
from similarity.backbone.backbone import Backbone


@pytest.fixture
def job(photo_dir: Path, tmp_path: Path, backbone: Backbone) -> ShardJob:
    """Four photos and a file that is none, five a shard."""
    (photo_dir / "broken.jpg").write_text("not a picture")
    (tmp_path / "features").mkdir()
    extractor = Extractor.bundled(backbone)
    assert extractor
    return ShardJob(
        list_sources([photo_dir]),
        tmp_path / "features",
        extractor,
        "k" * 16,
        workers=0,
        batch=5,
        shard_photos=5,
    )


def names(photos: Photos) -> list[str]:
    return [os.fsdecode(name) for name in photos.path]


def test_shards_as_they_are_complete(job: ShardJob) -> None:
    unreadable: list[str] = []
    seen: list[tuple[int, int]] = []
    written = list(write_shards(job, unreadable, lambda *numbers: seen.append(numbers)))
    found = sorted(name for _, photos in written for name in names(photos))
    assert found == ["astronaut.png", "chelsea.png", "coffee.png", "rocket.png"]
    assert unreadable == [f"{os.fsdecode(job.sources[0].root)}/broken.jpg: {NO_PICTURE}"]
    assert seen == [(5, 5)]
    for path, photos in written:
        assert names(read_photos(path)) == names(photos)
        assert shard_key(path) == job.key
    assert {path.name for path, _ in written} == {p.name for p in job.folder.iterdir()}


def test_one_shard_under_its_name(job: ShardJob) -> None:
    name = shard_name()
    assert write_one_shard(job, name) == [
        f"{os.fsdecode(job.sources[0].root)}/broken.jpg: {NO_PICTURE}"
    ]
    assert len(read_photos(job.folder / name)) == 4


def test_a_finished_shard_is_not_written_again_but_what_is_unusable_is_told_again(
    job: ShardJob,
) -> None:
    name = shard_name()
    first = write_one_shard(job, name)
    before, photos = (job.folder / name).stat(), read_photos(job.folder / name)
    assert write_one_shard(job, name) == first
    after = (job.folder / name).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert names(read_photos(job.folder / name)) == names(photos)
    assert len(read_descriptors(job.folder / name)) == len(photos)


def test_nothing_usable_makes_no_shard(job: ShardJob) -> None:
    for source in job.sources:
        Path(os.fsdecode(source.absolute)).write_bytes(b"")
    assert len(write_one_shard(job, shard_name())) == 5
    assert list(job.folder.iterdir()) == []


def test_names_are_those_of_built_shards() -> None:
    made = {shard_name() for _ in range(20)}
    assert len(made) == 20
    assert all(
        len(name) == 19
        and name.endswith(".h5")
        and np.all([c in "0123456789abcdef" for c in name[:16]])
        for name in made
    )
