import errno
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from retrieval.photos.listing import Source, evenly, list_pictures, list_sources
from retrieval.photos.passed_over import PassedOver


def names(sources: list[Source]) -> list[bytes]:
    return [source.path for source in sources]


# Pictures of a folder


def test_listing_is_sorted_recursive_and_knows_suffixes(tmp_path: Path) -> None:
    pictures = ("b.JPG", "a.png", "sub/c.TiFf", "sub/deep/d.webp")
    for name in (*pictures, "notes.txt", ".hidden.jpg", ".cache/e.jpg", "no_suffix", "f.jpg.part"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "album.jpg").mkdir()
    (tmp_path / "album.jpg" / "g.bmp").touch()
    found = [str(path.relative_to(tmp_path)) for path in list_pictures(tmp_path)]
    assert found == ["a.png", "album.jpg/g.bmp", "b.JPG", "sub/c.TiFf", "sub/deep/d.webp"]


@pytest.mark.parametrize(
    ("count", "limit", "expected"),
    [(5, 5, [0, 1, 2, 3, 4]), (5, 9, [0, 1, 2, 3, 4]), (7, 4, [0, 1, 3, 5]), (9, 3, [0, 3, 6])],
)
def test_some_of_a_list_are_evenly_spaced_and_no_more_than_asked(
    count: int, limit: int, expected: list[int]
) -> None:
    assert evenly(range(count), limit) == expected


