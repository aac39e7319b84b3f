import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from colorization.web.storage.file_store import FileStore
from colorization.web.storage.limits import Limits


def put(store: FileStore, name: str, size: int, age: float) -> Path:
    path = store.new(name)
    path.write_bytes(bytes(size))
    os.utime(path, (time.time() - age, time.time() - age))
    return path


def test_only_files_inside_are_held(store: FileStore, tmp_path: Path) -> None:
    inside = put(store, "a.jpg", 1, 0)
    (tmp_path / "secret").write_text("x")
    link = store.folder / "link"
    link.symlink_to(tmp_path / "secret")
    loop = store.folder / "loop"
    loop.symlink_to(loop)
    assert store.holds(str(inside))
    outside = [
        link,
        loop,
        tmp_path / "secret",
        store.folder,
        store.folder / "gone",
        f"{store.folder}-x",
        "",
    ]
    for path in (
        *map(str, outside),
        f"{store.folder}/../{tmp_path.name}/secret",
        "a\0b",
        "x" * 5000,
    ):
        assert not store.holds(path), path
    assert oct(store.folder.stat().st_mode)[-3:] == "700"


def test_old_files_go_and_used_ones_stay(store: FileStore) -> None:
    store.limits = replace(Limits(), stored_seconds=100.0)
    old, used, new = put(store, "old", 1, 200), put(store, "used", 1, 200), put(store, "new", 1, 50)
    store.keep([used, Path("/etc/hostname")])
    store.sweep()
    assert [path.exists() for path in (old, used, new)] == [False, True, True]
    assert not old.parent.exists()


def test_the_oldest_make_room(store: FileStore) -> None:
    store.limits = replace(Limits(), stored_bytes=250)
    first, second, third = (put(store, str(age), 100, age) for age in (30, 20, 10))
    store.sweep()
    assert [path.exists() for path in (first, second, third)] == [False, True, True]
    store.sweep(coming_bytes=100)
    assert [path.exists() for path in (second, third)] == [False, True]


def test_nothing_is_left(store: FileStore) -> None:
    put(store, "a.jpg", 1, 0)
    store.close()
    with pytest.raises(OSError, match="the page has ended"):  # a photo that was being colored
        store.new("late.jpg")
    assert not store.folder.exists()


def test_sweeps_at_the_same_time_do_not_meet(store: FileStore) -> None:
    store.limits = replace(Limits(), stored_seconds=100.0)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            for _ in range(5):
                old = [put(store, str(i), 1, 200) for i in range(100)]
                for done in [pool.submit(store.sweep) for _ in range(4)]:
                    done.result()
                assert not any(path.exists() for path in old)
    finally:
        sys.setswitchinterval(interval)


def test_what_a_killed_server_left_is_removed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    running = FileStore(Limits())
    code = "import os; from colorization.web.storage.limits import Limits;"
    code += "from colorization.web.storage.file_store import FileStore;"
    code += "FileStore(Limits()).new('a.jpg').write_bytes(b'a photo'); os.kill(os.getpid(), 9)"
    subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        cwd=Path(__file__).parents[4],
    )
    index = tmp_path / "rechroma-index"
    index.mkdir()
    (index / ".lock").touch()
    assert len(list(tmp_path.glob("rechroma-*/made"))) == 1
    running.sweep()
    started = FileStore(Limits())
    assert set(tmp_path.iterdir()) == {running.folder, started.folder, index}
    running.close()
    started.close()
    assert list(tmp_path.rglob("*")) == [index, index / ".lock"]
