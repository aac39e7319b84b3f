import io
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from colorization.pipeline import ColorizationPipeline
from colorization.web.editing.photo_editor import HAS_COLORS
from colorization.web.requests.queue_api import NOT_KEPT
from colorization.web.storage.photo_queue import FULL, GONE


def test_several_photos_and_one_zip(
    served: Any, gray_file: Path, gray_pictures: dict[str, np.ndarray], tmp_path: Path
) -> None:
    Image.fromarray(gray_pictures["chelsea"]).save(tmp_path / "cat.png")
    (tmp_path / "broken.jpg").write_bytes(b"nonsense")
    here = f"/api/queues/{served.ask('/api/queues', json={})['name']}"
    assert "None of these photos" in served.ask(f"{here}/zip")["error"]
    first = served.send(
        f"{here}/photos", "photo", gray_file, place="scans/1932/garage.jpg", number=0
    )
    opened = ["reading", "reading", "describing", "matching", "coloring"]
    assert served.steps == [*opened, "reading", "coloring", "writing"]
    assert (first["file"], first["status"][0][:16]) == ("garage-color.jpg", "Colors from moto")
    broken = served.send(f"{here}/photos", "photo", tmp_path / "broken.jpg", place="")
    assert broken["error"].startswith("broken.jpg is damaged")
    second = served.send(f"{here}/photos", "photo", tmp_path / "cat.png", place="", number=2)
    # sent again, as by a page that lost the answer
    second = served.send(f"{here}/photos", "photo", tmp_path / "cat.png", place="", number=2)
    # a page that is loaded again finds what is done
    assert served.ask(here) == [first, second]
    for one in (first, second):
        for picture in (one["before"], one["after"]):
            assert max(Image.open(served.download(picture, tmp_path)).size) <= 320

    # work on one, and save: the zip has it
    red = {"places": [[0.5, 0.5]], "color": "#ff0000"}
    served.edit(first, "put color", **red)
    made = served.ask(f"/api/photos/{first['name']}/file?queue={here.rpartition('/')[2]}", json={})
    assert served.ask(here)[0]["url"] == made["url"] != first["url"]
    assert "1 color point" in served.ask(here)[0]["status"][0]
    with zipfile.ZipFile(served.download(f"{here}/zip", tmp_path)) as file:
        assert file.namelist() == ["scans/1932/garage-color.jpg", "cat-color.png"]
        edited = served.download(made["url"], tmp_path).read_bytes()
        assert file.read("scans/1932/garage-color.jpg") == edited


def test_the_zip_holds_what_was_edited_last_without_saving(
    served: Any, gray_file: Path, tmp_path: Path
) -> None:
    here = f"/api/queues/{served.ask('/api/queues', json={})['name']}"
    first = served.send(f"{here}/photos", "photo", gray_file, number=0)
    for saturation, asked in ((0.0, "zip"), (1.0, "queue"), (0.0, "queue")):
        served.edit(first, "set", name="saturation", value=saturation)
        if asked == "queue":
            (now,) = served.ask(here)
            assert served.steps[-1] == "writing" and now["url"] != first["url"]
            assert served.ask(here) == [now]
        with zipfile.ZipFile(served.download(f"{here}/zip", tmp_path)) as file:
            found = np.asarray(Image.open(file.open("garage-color.jpg"))).astype(int)
        assert (np.ptp(found, axis=2).max() < 8) == (saturation == 0)


def test_a_photo_that_has_colors_is_passed_over_unless_it_is_wanted(
    served: Any, gray_file: Path, pictures: dict[str, np.ndarray], tmp_path: Path
) -> None:
    Image.fromarray(pictures["coffee"]).save(tmp_path / "cup.png")
    here = f"/api/queues/{served.ask('/api/queues', json={})['name']}"
    gray = served.send(f"{here}/photos", "photo", gray_file, number=0)
    passed = served.send(f"{here}/photos", "photo", tmp_path / "cup.png", number=1)
    assert served.steps == ["reading"]  # no network was asked
    assert (gray["passed"], passed["passed"]) == (False, True)
    assert passed["status"] == ["This photo already has colors, so it was passed over."]
    assert (passed["file"], passed["url"], passed["after"], passed["name"]) == (
        "cup.png",
        "",
        "",
        "",
    )
    assert served.ask(here) == [gray, passed]
    with zipfile.ZipFile(served.download(f"{here}/zip", tmp_path)) as file:
        assert file.namelist() == ["garage-color.jpg"]

    done = served.ask(f"{here}/photos/1", json={})
    assert (done["passed"], done["file"]) == (False, "cup-color.png")
    assert HAS_COLORS in done["status"]
    assert served.ask(here) == [gray, done]
    with zipfile.ZipFile(served.download(f"{here}/zip", tmp_path)) as file:
        assert file.namelist() == ["garage-color.jpg", "cup-color.png"]
    other = {"error": "These photos are not kept any more. Choose them again."}
    assert served.ask(f"{here}/photos/7", json={}) == other