def test_links_to_files_are_listed_and_links_to_folders_are_not(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    (photos / "sub").mkdir(parents=True)
    (photos / "sub" / "a.jpg").touch()
    (photos / "link.jpg").symlink_to(photos / "sub" / "a.jpg")
    (photos / "loop").symlink_to(photos)
    (photos / "album.jpg").symlink_to(photos / "sub")
    assert [path.name for path in list_pictures(photos)] == ["link.jpg", "a.jpg"]


# With their stamps


def test_files_are_listed_with_their_stamp(photo_dir: Path) -> None:
    os.utime(photo_dir / "coffee.png", ns=(5, 1_234_567_890_123_456_789))
    sources = list_sources([photo_dir])
    assert names(sources) == [b"astronaut.png", b"chelsea.png", b"coffee.png", b"rocket.png"]
    coffee = sources[2]
    assert coffee.root == os.fsencode(photo_dir)
    assert coffee.absolute == os.fsencode(photo_dir / "coffee.png")
    assert coffee.size == (photo_dir / "coffee.png").stat().st_size
    assert coffee.mtime_ns == 1_234_567_890_123_456_789


def test_each_file_once(photo_dir: Path, library_dir: Path) -> None:
    named = [photo_dir, photo_dir / "rocket.png", photo_dir, library_dir / "sub", library_dir]
    sources = list_sources(named)
    assert len(sources) == 4 + 8
    assert len({source.absolute for source in sources}) == 12


def test_one_folder_by_several_names_is_one_folder(
    photo_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (photo_dir.parent / "other").mkdir()
    monkeypatch.chdir(photo_dir.parent / "other")
    expected = [source.absolute for source in list_sources([photo_dir])]
    assert [s.absolute for s in list_sources([Path("../photos")])] == expected
    assert [
        s.absolute
        for s in list_sources([photo_dir, Path("../photos"), photo_dir / ".." / "photos"])
    ] == expected
    Path("link").symlink_to(photo_dir)
    assert [
        s.absolute
        for s in list_sources([Path("link"), Path(f"/{photo_dir}"), Path("link/coffee.png")])
    ] == expected


def test_single_files_may_have_any_suffix(photo_dir: Path) -> None:
    (photo_dir / "scan").write_bytes((photo_dir / "rocket.png").read_bytes())
    assert names(list_sources([photo_dir / "scan"])) == [b"scan"]
    assert len(list_sources([photo_dir])) == 4  # but in a folder suffixes decide


def test_names_that_are_not_utf8(photo_dir: Path) -> None:
    (photo_dir / "coffee.png").rename(photo_dir / os.fsdecode(b"caf\xe9.png"))
    [source] = [s for s in list_sources([photo_dir]) if b"caf" in s.path]
    assert source.absolute == os.fsencode(photo_dir) + b"/caf\xe9.png"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes")
def test_pipes_are_no_photos(photo_dir: Path) -> None:
    """Whoever opens one waits for ever."""
    before = list(list_pictures(photo_dir))
    os.mkfifo(photo_dir / "pipe.jpg")
    (photo_dir / "link.jpg").symlink_to(photo_dir / "pipe.jpg")
    assert list(list_pictures(photo_dir)) == before
    assert len(list_sources([photo_dir])) == len(before)


@pytest.mark.parametrize(
    ("seconds", "held"),
    [(1.5e10, 2**63 - 1), (-1.2e10, 1 - 2**63)],
    ids=["the year 2445", "the year 1589"],
)
def test_a_date_that_no_shard_can_hold(
    photo_dir: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, held: int
) -> None:
    path, stat = photo_dir / "coffee.png", os.stat

    # not every file system holds such dates itself
    def dated(name: object, **kwargs: Any) -> object:
        found = stat(name, **kwargs)  # type: ignore[arg-type]
        return (
            SimpleNamespace(st_mtime_ns=int(seconds * 1e9), st_size=found.st_size)
            if name == str(path)
            else found
        )

    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", dated)
        (source,) = (s for s in list_sources([photo_dir]) if s.path == b"coffee.png")
    assert source.mtime_ns == held


def test_broken_links_are_passed_over(photo_dir: Path) -> None:
    (photo_dir / "gone.jpg").symlink_to(photo_dir / "nowhere.jpg")
    passed = PassedOver()
    assert len(list_sources([photo_dir], passed)) == 4
    assert passed.lines() == ["1 broken link: gone.jpg"]


# What cannot be looked at


def failing(call: Callable[..., Any], path: Path, number: int) -> Callable[..., Any]:
    """A call of os that fails for one path."""

    def fail(given: object, **kwargs: object) -> object:
        if os.fspath(given) == str(path):  # type: ignore[call-overload]
            raise OSError(number, os.strerror(number), given)
        return call(given, **kwargs)

    return fail


def test_folders_nested_too_deep_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "runaway").mkdir()
    (tmp_path / "a.png").touch()
    scandir, passed = os.scandir, PassedOver()

    def deep(path: str) -> object:
        if path.endswith("runaway"):
            raise RecursionError
        return scandir(path)

    monkeypatch.setattr(os, "scandir", deep)
    assert [path.name for path in list_pictures(tmp_path, passed)] == ["a.png"]
    assert [(name, str(reason.strerror)) for name, reason in passed.closed.items()] == [
        (str(tmp_path / "runaway"), "nested too deep")
    ]


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.ESTALE])
def test_folders_that_cannot_be_opened_are_passed_over_and_told(
    library_dir: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(os, "scandir", failing(os.scandir, library_dir / "sub", number))
    assert len(list(list_pictures(library_dir))) == 7
    *others, closed = list_sources([library_dir])
    assert closed == Source(os.fsencode(library_dir), b"sub", -1, -1, os.strerror(number))
    assert len(others) == 7 and not any(source.closed for source in others)


def test_a_named_folder_that_cannot_be_opened_is_an_error(
    library_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "scandir", failing(os.scandir, library_dir, errno.EACCES))
    with pytest.raises(PermissionError):
        list_sources([library_dir])


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.ESTALE])
def test_files_that_cannot_be_looked_at_are_told(
    photo_dir: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(os, "stat", failing(os.stat, photo_dir / "coffee.png", number))
    sources = list_sources([photo_dir])
    assert [(s.path, s.closed) for s in sources if s.closed] == [
        (b"coffee.png", os.strerror(number))
    ]
    assert len(sources) == 4


@pytest.mark.parametrize("number", [errno.ENOENT, errno.ENOTDIR])
def test_what_is_gone_since_it_was_listed_is_not(
    library_dir: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(os, "stat", failing(os.stat, library_dir / "coffee.png", number))
    monkeypatch.setattr(os, "scandir", failing(os.scandir, library_dir / "sub", number))
    sources = list_sources([library_dir])
    assert len(sources) == 6 and not any(source.closed for source in sources)


def test_a_link_to_itself_is_told(photo_dir: Path) -> None:
    (photo_dir / "loop.jpg").symlink_to(photo_dir / "loop.jpg")
    assert [s.path for s in list_sources([photo_dir]) if s.closed] == [b"loop.jpg"]


# Refusals


def test_missing_folder(photo_dir: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"elsewhere: no such file or folder"):
        list_sources([photo_dir, photo_dir / "elsewhere"])


def test_no_picture(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ValueError, match=rf"^{tmp_path}: no pictures in this folder$"):
        list_sources([tmp_path])
    (tmp_path / "empty").mkdir()
    named = f"{tmp_path}, {tmp_path / 'empty'}"
    with pytest.raises(ValueError, match=rf"^{named}: no pictures in these folders$"):
        list_sources([tmp_path, tmp_path / "empty"])
