"""Writers of an index that are killed: the index stays the one before or becomes the one after, and nothing else."""

import hashlib
import json
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retrieval.building.commit import commit
from retrieval.extraction.extractor import glance
from retrieval.extraction.pca import Projection, hash_projections, save_projections
from retrieval.maintenance.verify import verify_index
from retrieval.search.photo_index import PhotoIndex
from retrieval.storage.descriptors import Descriptors
from retrieval.storage.inventory import known_photos
from retrieval.storage.manifest import FEATURES, Manifest, read_manifest
from retrieval.storage.shards import Photos, read_descriptors, read_photos, write_shard
from similarity.backbone.backbone import Backbone

KILLED = -signal.SIGKILL
Order = Callable[..., int]

# One process that has loaded everything and forks for each order. It has a single thread, so that
# forking is safe.
SERVER = """
import json, os, select, signal, sys, time
from pathlib import Path
import torch
torch.set_num_threads(1)
from retrieval.building.builder import BuildOptions, build_index
from retrieval.maintenance.merge import merge_indexes
from retrieval.maintenance.relink import relink
from retrieval.maintenance.remove import remove_photos
from similarity.backbone.backbone import load_backbone
network = load_backbone()

def build(photos, index, progress=None):
    build_index([Path(photos)], Path(index), network, BuildOptions(workers=0, batch=1, shard_photos=4), progress)

ORDERS = {
    "build": build,
    "remove": lambda index, pattern: remove_photos(Path(index), pattern),
    "relink": lambda index, root: relink(Path(index), [Path(root)]),
    "merge": lambda a, b, out: merge_indexes([Path(a), Path(b)], Path(out)),
}

def die_at(number, after):
    replace, seen = Path.replace, []
    def counting(self, target):
        seen.append(target)
        if len(seen) == number and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        replace(self, target)
        if len(seen) == number:
            os.kill(os.getpid(), signal.SIGKILL)
    Path.replace = counting

for line in sys.stdin:
    order = json.loads(line)
    steps, told = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            if "die_at" in order:
                die_at(*order["die_at"])
            more = {"progress": lambda done, total: os.write(told, b".")} if order["what"] == "build" else {}
            ORDERS[order["what"]](*order["arguments"], **more)
            os._exit(0)
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
    if "kill_after" in order:
        photos, seconds = order["kill_after"]
        deadline = time.monotonic() + 30
        while photos > 0 and time.monotonic() < deadline and select.select([steps], [], [], 5)[0]:
            photos -= len(os.read(steps, 1))
        time.sleep(seconds)
        os.kill(pid, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(steps), os.close(told)
    print(status, flush=True)
"""


@pytest.fixture(scope="module")
def order() -> Iterator[Order]:
    """``order(what, *arguments, **how_it_dies)`` in a process of its own; returns its exit status."""
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdin and server.stdout

    def run(what: str, *arguments: object, **how: object) -> int:
        server.stdin.write(
            json.dumps({"what": what, "arguments": [str(a) for a in arguments], **how}) + "\n"
        )
        server.stdin.flush()
        return int(server.stdout.readline())

    yield run
    server.stdin.close()
    assert server.wait(30) == 0


def rows(index_dir: Path) -> dict[bytes, tuple[bytes, ...]]:
    """Everything an index says of each photo."""
    found = {}
    for entry in read_manifest(index_dir).shards:
        path = index_dir / FEATURES / entry.file
        photos, described = read_photos(path), read_descriptors(path)
        for i in range(len(photos)):
            parts = [
                getattr(described, k)[i]
                for k in ("global_", "local", "histogram", "label", "chroma")
            ]
            found[photos.absolute(i)] = tuple(
                np.asarray(x).tobytes() for x in (*parts, photos.mtime_ns[i], photos.sha256[i])
            )
    return found


# Builds killed at random moments


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
                assert len(index.recommend(self.query, index.extractor(self.backbone), 3)) == 3
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


