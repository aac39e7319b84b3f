"""Builds that are killed: the index stays the one before or becomes the one after."""

import signal
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from index_state import rows
from PIL import Image

from retrieval.extraction.extractor import glance
from retrieval.maintenance.verify import verify_index
from retrieval.search.photo_index import PhotoIndex
from retrieval.storage.manifest import FEATURES, read_manifest
from retrieval.storage.shards import read_photos
from similarity.backbone.backbone import Backbone

KILLED = -signal.SIGKILL


Order = Callable[..., int]


def draw(path: Path, rng: np.random.Generator) -> None:
    """A picture of a few soft colors."""
    small = rng.integers(0, 256, (4, 6, 3), np.uint8)
    Image.fromarray(small).resize((60, 40), Image.Resampling.BICUBIC).save(path)


def change(photos: Path, rng: np.random.Generator, number: int) -> int:
    """Change six photos, delete two, add three; returns how many there are to describe."""
    names = sorted(photos.iterdir())
    picked = rng.permutation(len(names))
    for i in picked[:6]:
        draw(names[i], rng)
    for i in picked[6:8]:
        names[i].unlink()
    for i in range(3):
        draw(photos / f"new{number}_{i}.png", rng)
    return 9


class Reader(threading.Thread):
    """Opens the index and asks it, again and again, as long as builds go on."""

    def __init__(self, index_dir: Path, backbone: Backbone, query: np.ndarray) -> None:
        super().__init__(daemon=True)
        self.index_dir, self.backbone, self.query = index_dir, backbone, glance(query)
        self.errors: list[BaseException] = []
        self.answers, self.ended = 0, threading.Event()

    def run(self) -> None:
        while not self.ended.wait(0.1):
            try:
                index = PhotoIndex.open(self.index_dir)
                assert (
                    len(index.rank(index.extractor(self.backbone).describe([self.query]), 3)) == 3
                )
                self.answers += 1
            except BaseException as error:
                self.errors.append(error)


def test_builds_that_are_killed_at_any_moment(
    tmp_path: Path,
    order: Order,
    backbone: Backbone,
    rng: np.random.Generator,
    pictures: dict[str, np.ndarray],
) -> None:
    photos, index_dir = tmp_path / "photos", tmp_path / "index"
    photos.mkdir()
    for i in range(60):
        draw(photos / f"{i:02d}.png", rng)
    assert order("build", photos, index_dir, kill_after=(30, 0.0)) == KILLED
    assert len(list((index_dir / FEATURES).glob("*.h5"))) >= 7
    assert order("build", photos, index_dir) == 0
    reader = Reader(index_dir, backbone, pictures["coffee"])
    reader.start()
    ends = []
    for i in range(10):
        todo = change(photos, rng, i)
        # every other one after the last photo
        moment = int(rng.integers(0, todo + 1)) if i % 2 else todo
        ends.append(
            order("build", photos, index_dir, kill_after=(moment, float(rng.uniform(0, 0.04))))
        )
    assert order("build", photos, index_dir) == 0
    reader.ended.set()
    reader.join()
    assert reader.errors == []
    assert reader.answers >= 3
    assert set(ends) <= {0, KILLED}
    assert ends.count(KILLED) >= 5

    assert verify_index(index_dir) == []
    assert {p.name for p in (index_dir / FEATURES).iterdir()} == {
        s.file for s in read_manifest(index_dir).shards
    }
    assert not list(index_dir.glob("*.tmp"))
    assert order("build", photos, tmp_path / "uninterrupted") == 0
    assert rows(index_dir) == rows(tmp_path / "uninterrupted")


def shown(index_dir: Path) -> int:
    """How many photos the finished shards hold, whether the manifest knows them yet or not."""
    return sum(len(read_photos(path)) for path in (index_dir / FEATURES).glob("*.h5"))


@pytest.mark.long
def test_a_hundred_kills_during_the_build_of_two_thousand_photos(
    tmp_path: Path,
    order: Order,
    backbone: Backbone,
    rng: np.random.Generator,
    pictures: dict[str, np.ndarray],
) -> None:
    photos, index_dir, shard, kills = tmp_path / "photos", tmp_path / "index", 4, 100
    photos.mkdir()
    for i in range(100):
        draw(photos / f"{i:04d}.png", rng)
    assert order("build", photos, index_dir) == 0
    for i in range(100, 2000):
        draw(photos / f"{i:04d}.png", rng)
    reader = Reader(index_dir, backbone, pictures["coffee"])
    reader.start()
    for i in range(kills):
        before, moment = shown(index_dir), int(rng.integers(0, 19))
        assert (
            order("build", photos, index_dir, kill_after=(moment, float(rng.uniform(0, 0.1))))
            == KILLED
        )
        assert shown(index_dir) >= before + moment - shard, f"kill {i} cost more than a shard"
    assert shown(index_dir) < 2000  # every kill hit a build that was not done
    assert order("build", photos, index_dir) == 0
    reader.ended.set()
    reader.join()
    assert reader.errors == []
    assert reader.answers >= kills

    assert verify_index(index_dir) == []
    assert len(read_manifest(index_dir).shards) * shard >= 2000
    assert order("build", photos, tmp_path / "uninterrupted") == 0
    assert rows(index_dir) == rows(tmp_path / "uninterrupted")
