import json
import shutil
import threading
import time
from collections.abc import Iterator
from copy import copy
from pathlib import Path
from typing import Any

import pytest

from colorization.pipeline import ColorizationPipeline
from colorization.web import library as module
from colorization.web.editing.photo_editor import PhotoEditor
from colorization.web.library import BUSY, ELSEWHERE, Library
from colorization.web.storage.file_store import FileStore
from retrieval.search.photo_index import PhotoIndex


@pytest.fixture
def alone(without_index: ColorizationPipeline, store: FileStore) -> PhotoEditor:
    return PhotoEditor(without_index, store)


@pytest.fixture
def library(
    alone: PhotoEditor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Library]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home" / "Pictures").mkdir(parents=True)
    found = Library(alone, may_index=True)
    yield found
    found.close()


def ended(library: Library) -> dict[str, Any]:
    limit = time.monotonic() + 60
    while library.state()["progress"] is not None and time.monotonic() < limit:
        time.sleep(0.02)
    return library.state()


def test_a_folder_is_indexed_and_recommended_from(
    library: Library, alone: PhotoEditor, photo_dir: Path, photo: Path
) -> None:
    before = library.state()
    assert (before["index"], before["count"], before["may_index"]) == ("", 0, True)
    assert before["folder"] == str(Path.home() / "Pictures")
    library.start(f" {photo_dir} ")
    after = ended(library)
    told = "4 photos of photos are indexed."
    told += " Next time, start with: rechroma serve --index indexes/photos"
    assert (after["index"], after["count"], after["error"]) == ("photos", 4, "")
    assert after["told"] == told
    assert len(alone.open(photo).candidates) == 4


def test_the_command_offered_can_be_pasted(
    library: Library, photo_dir: Path, tmp_path: Path
) -> None:
    photos = tmp_path / "our photos"
    photos.mkdir()
    (photos / "coffee.png").write_bytes((photo_dir / "coffee.png").read_bytes())
    library.start(str(photos))
    assert ended(library)["told"].endswith("rechroma serve --index 'indexes/our photos'")


def test_an_index_of_gray_photos_alone_is_not_praised(library: Library, gray_dir: Path) -> None:
    for _ in range(2):  # also where nothing is new
        library.start(str(gray_dir))
        told = ended(library)["told"]
        assert told.startswith(
            "2 photos of grays are indexed; all of them are gray or were made by"
        )
        assert told.endswith(", and lend no colors: nothing will be recommended.")


def test_gray_photos_do_not_take_the_place_of_a_library(
    library: Library, alone: PhotoEditor, photo_dir: Path, gray_dir: Path, photo: Path
) -> None:
    library.start(str(photo_dir))
    ended(library)
    library.start(str(gray_dir))
    after = ended(library)
    assert after["told"].endswith("nothing will be recommended. photos stays in use.")
    assert (after["index"], after["count"]) == ("photos", 4)
    assert len(alone.open(photo).candidates) == 4


def test_files_that_cannot_be_read_are_counted(
    library: Library, photo_dir: Path, tmp_path: Path
) -> None:
    photos = tmp_path / "ours"
    shutil.copytree(photo_dir, photos)
    for name in ("torn.jpg", "empty.png"):
        (photos / name).write_bytes(b"\xff\xd8\xff nothing")
    library.start(str(photos))
    told = "photos of ours are indexed, 2 more files cannot be read. Next time,"
    assert told in ended(library)["told"]


def test_an_index_of_other_weights_stays(library: Library, photo_dir: Path, tmp_path: Path) -> None:
    library.start(str(photo_dir))
    ended(library)
    made = tmp_path / "indexes" / "photos" / "index.json"
    manifest = json.loads(made.read_text())
    made.write_text(json.dumps(manifest | {"weights_hash": "0" * 16}))
    library.start(str(photo_dir))
    after = ended(library)
    assert (after["count"], after["error"]) == (4, "")
    assert json.loads(made.read_text())["weights_hash"] == "0" * 16
    assert len(list((tmp_path / "indexes").iterdir())) == 2


def test_folders_of_one_name_have_an_index_each(
    library: Library, alone: PhotoEditor, photo_dir: Path, tmp_path: Path
) -> None:
    other = tmp_path / "elsewhere" / photo_dir.name
    other.mkdir(parents=True)
    (other / "coffee.png").write_bytes((photo_dir / "coffee.png").read_bytes())
    for folder, count in ((photo_dir, 4), (other, 1), (photo_dir, 4), (other, 1)):
        library.start(str(folder))
        assert ended(library)["count"] == count
    assert len(list((tmp_path / "indexes").iterdir())) == 2


def test_a_new_index_leaves_the_network_its_encoder(
    without_index: ColorizationPipeline, store: FileStore, index_dir: Path
) -> None:
    backbone, encoder = without_index.backbone, copy(without_index.backbone)
    own = ColorizationPipeline(backbone, None, without_index.network, encoder)
    editor = PhotoEditor(own, store)
    editor.use_index(PhotoIndex.open(index_dir))
    assert editor.pipeline.describer.encoder is encoder


@pytest.mark.parametrize("text", ["", "  ", "relative", "/nowhere/at/all", "~/absent", "~nobody/x"])
def test_a_folder_that_is_not_there_is_told(library: Library, text: str) -> None:
    with pytest.raises(ValueError, match="There is no such folder"):
        library.start(text)


def test_paths_are_taken_as_people_copy_them(
    library: Library, photo_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = list[Path]()
    monkeypatch.setattr(library, "_run", found.append)
    library.start(f' "{photo_dir}" ')
    library.close()
    assert found == [photo_dir]


def test_a_file_is_no_folder(library: Library, photo_dir: Path) -> None:
    with pytest.raises(ValueError, match="This is a file"):
        library.start(str(next(photo_dir.glob("*.png"))))


def test_visitors_from_elsewhere_may_not(alone: PhotoEditor, photo_dir: Path) -> None:
    with pytest.raises(ValueError, match=ELSEWHERE):
        Library(alone, may_index=False).start(str(photo_dir))


def test_what_goes_wrong_is_told_and_can_be_tried_again(
    library: Library, tmp_path: Path, photo_dir: Path
) -> None:
    (tmp_path / "empty").mkdir()
    library.start(str(tmp_path / "empty"))
    error = ended(library)["error"]
    assert isinstance(error, str) and error and str(tmp_path) not in error
    library.start(str(photo_dir))
    assert ended(library)["error"] == ""


def test_progress_is_told_one_at_a_time_and_closing_stops_it(
    library: Library, photo_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def build(_: object, __: object, ___: object, ____: object, progress: Any) -> None:
        progress(1, 4)
        reached.set()
        assert go_on.wait(30)
        progress(2, 4)
        raise AssertionError("not stopped")

    monkeypatch.setattr(module, "build_index", build)
    library.start(str(photo_dir))
    assert reached.wait(30)
    assert library.state()["progress"] == [1, 4]
    with pytest.raises(ValueError, match=BUSY):
        library.start(str(photo_dir))
    threading.Timer(0.05, go_on.set).start()
    library.close()
    state = library.state()
    assert (state["progress"], state["error"], state["told"]) == (None, "", "")
