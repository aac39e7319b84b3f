import builtins
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from index_state import everything
from PIL import Image

from retrieval.building.builder import BuildOptions, build_index
from retrieval.building.changes import BuildReport
from retrieval.building.engines import ray_data
from retrieval.building.engines.local import ShardJob
from retrieval.building.engines.ray_data import RayOptions, import_ray, write_shards
from retrieval.extraction.extractor import Extractor
from retrieval.photos.listing import list_sources
from retrieval.search.photo_index import PhotoIndex
from retrieval.storage.manifest import FAISS, FEATURES, read_manifest
from similarity.backbone.backbone import Backbone

Build = Callable[..., BuildReport]
PHOTOS, SHARD = 20, 2


def test_without_ray_one_line_says_what_to_install(
    photo_dir: Path, tmp_path: Path, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = builtins.__import__

    def without_ray(name: str, *arguments: object, **named: object) -> object:
        if name.split(".")[0] == "ray":
            raise ModuleNotFoundError("No module named 'ray'", name="ray")
        return original(name, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without_ray)
    with pytest.raises(
        ValueError, match=r'^--engine ray needs Ray \(ray is missing\): pip install -e "\.\[ray\]"$'
    ):
        build(photo_dir, tmp_path / "index", ray=RayOptions())
    assert not (tmp_path / "index").exists()


def test_nothing_of_ray_is_loaded_before_it_is_asked_for() -> None:
    assert "ray" not in sys.modules or import_ray() is sys.modules["ray"]


class Cluster:
    """Stands for Ray, which is not asked where nothing answers."""

    def __init__(self) -> None:
        self.asked = list[str]()
        self.data = SimpleNamespace(DataContext=SimpleNamespace(get_current=SimpleNamespace))

    def is_initialized(self) -> bool:
        return False

    def init(self, address: str, **named: object) -> None:
        self.asked.append(address)

    def shutdown(self) -> None:
        pass


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "localhost:{}", "ray://127.0.0.1:{}", "auto"])
def test_a_cluster_that_answers_is_connected_to(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{port}")
        ray = Cluster()
        with ray_data._connected(ray, RayOptions(form.format(port))):
            assert ray.asked == [form.format(port)]


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "ray://localhost:{}", "auto", "[::1]:{}"])
def test_where_nothing_answers_is_told_at_once(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{port}")
    ray, start = Cluster(), time.monotonic()
    with (
        pytest.raises(ConnectionError, match=rf"^--ray-address .*:{port}: no answer \(.+\)$"),
        ray_data._connected(ray, RayOptions(form.format(port))),
    ):
        pytest.fail("it was connected")
    assert ray.asked == []
    assert time.monotonic() - start < 10


@pytest.mark.parametrize("address", ["auto", "local", "nonsense", "ray://somewhere"])
def test_other_addresses_are_left_to_ray(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    ray = Cluster()
    with ray_data._connected(ray, RayOptions(address)):
        assert ray.asked == [address]


@pytest.fixture
def many(tmp_path: Path, pictures: dict[str, np.ndarray]) -> Path:
    """Twenty different photos and a file that is none; one name is not UTF-8."""
    folder = tmp_path / "many"
    folder.mkdir()
    for i in range(PHOTOS):
        name = os.fsdecode(b"caf\xe9.png") if i == 7 else f"{i:02}.png"
        Image.fromarray(pictures["coffee" if i % 2 else "chelsea"]).rotate(9 * i).save(
            folder / name
        )
    (folder / "05 broken.jpg").write_text("not a picture")
    return folder


def workers() -> list[int]:
    """Processes of this machine that write shards for Ray."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            title = place.read_bytes()
        except OSError:
            continue
        if title.startswith(b"ray::") and b"ShardWriter" in title:
            found.append(int(place.parent.name))
    return found


def children(process: int) -> list[int]:
    """Processes that a process of this machine has begun, and that have not ended."""
    places = Path(f"/proc/{process}/task").glob("*/children")
    return [int(child) for place in places for child in place.read_text().split()]


def contents(index_dir: Path) -> tuple[list[Path], list[np.ndarray]]:
    index = PhotoIndex.open(index_dir)
    return [index.path(row) for row in range(len(index))], [*vars(everything(index_dir)).values()]


@pytest.mark.skipif(
    not Path("/proc/self/cmdline").exists(), reason="worker processes are found in /proc"
)
def test_two_workers_one_killed_make_the_index_that_one_process_makes(
    many: Path, tmp_path: Path, backbone: Backbone
) -> None:
    pytest.importorskip("ray.data", reason="the extra ray is not installed")
    local = BuildOptions(workers=0, batch=1, shard_photos=SHARD)
    expected = build_index([many], tmp_path / "local", backbone, local)
    features = tmp_path / "ray" / FEATURES
    killed, begun = list[int](), list[int]()
    finished: dict[str, tuple[int, int]] = {}

    def kill_one(done: int, total: int) -> None:
        if not killed:
            finished.update(
                {p.name: (p.stat().st_ino, p.stat().st_mtime_ns) for p in features.glob("*.h5")}
            )
            begun.extend(child for worker in workers() for child in children(worker))
            killed.extend(workers()[:1])
            os.kill(killed[0], signal.SIGKILL)

    on_ray = replace(local, workers=3, ray=RayOptions(num_workers=2))
    report = build_index([many], tmp_path / "ray", backbone, on_ray, kill_one)
    assert begun == []  # a worker has one processor
    assert killed and 0 < len(finished) < PHOTOS // SHARD
    assert (report.count, report.added, report.unreadable) == (PHOTOS, PHOTOS, expected.unreadable)
    for name, stamp in finished.items():  # never redone
        assert ((features / name).stat().st_ino, (features / name).stat().st_mtime_ns) == stamp
    ours, theirs = contents(tmp_path / "ray"), contents(tmp_path / "local")
    assert ours[0] == theirs[0]
    for one, other in zip(ours[1], theirs[1], strict=True):
        # a worker's threads add up in another order
        np.testing.assert_allclose(one.astype(np.float32), other.astype(np.float32), atol=1e-3)
    assert (tmp_path / "ray" / FAISS).stat().st_size == (tmp_path / "local" / FAISS).stat().st_size
    assert {s.file for s in read_manifest(tmp_path / "ray").shards} == {
        p.name for p in features.iterdir()
    }
    nothing = build_index(
        [many], tmp_path / "ray", backbone, replace(local, ray=RayOptions(num_workers=2))
    )
    assert (nothing.count, nothing.kept) == (PHOTOS, PHOTOS)


def test_what_a_worker_says_is_told_and_the_ray_of_this_machine_is_a_new_one(
    many: Path, tmp_path: Path, backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray.data", reason="the extra ray is not installed")
    monkeypatch.setenv("RAY_ADDRESS", "auto")  # of a cluster that --engine ray alone is not to use
    extractor = Extractor.bundled(backbone)
    assert extractor is not None
    job = ShardJob(
        list_sources([many])[:2],
        tmp_path / "swept",
        extractor,
        "0" * 16,
        workers=0,
        batch=1,
        shard_photos=2,
    )
    with pytest.raises(
        OSError,
        match=r"a worker of Ray failed: .*No such file or directory.*; finished shards are kept",
    ):
        list(write_shards(job, RayOptions(num_workers=1), []))
