import errno
import os
from pathlib import Path

import pytest
from filelock import FileLock

from retrieval.storage.index_folder import make_index_folder, sole_writer
from retrieval.storage.manifest import FEATURES, LOCK


def test_two_writers_are_kept_apart(tmp_path: Path) -> None:
    with (
        sole_writer(tmp_path),
        pytest.raises(
            ValueError, match="another build-index is writing here; wait until it has ended"
        ),
        sole_writer(tmp_path),
    ):
        pytest.fail("two writers at once")
    with sole_writer(tmp_path):
        pass
    with pytest.raises(KeyError), sole_writer(tmp_path):
        raise KeyError  # the lock is given back
    with sole_writer(tmp_path):
        assert (tmp_path / LOCK).exists()


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS])
def test_a_read_only_folder_is_told_with_its_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code), str(tmp_path / LOCK))

    monkeypatch.setattr(FileLock, "acquire", refused)
    with pytest.raises(OSError) as caught, sole_writer(tmp_path):
        pytest.fail("written without a lock")
    assert caught.value.filename == str(tmp_path)
    assert "it needs the right to write there; a copy of the index would do" in str(
        caught.value.strerror
    )


def test_an_index_folder_is_made_once(tmp_path: Path) -> None:
    make_index_folder(tmp_path / "a" / "b")
    (tmp_path / "a" / "b" / "notes.txt").touch()
    make_index_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b" / FEATURES).is_dir()


def test_other_folders_are_refused(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").touch()
    with pytest.raises(
        ValueError, match="the folder is not empty and holds no index; choose another --index"
    ):
        make_index_folder(tmp_path)
    with pytest.raises(OSError, match="what was there before is intact"):
        make_index_folder(tmp_path / "photo.jpg")
    with pytest.raises(OSError, match="choose another folder"):
        make_index_folder(tmp_path / "photo.jpg" / "index")
    assert [p.name for p in tmp_path.iterdir()] == ["photo.jpg"]


def test_a_folder_whose_visible_files_were_removed_is_used_again(tmp_path: Path) -> None:
    with sole_writer(tmp_path):
        pass
    assert [p.name for p in tmp_path.iterdir()] == [LOCK]
    make_index_folder(tmp_path)
    assert (tmp_path / FEATURES).is_dir()