def test_what_was_passed_over_may_be_gone(
    served: Any, pictures: dict[str, np.ndarray], tmp_path: Path
) -> None:
    Image.fromarray(pictures["coffee"]).save(tmp_path / "lost cup.png")
    here = f"/api/queues/{served.ask('/api/queues', json={})['name']}/photos"
    served.send(here, "photo", tmp_path / "lost cup.png")
    (upload,) = served.store.folder.rglob("lost cup.png")
    upload.unlink()
    assert served.ask(f"{here}/0", json={}) == {
        "error": "This photo is not kept any more. Choose it again."
    }


def test_a_queue_that_is_gone_is_told(served: Any, gray_file: Path) -> None:
    gone = {"error": "These photos are not kept any more. Choose them again."}
    assert served.ask("/api/queues/other") == served.ask("/api/queues/other/zip") == gone
    assert served.send("/api/queues/other/photos", "photo", gray_file) == gone


def test_a_queue_is_bounded(serving: Any, colorizer: ColorizationPipeline, gray_file: Path) -> None:
    with serving(colorizer, queued_photos=1) as small:
        here = f"/api/queues/{small.ask('/api/queues', json={})['name']}/photos"
        first = small.send(here, "photo", gray_file, number=0)
        refused = small.send(here, "photo", gray_file, number=1)
        assert refused == {"error": "at most 1 photos at once"}
        # sent again, as by a page that lost the answer
        again = small.send(here, "photo", gray_file, number=0)
        assert again["file"] == first["file"] and len(small.ask(here.removesuffix("/photos"))) == 1


def test_a_photo_is_read_once(
    served: Any, gray_file: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    shutil.copy(gray_file, tmp_path / "other.jpg")
    monkeypatch.setattr("colorization.web.editing.photo_editor.read_picture", lambda _: 1 / 0)
    here = f"/api/queues/{served.ask('/api/queues', json={})['name']}/photos"
    assert served.send(here, "photo", tmp_path / "other.jpg")["file"] == "other-color.jpg"


def test_no_result_goes_for_the_next_photo(
    serving: Any, colorizer: ColorizationPipeline, gray_file: Path
) -> None:
    """Uploads make room for results, and one that could not be kept is not begun."""
    size = gray_file.stat().st_size
    with serving(colorizer, stored_bytes=20 * size, queued_bytes=8 * size) as small:
        here = f"/api/queues/{small.ask('/api/queues', json={})['name']}"
        answers = [
            small.send(f"{here}/photos", "photo", gray_file, number=number) for number in range(40)
        ]
        done = [one for one in answers if "url" in one]
        assert 2 < len(done) < 40
        assert {one["error"] for one in answers[len(done) :]} == {FULL}
        with small.http() as client:
            sent = {"files": {"photo": (gray_file.name, gray_file.read_bytes())}}
            assert client.post(f"{here}/photos", **sent).status_code == 507
            found = zipfile.ZipFile(io.BytesIO(client.get(f"{here}/zip").content))
        assert len(found.namelist()) == len(done)


def test_results_that_are_gone_are_told(served: Any, gray_file: Path) -> None:
    here = f"/api/queues/{served.ask('/api/queues', json={})['name']}"
    served.send(f"{here}/photos", "photo", gray_file)
    for path in served.store.folder.rglob("garage-color.jpg"):
        path.unlink()
    (one,) = served.ask(here)
    assert one["status"][-1] == NOT_KEPT and one["url"] == ""
    with served.http() as client:
        answer = client.get(f"{here}/zip")
    assert (answer.status_code, answer.text) == (404, GONE)
