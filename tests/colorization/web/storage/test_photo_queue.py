import errno
import os
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from colorization.web.editing.edit_history import Edit
from colorization.web.storage.file_store import FileStore
from colorization.web.storage.named import Named
from colorization.web.storage.photo_queue import (
    GONE,
    NOTHING,
    PhotoQueue,
    QueuedPhoto,
    QueuedResult,
    safe_folder,
)


def queued(
    store: FileStore, name: str, folder: str, content: bytes, number: int = 0
) -> QueuedPhoto:
    result = store.new(name)
    result.write_bytes(content)
    made = QueuedResult(result, result, ["Colors guessed."], Edit())
    return QueuedPhoto(number, result, folder, result, name, made)


def test_one_zip_holds_all_results_in_their_folders(store: FileStore) -> None:
    names = [("a.jpg", ""), ("a.jpg", "1932"), ("a.jpg", ""), ("A.JPG", ""), ("gone.jpg", "")]
    queue = PhotoQueue(
        [queued(store, name, f, f"{i}".encode()) for i, (name, f) in enumerate(names)]
    )
    queue.photos[-1].photo.unlink()
    with zipfile.ZipFile(queue.write_zip(store)) as file:
        found = {name: file.read(name) for name in file.namelist()}
    assert found == {"a.jpg": b"0", "1932/a.jpg": b"1", "a (2).jpg": b"2", "A (3).JPG": b"3"}


def test_a_zip_makes_room_and_leaves_nothing_where_the_disk_is_full(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = PhotoQueue([queued(store, "a.jpg", "", b"1234567890")])
    old = store.new("old.jpg")
    old.write_bytes(bytes(100))
    os.utime(old, (time.time() - 60,) * 2)
    store.limits = replace(store.limits, stored_bytes=115)
    first = queue.write_zip(store)
    assert first.exists() and not old.exists()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(zipfile.ZipFile, "write", full)
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        queue.write_zip(store)
    assert [path for path in store.folder.rglob("*.zip") if path != first] == []


def test_a_photo_that_was_edited_since_has_its_new_result(store: FileStore) -> None:
    queue = PhotoQueue([queued(store, "a.jpg", "", b"old"), queued(store, "b.jpg", "", b"b")])
    new = queued(store, "a.jpg", "", b"new")
    assert new.result
    queue.replace_result("a.jpg", new.result)
    results = [one.result.file.read_bytes() for one in queue.photos if one.result]
    assert results == [b"new", b"b"]


def test_a_photo_that_is_sent_again_takes_its_own_place(store: FileStore) -> None:
    queue = PhotoQueue()
    for number, name in ((2, "c"), (0, "a"), (1, "b"), (1, "b again")):
        queue.add(queued(store, name, "", b"", number))
    assert [one.name for one in queue.photos] == ["a", "b again", "c"]


def test_photos_that_several_threads_add_are_all_there(store: FileStore) -> None:
    queue, interval = PhotoQueue(), sys.getswitchinterval()
    photos = [queued(store, f"{number}.jpg", "", b"", number) for number in range(300)]
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(queue.add, photos))
    finally:
        sys.setswitchinterval(interval)
    assert [one.number for one in queue.photos] == list(range(300))


def test_a_photo_that_was_passed_over_is_in_no_zip(store: FileStore) -> None:
    one = queued(store, "a.jpg", "", b"")
    queue = PhotoQueue([replace(one, number=3, name="", result=None)])
    assert queue.get(3).folder == ""
    with pytest.raises(ValueError, match=NOTHING):
        queue.write_zip(store)
    with pytest.raises(ValueError, match=GONE):
        queue.get(4)


def test_without_a_result_there_is_no_zip(store: FileStore) -> None:
    with pytest.raises(ValueError, match=NOTHING):
        PhotoQueue().write_zip(store)


def test_queues_are_found_by_names_that_nobody_guesses() -> None:
    queues = Named[PhotoQueue](3, GONE)
    name = queues.add(PhotoQueue())
    assert len(name) >= 16 and queues.get(name) is queues.get(name)
    with pytest.raises(ValueError, match=GONE):
        queues.get("other")


@pytest.mark.parametrize(
    ("place", "folder"),
    [
        ("scans/1932/a.jpg", "scans/1932"),
        ("a.jpg", ""),
        ("", ""),
        ("../../etc/a.jpg", "etc"),
        ("/etc/./a.jpg", "etc"),
        ("a\\b\\c.jpg", "a/b"),
    ],
)
def test_folders_lead_nowhere_else(place: str, folder: str) -> None:
    assert safe_folder(place) == folder
    assert not Path(safe_folder(place)).is_absolute()
