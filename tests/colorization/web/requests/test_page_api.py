import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from colorization.web.editing.edit_requests import UNREADABLE
from colorization.web.requests.page_api import UNTICKED
from colorization.web.requests.upload_checks import DAMAGED
from colorization.web.storage.photo_queue import GONE, MAX_QUEUES


def test_a_visit(served: Any, gray_file: Path, tmp_path: Path) -> None:
    view = served.open(gray_file)
    assert served.steps == ["reading", "describing", "matching", "coloring"]
    assert view["file"] == "garage.jpg" and len(view["references"]) == 6
    assert [one["used"] for one in view["references"]][:3] == [True, True, False]
    here = f"/api/photos/{view['name']}"
    suggested = served.ask(f"{here}/suggestions", json={"x": 0.2, "y": 0.3})
    assert len(suggested) > 3 and {"color", "name", "share"} == suggested[0].keys()
    put = served.edit(view, "put color", places=[[0.2, 0.3]], color=suggested[1]["color"])
    assert "1 color point" in put["status"][0] and put["can_undo"] is True
    stroke = [[0.5, 0.5], [0.55, 0.5]]
    brushed = served.edit(view, "put color", places=stroke, color="#c81e14")
    assert "3 color points" in brushed["status"][0] and brushed["after"] != put["after"]
    undone = served.edit(view, "undo")
    places = [point[:2] for point in undone["points"]]
    assert (undone["can_redo"], places) == (True, [[0.2, 0.3]])
    assert "3 color points" in served.edit(view, "redo")["status"][0]
    only = served.edit(view, "pick", reference=0, used=False)
    assert "motorcycle_left.png" not in only["status"][0]
    variants = served.ask(f"{here}/variants", json={})
    assert len(variants) > 2 and variants[0]["caption"] == "as it is"
    bold = next(one for one in variants if one["caption"] == "bold")
    taken = served.edit(view, "take variant", **bold)
    assert taken["saturation"] == 1.4 and "3 color points" in taken["status"][0]
    made = served.ask(f"{here}/file", json={})
    assert served.steps == ["reading", "coloring", "writing"]
    found = Image.open(served.download(made["url"], tmp_path))
    assert (made["file"], found.format, found.size) == (
        "garage-color.jpg",
        "JPEG",
        Image.open(gray_file).size,
    )
    over = served.edit(view, "start over")
    assert (over["points"], over["saturation"]) == ([], 1.0)
    # a page that is loaded again, or another tab, finds the photo as it is
    assert served.ask(here)["references"] == over["references"]


def test_own_references_and_a_palette(
    served: Any, gray_file: Path, library_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"nonsense")
    view = served.open(gray_file)
    here = f"/api/photos/{view['name']}"
    files = tmp_path / "broken.jpg", gray_file, library_dir / "coffee.png"
    brought = served.send(f"{here}/references", "reference", *files)
    assert brought["told"] == [
        "broken.jpg is damaged, or no picture. Choose another.",
        "garage.jpg: this reference is gray, it has no colors to lend",
        UNTICKED,
    ]
    again = served.send(f"{here}/references", "reference", library_dir / "coffee.png")
    assert again["told"] == []
    assert [one["file"] for one in brought["references"] if one["used"]] == ["coffee.png"]
    assert brought["references"][-1]["match"] == ""
    palette = served.send(f"{here}/palette", "palette", library_dir / "chelsea.png")
    assert palette["palette"] == "chelsea.png" and "palette of chelsea.png" in palette["status"][0]
    assert served.edit(view, "remove palette")["palette"] == ""
    gray = served.send(f"{here}/palette", "palette", gray_file)
    assert "gray" in gray["error"] and served.ask(here)["palette"] == ""


def test_the_start_page(served: Any) -> None:
    page = served.ask("/api/page")
    assert ".jpg" in page["accept"] and len(page["examples"]) == 2
    assert page["library"]["count"] == 8 and page["queued_photos"] == 1000
    for name in page["examples"]:
        view = served.ask(f"/api/examples/{name}", json={})
        assert view["file"] == f"{name}.jpg" and view["references"]
        with served.http() as client:
            assert client.get(f"/api/examples/{name}").headers["content-type"] == "image/jpeg"
    assert "no such example" in served.ask("/api/examples/other", json={})["error"]
    assert "no such folder" in served.ask("/api/library", json={"folder": "/nowhere"})["error"]


