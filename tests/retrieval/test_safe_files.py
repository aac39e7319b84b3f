import errno
import os
from pathlib import Path

import pytest

from retrieval.safe_files import discarding, replacing, with_cure


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
    assert caught.value.strerror == f"{os.strerror(code)}; the previous index is intact; {cure}"


def test_an_error_without_a_number_is_one_line() -> None:
    error = with_cure(OSError("two\n  lines"), Path("a"), "index")
    assert error.strerror == "two lines; the previous index is intact; run the same command again"


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
