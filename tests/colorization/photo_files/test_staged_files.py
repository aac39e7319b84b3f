import os
import subprocess
import sys
from pathlib import Path

import pytest

from colorization.demo import MARK
from colorization.photo_files.staged_files import MACHINE, PREFIX, remove_leftovers, staging

OURS = f"{PREFIX}{MACHINE}-"


def test_files_appear_together_when_the_block_ends(tmp_path: Path) -> None:
    wanted = [tmp_path / "a.png", tmp_path / "new" / "b.json"]
    with staging() as files:
        for path in wanted:
            temporary = files.add(path)
            assert (temporary.parent, temporary.suffix) == (path.parent, path.suffix)
            temporary.write_text(path.name)
        assert not any(path.exists() for path in wanted)
        told = files.flush()
    assert [path.read_text() for path in wanted] == ["a.png", "b.json"]
    for path in wanted:
        assert (told[path].st_size, told[path].st_mtime_ns) == (
            path.stat().st_size,
            path.stat().st_mtime_ns,
        )
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["a.png", "b.json", "new"]


def test_nothing_is_left_when_the_block_fails(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("old")
    with pytest.raises(RuntimeError), staging() as files:
        files.add(tmp_path / "a.png").write_text("new")
        files.add(tmp_path / "b.png")  # never written
        raise RuntimeError
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"a.png": "old"}


def test_what_another_run_is_writing_stays(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with staging() as files:
        running = files.add(tmp_path / "a.png")
        running.write_text("half")
        (tmp_path / f"{OURS}{gone.pid}-0123.png").write_text("left")
        # of another user, of another machine
        other = [f"{OURS}1-0123.png", f"{PREFIX}00000000-{gone.pid}-0123.png"]
        for name in other:
            (tmp_path / name).touch()
        old = tmp_path / f"{OURS}{os.getpid()}-0123.png"
        old.write_text("of a process that had this number")
        os.utime(old, (0, 0))
        remove_leftovers(tmp_path)
        assert {path.name for path in tmp_path.iterdir()} == {running.name, *other}
    assert (tmp_path / "a.png").read_text() == "half"


def test_only_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    for name in (f"{OURS}999999999-0123.png", "a.png", ".hidden.png"):
        (tmp_path / name).write_text("x")
    (tmp_path / f"{OURS}1-folder").mkdir()
    (tmp_path / MARK).touch()
    for path in tmp_path.iterdir():
        os.utime(path, (0, 0))
    remove_leftovers(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {".hidden.png", f"{OURS}1-folder", MARK, "a.png"}
    remove_leftovers(tmp_path / "missing")


def test_what_cannot_be_removed_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of another user, in a folder like /tmp."""
    left = [tmp_path / f"{OURS}999999999-{name}.png" for name in "ab"]
    for path in left:
        path.touch()
    unlink = Path.unlink

    def refused(path: Path, missing_ok: bool = False) -> None:
        if path == left[0]:
            raise PermissionError(1, "Operation not permitted", str(path))
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refused)
    remove_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == left[:1]


def test_a_name_that_is_too_long_is_told_before_any_file_has_its_own(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="File name too long"), staging() as files:
        files.add(tmp_path / f"{'a' * 249}.jpg").touch()
        files.add(tmp_path / f"{'a' * 249}-explained.png").touch()
    assert list(tmp_path.iterdir()) == []
