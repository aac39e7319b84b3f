import errno
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from colorization import web
from colorization.pipeline import ColorizationPipeline
from colorization.web.messages import BusyError
from colorization.web.requests.turns import Turns


@pytest.fixture
def colorize(served: Any) -> Any:
    """``colorize([(field, file), ...], field=value)``: the answer."""

    def run(files: list[tuple[str, Path]], **fields: Any) -> Any:
        sent = [(name, (path.name, path.read_bytes())) for name, path in files]
        with served.http() as client:
            return client.post("/api/colorize", files=sent, data=fields)

    return run


def test_colorize(colorize: Any, gray_file: Path, tmp_path: Path) -> None:
    points = ["20,30,#a03020", "50,60,#2040a0"]
    answer = colorize([("photo", gray_file)], point=points, top_k=2, saturation=1.2)
    assert answer.status_code == 200, answer.text
    report = json.loads(answer.headers["rechroma-report"])
    names = [one["name"] for one in report["references"]]
    assert names == ["motorcycle_left.png", "motorcycle_right.png"] and report["notes"] == []
    assert 'filename="garage-color.jpg"' in answer.headers["content-disposition"]
    (tmp_path / "found.jpg").write_bytes(answer.content)
    found = Image.open(tmp_path / "found.jpg")
    assert (found.format, found.size) == ("JPEG", Image.open(gray_file).size)
    assert np.ptp(np.asarray(found).astype(int), axis=2).mean() > 5


def test_a_photo_without_a_suffix_is_taken_and_keeps_its_format(
    served: Any, gray_file: Path
) -> None:
    with served.http() as client:
        answer = client.post("/api/colorize", files={"photo": gray_file.read_bytes()})
    assert answer.status_code == 200, answer.text
    assert 'filename="upload-color.jpg"' in answer.headers["content-disposition"]
    assert answer.content.startswith(b"\xff\xd8\xff")


def test_colorize_from_own_references_and_a_palette(
    colorize: Any, gray_file: Path, library_dir: Path
) -> None:
    files = [("photo", gray_file), ("reference", library_dir / "sub" / "motorcycle_right.png")]
    answer = colorize(files, faithfulness=0.5)
    (used,) = json.loads(answer.headers["rechroma-report"])["references"]
    assert used["name"] == "motorcycle_right.png" and 0.1 < used["influence"] <= 0.5
    answer = colorize([*files, ("palette", library_dir / "chelsea.png")])
    report = json.loads(answer.headers["rechroma-report"])
    assert report["references"] == []
    assert "The references are ignored: a palette is given." in report["notes"]


def test_without_references(colorize: Any, gray_file: Path) -> None:
    answer = colorize([("photo", gray_file)], top_k=0)
    assert json.loads(answer.headers["rechroma-report"])["references"] == []


def test_recommend_and_suggest_colors(served: Any, gray_file: Path) -> None:
    found = served.send("/api/recommend", "photo", gray_file, top_k=2)
    # names, no folders
    assert [one["path"] for one in found] == ["motorcycle_left.png", "motorcycle_right.png"]
    assert found[0]["score"] > found[1]["score"]
    colors = served.send("/api/suggest-colors", "photo", gray_file, x=20, y=30)
    assert len(colors) > 3 and all(re.fullmatch("#[0-9a-f]{6}", one["color"]) for one in colors)


def test_without_an_index_the_option_of_the_server_is_named(
    serving: Any, without_index: ColorizationPipeline, gray_file: Path
) -> None:
    with serving(without_index) as served:
        error = served.send("/api/recommend", "photo", gray_file)["error"]
    line = "recommending references needs an index; start with: rechroma serve --index FOLDER"
    assert error == line


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"point": "1,2,red"}, "expected X,Y,#RRGGBB"),
        ({"point": "9999,2,#ff0000"}, "outside the picture"),
        ({"top_k": 99}, "top_k must be a whole number within 0..10, not 99"),
        ({"top_k": 2.7}, "top_k must be a whole number, not 2.7"),
        ({"top_k": "many"}, "top_k must be a number"),
        ({"saturation": -1}, "saturation must be within"),
        ({"saturation": ""}, "saturation must be a number"),
        ({"point": ["1, 2, #ff0000"] * 101}, "at most 100 color points, not 101"),
        ({"vivid": 1}, "vivid is no field; fields are faithfulness, point, saturation, top_k, viv"),
        ({"palette": "#ff0000"}, "palette is a file; fields are faithfulness"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    colorize: Any, served: Any, gray_file: Path, fields: dict[str, Any], line: str
) -> None:
    answer = colorize([("photo", gray_file)], **fields)
    assert (answer.status_code, "\n" in answer.text) == (400, False)
    assert line in answer.text and str(served.store.folder) not in answer.text


def test_the_readme_tells_every_status(served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    here, photo = "/api/recommend", {"files": {"photo": ("a.jpg", b"x")}}
    with served.http() as client:
        answers = [
            client.post(here, **photo),
            client.post(here, **photo, headers={"host": "elsewhere"}),
            client.post(here, **photo, headers={"origin": "http://elsewhere"}),
            client.post("/api/other", **photo),
            client.get(here),
            client.post(here, content=iter([b"sent in chunks"])),
            client.post(here, content=bytes(2 << 20)),
        ]
        for failure in (MemoryError(), BusyError("busy"), OSError(errno.ENOSPC, "full")):
            monkeypatch.setattr(Turns, "run", failing(failure))
            answers.append(client.post(here))
    statuses = [answer.status_code for answer in answers]
    assert statuses == [400, 403, 403, 404, 405, 411, 413, 500, 503, 507]
    assert all(answer.text and "\n" not in answer.text for answer in answers)
    readme = Path(web.__file__).with_name("README.md").read_text()
    assert re.findall(r"^\| (\d{3}) \|", readme, re.M) == [str(s) for s in sorted({*statuses})]


def failing(error: Exception) -> Callable[..., Awaitable[None]]:
    async def run(*_: object) -> None:
        raise error

    return run


def test_pixels_are_whole(served: Any, gray_file: Path) -> None:
    answer = served.send("/api/suggest-colors", "photo", gray_file, x=0.5, y=30)
    assert answer["error"] == "x must be a whole number, not 0.5"


def test_files_are_wanted(colorize: Any, served: Any, gray_file: Path) -> None:
    assert colorize([("reference", gray_file)]).text == "one file is wanted as photo, not 0"
    many = [("photo", gray_file), *[("reference", gray_file)] * 13]
    assert colorize(many).text == "at most 12 references of your own, not 13"
    assert (
        "y must be a number" in served.send("/api/suggest-colors", "photo", gray_file, x=3)["error"]
    )
