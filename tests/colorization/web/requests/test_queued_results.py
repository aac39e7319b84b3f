from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from colorization.web.editing.photo_editor import PhotoEditor, silent
from colorization.web.requests.queued_results import (
    CARD_SIDE,
    NOT_WRITTEN,
    edited_since,
    result_of,
    write_edited,
)
from colorization.web.storage.open_photos import OpenPhotos
from colorization.web.storage.photo_queue import PhotoQueue, QueuedPhoto


def test_a_result_has_a_file_a_card_and_its_words(editor: PhotoEditor, photo: Path) -> None:
    found = result_of(editor, editor.open(photo), silent)
    assert (found.file.name, found.status[0][:16]) == ("garage-color.png", "Colors from moto")
    assert Image.open(found.file).size == Image.open(photo).size
    assert max(Image.open(found.after).size) <= CARD_SIDE


def test_what_was_edited_since_is_written_anew(editor: PhotoEditor, photo: Path) -> None:
    opened, photos, told = editor.open(photo), OpenPhotos(5), list[str]()
    name = photos.add(opened)
    first = result_of(editor, opened, silent)
    queue = PhotoQueue([QueuedPhoto(0, photo, "", photo, name, first)])
    queue.add(QueuedPhoto(1, photo, "", photo, "forgotten", first))
    queue.add(QueuedPhoto(2, photo, "", photo))
    write_edited(editor, queue, photos, told.append)
    assert told == [] and queue.photos[0].result == first
    photos.change(name, lambda one: one.change("saturation", saturation=0.0), lambda _: None)
    assert [one.number for one, _ in edited_since(queue, photos)] == [0]
    write_edited(editor, queue, photos, told.append)
    new = queue.photos[0].result
    assert told[-1] == "writing" and new and new.file != first.file
    assert _is_gray(new.file) and _is_gray(new.after) and not _is_gray(first.file)
    assert edited_since(queue, photos) == []
    # taken back: the wishes are those of the first result, and it is written again
    photos.change(name, lambda one: one.undo(), lambda _: None)
    assert len(edited_since(queue, photos)) == 1


def test_what_cannot_be_written_is_told(editor: PhotoEditor, photo: Path, monkeypatch: Any) -> None:
    opened, photos = editor.open(photo), OpenPhotos(5)
    first = result_of(editor, opened, silent)
    name = photos.add(opened.change("saturation", saturation=0.0))
    queue = PhotoQueue([QueuedPhoto(0, photo, "", photo, name, first)])

    def full(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(PhotoEditor, "write", full)
    write_edited(editor, queue, photos, silent)
    result = queue.photos[0].result
    assert result and result.file == first.file
    assert result.status == [f"{NOT_WRITTEN}No space left on device"]
    assert len(edited_since(queue, photos)) == 1  # tried again next time


def _is_gray(path: Path) -> bool:
    return int(np.ptp(np.asarray(Image.open(path)).astype(int), axis=2).max()) < 5