# Other changes, killed before and after each file that they put in its place


def made_index(index_dir: Path, photos: Path, numbers: list[int], rng: np.random.Generator) -> Path:
    """An index of small files with made descriptors, four photos a shard."""
    (index_dir / FEATURES).mkdir(parents=True)
    photos.mkdir(parents=True, exist_ok=True)
    one = [
        Projection(np.zeros(n, np.float32), np.eye(k, n, dtype=np.float32))
        for k, n in ((128, 130), (64, 70))
    ]
    manifest = Manifest("vgg19-slim", "a" * 16, hash_projections(*one), [], "", len(numbers))
    save_projections(index_dir / manifest.pca_file, *one, "a" * 16)
    for start in range(0, len(numbers), 4):
        made = []
        for n in numbers[start : start + 4]:
            path = photos / f"{n}.jpg"
            path.write_bytes(b"%d" % n)
            stat = path.stat()
            row = (
                str(photos).encode(),
                path.name.encode(),
                stat.st_size,
                stat.st_mtime_ns,
                hashlib.sha256(b"%d" % n).digest(),
            )
            made.append(row)
        shapes = (len(made), 128), (len(made), 49, 64), (len(made), 49, 10)
        parts = [rng.random(shape).astype(np.float16) for shape in shapes]
        described = Descriptors(
            *parts, np.zeros(len(made), np.int16), np.full(len(made), 30, np.float16)
        )
        write_shard(
            index_dir / FEATURES / f"{int(rng.integers(2**60)):016x}.h5",
            Photos.of(made),
            described,
            manifest.key,
        )
    commit(known_photos(index_dir, manifest.key, None), index_dir, manifest.key, manifest)
    return index_dir


@pytest.mark.parametrize("what", ["remove", "relink", "merge", "merge into one"])
def test_a_change_happens_wholly_or_not_at_all(
    tmp_path: Path, order: Order, rng: np.random.Generator, what: str
) -> None:
    start = made_index(tmp_path / "start", tmp_path / "photos", list(range(10)), rng)
    other = made_index(tmp_path / "other", tmp_path / "photos", list(range(8, 14)), rng)
    before = rows(start)
    if what == "relink":
        (tmp_path / "photos").rename(tmp_path / "moved")
    copy, out = tmp_path / "copy", tmp_path / ("out" if what == "merge" else "copy")
    arguments = {"remove": (copy, "[159].jpg"), "relink": (copy, tmp_path / "moved")}.get(
        what, (copy, other, out)
    )
    verb = what.split()[0]

    def fresh() -> None:
        for place in {copy, out}:
            shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(start, copy)

    fresh()
    assert order(verb, *arguments) == 0
    after = rows(out)
    assert after != before
    deaths = 0
    for is_after in (False, True):
        for number in range(1, 20):
            fresh()
            if order(verb, *arguments, die_at=(number, is_after)) == 0:
                break  # it puts fewer files in their places
            deaths += 1
            if (out / "index.json").exists():
                assert rows(out) in (before, after)
                assert verify_index(out, with_photos=False) in ([], verify_faiss(out))
                PhotoIndex.open(out)
                manifest = read_manifest(out)
                # a later build adds nothing
                assert known_photos(out, manifest.key, manifest).keys() == rows(out).keys()
            else:
                assert what == "merge"
                assert known_photos(out, read_manifest(copy).key, None) == {}
            if not (out / "index.json").exists() or rows(out) == before:
                assert order(verb, *arguments) == 0
            assert rows(out) == after
            assert verify_index(out, with_photos=False) == []
    assert deaths >= 6


def verify_faiss(index_dir: Path) -> list[object]:
    """What verify says where index.faiss is new and index.json is not yet: that only this derived file does not fit."""
    return [f for f in verify_index(index_dir, with_photos=False) if f.path.name == "index.faiss"]