def test_visitors_do_not_see_each_other(
    served: Any, gray_file: Path, library_dir: Path, tmp_path: Path
) -> None:
    Image.open(library_dir / "chelsea.png").convert("L").save(tmp_path / "cat.png")
    first, second = served.open(gray_file), served.open(tmp_path / "cat.png")
    served.edit(first, "put color", places=[[0.5, 0.5]], color="#ff0000")
    assert served.edit(second, "set", name="saturation", value=0.5)["points"] == []
    for view, name in ((first, "garage-color.jpg"), (second, "cat-color.png")):
        assert served.ask(f"/api/photos/{view['name']}/file", json={})["file"] == name


def test_mistakes_are_one_line_and_change_nothing(
    served: Any, gray_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "broken.jpg").write_bytes(gray_file.read_bytes()[:5000])
    (tmp_path / "notes.zip").write_bytes(b"PK\3\4")
    line = served.open(tmp_path / "broken.jpg")["error"]
    assert line == f"broken.jpg {DAMAGED}"
    assert served.open(tmp_path / "notes.zip")["error"].startswith("notes.zip is no picture")
    assert "one file" in served.ask("/api/photos", data={"x": "y"})["error"]
    view = served.open(gray_file)
    here = f"/api/photos/{view['name']}"
    assert "saturation" in served.edit(view, "set", name="saturation", value=9)["error"]
    assert "color" in served.edit(view, "put color", places=[[0, 0]], color="none")["error"]
    for x in (None, 3):
        assert served.ask(f"{here}/suggestions", json={"x": x, "y": 0.5})["error"]
    assert "cannot be read" in served.ask(f"{here}/edits", content=b"[")["error"]
    assert served.ask(here)["can_undo"] is False
    gone = "This photo is not kept any more. Choose it again."
    assert served.ask("/api/photos/another") == {"error": gone}
    assert served.edit({"name": "another"}, "undo") == {"error": gone}


def test_names_are_told_as_they_are(served: Any, gray_file: Path) -> None:
    """As text: the page never takes them for markup."""
    file = {"photo": ("<img src=x onerror=alert(1)>.jpg", gray_file.read_bytes())}
    view = served.ask("/api/photos", files=file)
    assert view["file"] == "img src=x onerror=alert(1).jpg"


def test_doubt_is_shown_on_demand(served: Any, gray_file: Path, tmp_path: Path) -> None:
    view = served.open(gray_file)
    served.edit(view, "pick", reference=0, used=False)
    served.edit(view, "pick", reference=1, used=False)
    pictures = [
        np.asarray(Image.open(served.download(found["after"], tmp_path))).astype(int)
        for found in (
            served.edit(view, "pick", reference=4, used=True),
            served.ask(f"/api/photos/{view['name']}?doubt=true"),
        )
    ]
    assert np.abs(pictures[0] - pictures[1]).mean() > 10


def test_further_edits_are_fast(served: Any, gray_file: Path) -> None:
    """What other processes take is not counted."""
    view, times = served.open(gray_file), []
    for step in range(4):
        start = time.process_time()
        served.edit(view, "set", name="saturation", value=0.9 - step / 10)
        times.append(time.process_time() - start)
    assert min(times[1:]) < 0.15


def test_a_photo_outlives_its_queue(served: Any, gray_file: Path) -> None:
    queue = served.ask("/api/queues", json={})["name"]
    first = served.send(f"/api/queues/{queue}/photos", "photo", gray_file, number=0)
    for _ in range(MAX_QUEUES):
        served.ask("/api/queues", json={})
    assert GONE in served.ask(f"/api/queues/{queue}")["error"]
    made = served.ask(f"/api/photos/{first['name']}/file?queue={queue}", json={})
    assert made["file"] == "garage-color.jpg"


def test_a_form_in_place_of_json_is_not_read(served: Any, gray_file: Path) -> None:
    view = served.open(gray_file)
    refused = served.send(f"/api/photos/{view['name']}/edits", "photo", gray_file)
    assert refused == {"error": UNREADABLE}
