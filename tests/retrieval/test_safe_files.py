import errno
import os
from pathlib import Path

import pytest

from retrieval.safe_files import (
    FullDiskError,
    discarding,
    file_sha256,
    locked,
    replacing,
    replacing_together,
    with_cure,
)


def test_the_file_is_there_when_the_block_ends(tmp_path: Path) -> None:
    path, temporary = tmp_path / "a", tmp_path / "a.tmp"
    path.write_text("old")
    with replacing(path, temporary) as place:
        assert place == temporary
        place.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize(
    "failure", [OSError(errno.ENOSPC, "x"), ValueError("x"), KeyboardInterrupt()]
)
def test_a_block_that_fails_leaves_the_old_file_and_no_other(
    tmp_path: Path, failure: BaseException
) -> None:
    path, temporary = tmp_path / "a", tmp_path / "a.tmp"
    path.write_text("old")
    with pytest.raises(type(failure)), replacing(path, temporary):
        temporary.write_text("half")
        raise failure
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize(
    ("code", "cure"),
    [
        (errno.ENOSPC, "free some space and run the same command again"),
        (errno.EDQUOT, "free some space and run the same command again"),
        (errno.EROFS, "it needs the right to write there; a copy of the index would do"),
        (errno.EACCES, "it needs the right to write there; a copy of the index would do"),
        (errno.EIO, "run the same command again"),
    ],
)
def test_an_error_names_file_reason_and_cure(tmp_path: Path, code: int, cure: str) -> None:
    with pytest.raises(OSError) as caught, replacing(tmp_path / "a", what="index"):
        raise OSError(code, "whatever", "elsewhere")
    assert caught.value.errno == code
    assert caught.value.filename == str(tmp_path / "a")
    assert caught.value.strerror == f"{os.strerror(code)}; what was there before is intact; {cure}"


def test_an_error_without_a_number_is_one_line() -> None:
    error = with_cure(OSError("two\n  lines"), Path("a"), "index")
    assert (
        error.strerror == "two lines; what was there before is intact; run the same command again"
    )


def test_discarding(tmp_path: Path) -> None:
    names: list[Path] = [tmp_path / "never_made"]
    with discarding(names):
        names.append(tmp_path / "kept")
        names[-1].touch()
    assert names[-1].exists()
    with pytest.raises(KeyError), discarding(names):
        names.append(tmp_path / "later")
        names[-1].touch()
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_the_temporary_name_lies_beside_the_own(tmp_path: Path) -> None:
    with replacing(tmp_path / "a.b") as temporary:
        assert temporary == tmp_path / "a.b.tmp"
        temporary.touch()


def test_several_files_appear_together(tmp_path: Path) -> None:
    files: dict[Path, Path] = {}
    with replacing_together(files):
        for name in "ab":
            files[tmp_path / name] = tmp_path / f"{name}.tmp"
            (tmp_path / f"{name}.tmp").write_text(name)
        assert sorted(p.name for p in tmp_path.iterdir()) == ["a.tmp", "b.tmp"]
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"a": "a", "b": "b"}


@pytest.mark.parametrize("when", ["while they are written", "before they have their names"])
def test_of_several_files_none_appears_if_one_fails(tmp_path: Path, when: str) -> None:
    (tmp_path / "a").write_text("old")
    files = {tmp_path / name: tmp_path / f"{name}.tmp" for name in "ab"}
    with pytest.raises((KeyError, FileNotFoundError)), replacing_together(files):
        files[tmp_path / "a"].write_text("new")
        if when == "while they are written":
            raise KeyError
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"a": "old"}


def test_a_lock_has_one_holder(tmp_path: Path) -> None:
    with (
        locked(tmp_path / "lock", "somebody has it"),
        pytest.raises(ValueError, match="somebody has it"),
        locked(tmp_path / "lock", "somebody has it"),
    ):
        pytest.fail("two holders")
    with locked(tmp_path / "lock", "somebody has it"):
        pass


def test_a_checksum_is_that_of_all_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")  # the example of FIPS 180-2
    assert file_sha256(tmp_path / "a") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


def test_a_file_that_is_too_large_is_named(tmp_path: Path) -> None:
    """As on a stick whose files end at 4 GB; there is room for those that come after it."""
    with pytest.raises(OSError) as caught, replacing_together({tmp_path / "a": tmp_path / "t"}):
        raise OSError(errno.EFBIG, "whatever")
    assert str(caught.value.strerror).endswith("for this disk or account")
    assert caught.value.filename == str(tmp_path / "a")
    assert not isinstance(caught.value, FullDiskError)


@pytest.mark.parametrize(("code", "kind"), [(errno.ENOSPC, FullDiskError), (errno.EIO, OSError)])
def test_a_full_disk_is_told_with_the_file_that_it_has_no_room_for(
    tmp_path: Path, code: int, kind: type[OSError]
) -> None:
    with pytest.raises(OSError) as caught, replacing_together({tmp_path / "a": tmp_path / "t"}):
        raise OSError(code, "whatever")
    assert type(caught.value) is kind
    if kind is FullDiskError:
        assert caught.value.filename == str(tmp_path / "a")
        assert str(caught.value.strerror).endswith("free some space and run the same command again")


def test_a_file_is_known_by_its_content(tmp_path: Path) -> None:
    for name, content in (("a", b"x"), ("b", b"x"), ("c", b"y")):
        (tmp_path / name).write_bytes(content)
    first, same, other = (file_sha256(tmp_path / name) for name in "abc")
    assert first == same != other
