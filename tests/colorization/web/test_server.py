"""The whole page over HTTP, without a browser."""

import asyncio
import contextlib
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from skimage.color import rgb2lab

from colorization.network.pretrained import load_network
from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline
from colorization.web.server import serve
from retrieval.building.changes import BuildReport
from retrieval.search.photo_index import PhotoIndex
from similarity.backbone.backbone import Backbone

README = Path(__file__).parents[3] / "README.md"
FILE = {"_type": "gradio.FileData"}
# references, palette, points, top_k, saturation, vividness, faithfulness
WISHES = [None, None, "", 0, 1, 1, None]


def luminance(rgb: np.ndarray) -> np.ndarray:
    return np.asarray(rgb2lab(rgb)[..., 0])


# --- named calls


def test_colorize(served: Any, gray_file: Path, tmp_path: Path) -> None:
    (photo,) = served.upload(gray_file)
    file, report = served.call(
        "colorize", photo, None, None, "20,30,#a03020 50,60,#2040a0", 2, 1.2, 1, None
    )
    assert [one["name"] for one in report["references"]] == [
        "motorcycle_left.png",
        "motorcycle_right.png",
    ]
    found = Image.open(served.download(file, tmp_path))
    assert (found.filename.rpartition("/")[2], found.format, found.size) == (
        "garage-color.jpg",
        "JPEG",
        Image.open(gray_file).size,
    )
    assert np.ptp(np.asarray(found).astype(int), axis=2).mean() > 5


def test_colorize_from_own_references_and_a_palette(
    served: Any, gray_file: Path, library_dir: Path
) -> None:
    photo, reference, palette = served.upload(
        gray_file, library_dir / "coffee.png", library_dir / "chelsea.png"
    )
    _, report = served.call("colorize", photo, [reference], palette, "", 3, 1, 1, 0.5)
    (used,) = report["references"]
    assert used["name"] == "coffee.png" and 0 < used["influence"] < 0.2  # it shows something else


def test_recommend_and_suggest_colors(served: Any, gray_file: Path, library_dir: Path) -> None:
    (photo,) = served.upload(gray_file)
    (found,) = served.call("recommend", photo, 2)
    # names, no folders
    assert [one["path"] for one in found] == ["motorcycle_left.png", "motorcycle_right.png"]
    assert found[0]["score"] > found[1]["score"]
    (colors,) = served.call("suggest_colors", photo, 20, 30)
    assert len(colors) > 3 and all(re.fullmatch("#[0-9a-f]{6}", one["color"]) for one in colors)


@pytest.mark.parametrize(
    ("wishes", "line"),
    [
        ([None, None, "1,2,red", 0, 1, 1, None], "expected X,Y,#RRGGBB"),
        ([None, None, "9999,2,#ff0000", 0, 1, 1, None], "outside the picture"),
        ([None, None, "", 99, 1, 1, None], "top_k must be within 0..10"),
        ([None, None, "", 0, -1, 1, None], "saturation must be within"),
        ([None, None, None, 0, None, 1, None], "saturation must be a number"),
        ([None, None, None, None, 1, 1, None], "top_k must be a number"),
        ([None, None, "1,2,#ff0000 " * 101, 0, 1, 1, None], "at most 100 color points, not 101"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    served: Any, gray_file: Path, wishes: list[Any], line: str
) -> None:
    (photo,) = served.upload(gray_file)
    answer = served.call("colorize", photo, *wishes)
    assert line in answer and "\n" not in answer and str(served.store.folder) not in answer
    assert served.call("colorize", None, *WISHES) == "no photo was given"
    assert served.call("suggest_colors", photo, 3, None) == "y must be a number"
    many = [photo] * 13
    assert (
        served.call("colorize", photo, many, *WISHES[1:])
        == "at most 12 references of your own, not 13"
    )


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_readme_talks_to_it(served: Any, gray_file: Path, tmp_path: Path) -> None:
    (block,) = (
        one
        for one in re.findall(r"^```\n(.*?)^```", README.read_text(), re.M | re.S)
        if "curl" in one
    )
    shutil.copy(gray_file, tmp_path / "grandmother.jpg")
    script = block.replace("http://127.0.0.1:7860", served.url)
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert Image.open(tmp_path / "grandmother-page.jpg").size == Image.open(gray_file).size


# --- hostile requests, as far as the gate's own tests do not reach


def test_hostile_uploads_are_refused(served: Any, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("not a picture\n")
    with served.http() as client:
        for name, content in (
            ("a.png", b"not a picture"),
            ("a.html", b"<script>"),
            ("a.svg", b"<svg/>"),
            ("a", b"x"),
            ("a.jpg", b""),
        ):
            answer = client.post("/gradio_api/upload", files={"files": (name, content)})
            assert (answer.status_code, "\n" in answer.text) == (400, False), answer.text
        assert client.post("/gradio_api/upload", content=b"x").status_code == 400
        picture = (tmp_path / "b.png", Image.new("RGB", (8, 8), "red"))
        picture[1].save(picture[0])
        answer = client.post(
            "/gradio_api/upload", files={"files": ("../../../etc/b.png", picture[0].read_bytes())}
        )
        assert served.store.holds(answer.json()[0]) and answer.json()[0].endswith("/b.png")


def test_files_and_pixels_beyond_the_limits_are_refused(
    serving: Any, colorizer: ColorizationPipeline, tmp_path: Path
) -> None:
    Image.new("RGB", (300, 200), "red").save(tmp_path / "wide.png")
    Image.new("RGB", (190, 190), "red").save(tmp_path / "heavy.bmp")
    with serving(colorizer, pixels=50_000, upload_bytes=100_000) as small, small.http() as client:
        wide = client.post(
            "/gradio_api/upload",
            files={"files": ("wide.png", (tmp_path / "wide.png").read_bytes())},
        )
        assert (wide.status_code, wide.text) == (
            400,
            "wide.png: 0 megapixels, above the limit of 0",
        )
        heavy = client.post(
            "/gradio_api/upload",
            files={"files": ("heavy.bmp", (tmp_path / "heavy.bmp").read_bytes())},
        )
        assert (heavy.status_code, "\n" in heavy.text) == (413, False)
        heavier = client.post("/gradio_api/upload", files={"files": ("heavy.bmp", bytes(300_000))})
        assert heavier.status_code == 413 and "too large" in heavier.text


# --- many at once


async def _colorized(client: httpx.AsyncClient, name: str, content: bytes) -> bytes:
    """One visitor's way from the upload to the file."""
    (path,) = (await client.post("/gradio_api/upload", files={"files": (name, content)})).json()
    begun = await client.post(
        "/gradio_api/call/colorize", json={"data": [{"path": path, "meta": FILE}, *WISHES]}
    )
    assert begun.status_code == 200, begun.text
    stream = (await client.get(f"/gradio_api/call/colorize/{begun.json()['event_id']}")).text
    found = re.search(r'"path": "([^"]+)"', stream)
    assert found, stream
    return (await client.get(f"/gradio_api/file={found[1]}")).content


def test_fifty_visitors_at_once_each_get_their_own(
    served: Any, tmp_path: Path, gray_pictures: dict[str, np.ndarray]
) -> None:
    """Each has a picture of another size and content; none is lost, none is mixed up."""
    pictures = [gray_pictures["chelsea"][i : 64 + 2 * i, i : 90 + i] for i in range(50)]
    names = [f"photo-{i}.png" for i in range(50)]
    for name, gray in zip(names, pictures, strict=True):
        Image.fromarray(gray).save(tmp_path / name)

    async def all_at_once() -> list[bytes]:
        limits = httpx.Limits(max_connections=60)
        async with httpx.AsyncClient(base_url=served.url, timeout=120, limits=limits) as client:
            return await asyncio.gather(
                *(_colorized(client, name, (tmp_path / name).read_bytes()) for name in names)
            )

    for number, (gray, content) in enumerate(
        zip(pictures, asyncio.run(all_at_once()), strict=True)
    ):
        (tmp_path / "result.png").write_bytes(content)
        rgb = np.asarray(Image.open(tmp_path / "result.png"))
        assert rgb.shape == (*gray.shape, 3), number
        assert np.abs(luminance(rgb) - luminance(np.dstack([gray] * 3))).max() < 0.6, number


def test_the_one_above_the_bound_is_told_at_once(
    serving: Any, colorizer: ColorizationPipeline, gray_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One is worked on, two wait, the fourth is refused; when the first is done all three have their answers."""
    entered, go_on = threading.Event(), threading.Event()
    recommend = ColorizationPipeline.recommend

    def slow(self: ColorizationPipeline, *args: Any) -> Any:
        entered.set()
        assert go_on.wait(60)
        return recommend(self, *args)

    monkeypatch.setattr(ColorizationPipeline, "recommend", slow)
    with serving(colorizer, waiting=2, at_once=1) as small, small.http() as client:
        (photo,) = small.upload(gray_file)

        def begin() -> httpx.Response:
            return client.post("/gradio_api/call/recommend", json={"data": [photo, 1]})  # type: ignore[no-any-return]

        begun = [begin()]
        assert entered.wait(60)
        begun += [begin(), begin()]
        above = begin()
        go_on.set()
        assert (above.status_code, "\n" in above.text) == (503, False)
        assert "full" in above.text
        for answer in begun:
            stream = client.get(f"/gradio_api/call/recommend/{answer.json()['event_id']}").text
            assert "motorcycle_left.png" in stream
        assert begin().status_code == 200


# --- the page's own events


def opened(served: Any, file: Path) -> Any:
    page = served.page()
    (photo,) = served.upload(file)
    return page, page.touch("photo", "upload", photo, False)


def test_a_visit(served: Any, gray_file: Path, tmp_path: Path) -> None:
    page, changed = opened(served, gray_file)
    assert "motorcycle_left.png" in changed["status"] and len(changed["references"]["value"]) == 6
    assert changed["mix"]["value"] == [0, 1] and changed["undo"]["interactive"] is False
    suggested = page.touch("picture", "select", data={"index": [20, 30], "value": None})
    assert (suggested["left"], suggested["swatch-0"]["visible"]) == (21.4, True)
    put = page.touch("swatch-1", "click", False)
    assert "1 color point" in put["status"] and put["undo"]["interactive"] is True
    assert (
        "2 color points"
        in page.touch("use-color", "click", 50, 50, "rgba(200.5, 30, 20, 1)", False)["status"]
    )
    undone = page.touch("undo", "click", False)
    assert "1 color point." in undone["status"] and (
        put["redo"]["interactive"],
        undone["redo"]["interactive"],
    ) == (False, True)
    assert "2 color points" in page.touch("redo", "click", False)["status"]
    assert "1 color point." in page.touch("undo", "click", False)["status"]
    only = page.touch("references", "select", False, data={"index": 0, "value": None})
    assert only["mix"]["value"] == [1] and "motorcycle_left.png" not in only["status"]
    assert len(page.touch("show-variants", "click")["variants"]) == 4
    assert (
        page.touch("variants", "select", False, data={"index": 1, "value": None})["vividness"] == 0
    )
    assert page.touch("overlay", "input", True)["slider"][1]["path"].endswith("color.jpg")
    made = page.touch("make", "click")["download"]
    found = Image.open(served.download(made["value"], tmp_path))
    assert (found.size, found.format) == (Image.open(gray_file).size, "JPEG")
    assert page.touch("restart", "click", False)["mix"]["value"] == [0, 1]


def test_a_variant_is_a_step_that_keeps_later_points(served: Any, gray_file: Path) -> None:
    page, _ = opened(served, gray_file)
    page.touch("use-color", "click", 30, 30, "#a03020", False)
    names = [one["caption"] for one in page.touch("show-variants", "click")["variants"]]
    page.touch("references", "select", False, data={"index": 0, "value": None})
    page.touch("use-color", "click", 60, 60, "#2040a0", False)
    page.touch("vividness", "input", 0.5, False)
    bolder = page.touch(
        "variants", "select", False, data={"index": names.index("bolder"), "value": None}
    )
    assert (bolder["saturation"], bolder["vividness"], bolder["mix"]["value"]) == (1.4, 1, [0, 1])
    assert "2 color points" in bolder["status"]
    undone = page.touch("undo", "click", False)
    assert (undone["saturation"], undone["vividness"], undone["mix"]["value"]) == (1, 0.5, [1])
    assert "2 color points" in undone["status"]
    plain = page.touch(
        "variants", "select", False, data={"index": names.index("as it is"), "value": None}
    )
    assert (plain["vividness"], plain["mix"]["value"]) == (1, [0, 1]) and "2 color points" in plain[
        "status"
    ]


def test_visitors_do_not_see_each_other(
    served: Any, gray_file: Path, library_dir: Path, tmp_path: Path
) -> None:
    Image.open(library_dir / "chelsea.png").convert("L").save(tmp_path / "cat.png")
    first, _ = opened(served, gray_file)
    second, changed = opened(served, tmp_path / "cat.png")
    assert "chelsea.png" in changed["status"]
    first.touch("use-color", "click", 50, 50, "#ff0000", False)
    assert "point" not in second.touch("saturation", "input", 0.5, False)["status"]
    for page, name in ((first, "garage-color.jpg"), (second, "cat-color.png")):
        assert page.touch("make", "click")["download"]["value"]["path"].endswith(name)


def test_mistakes_on_the_page_are_one_line(served: Any, gray_file: Path) -> None:
    nobody = served.page()
    assert nobody.touch("saturation", "input", 0.5, False) == {"error": "drop a gray photo first"}
    page, _ = opened(served, gray_file)
    assert "color" in page.touch("use-color", "click", 50, 50, "no color", False)["error"]
    assert page.touch("references", "select", False, data={"index": 99, "value": None})[
        "error"
    ].startswith("there is no such reference")
    stolen = {"path": "/etc/hostname", "meta": FILE}
    assert page.touch("photo", "upload", stolen, False)["refused"] == (
        400,
        "only uploaded files can be worked on",
    )
    assert "color" in page.touch("restart", "click", False)["status"].lower()  # it works on


def test_names_are_shown_as_text(served: Any, gray_file: Path, tmp_path: Path) -> None:
    shutil.copy(gray_file, tmp_path / "a.jpg")
    name = "<img src=x onerror=alert(1)>.jpg"
    with served.http() as client:
        (path,) = client.post(
            "/gradio_api/upload", files={"files": (name, gray_file.read_bytes())}
        ).json()
    page, _ = opened(served, gray_file)
    brought = page.touch("palette", "upload", {"path": path, "meta": FILE}, False)
    assert "<img" not in str(brought.get("status", "")) + str(brought.get("error", ""))


def test_further_edits_are_fast(served: Any, gray_file: Path) -> None:
    """Half a second on a free core; what other processes take is not counted."""
    page, _ = opened(served, gray_file)
    page.touch("saturation", "input", 1.1, False)
    times = []
    for value in (0.9, 0.8, 0.7):
        start = time.process_time()
        page.touch("saturation", "input", value, False)
        times.append(time.process_time() - start)
    assert min(times) < 0.5


# --- the server's own life


def test_an_index_that_vanishes_leaves_the_server_up(
    serving: Any,
    backbone: Backbone,
    photo_dir: Path,
    tmp_path: Path,
    build: Callable[..., BuildReport],
    gray_file: Path,
) -> None:
    build(photo_dir, tmp_path / "index")
    pipeline = ColorizationPipeline(
        backbone, PhotoIndex.open(tmp_path / "index"), load_network(backbone)
    )
    with serving(pipeline) as served:
        shutil.rmtree(tmp_path / "index")
        shutil.rmtree(photo_dir)
        page, changed = opened(served, gray_file)
        assert changed["status"].count("the index is gone") == 1
        assert "Colors without a reference" in changed["status"]
        assert "color" in page.touch("make", "click")["download"]["value"]["path"]


def test_nothing_is_left_when_the_server_ends(
    serving: Any, colorizer: ColorizationPipeline, gray_file: Path
) -> None:
    with serving(colorizer) as served:
        served.upload(gray_file)
        assert served.store.folder.exists()
    assert not served.store.folder.exists()


def test_a_port_in_use_is_told_before_anything_is_loaded(
    served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ColorizationPipeline, "load", lambda *_: pytest.fail("loaded"))
    port = int(served.url.rpartition(":")[2])
    with pytest.raises(
        ValueError, match=f"cannot listen on 127.0.0.1, port {port}: Address already in use"
    ):
        serve(None, "127.0.0.1", port)


def test_the_page_asks_nothing_of_other_machines(served: Any, fast: ColorizeOptions) -> None:
    """No font, script or style of the page comes from elsewhere, and the browser is told so."""
    with served.http() as client:
        answer = client.get("/")
        style = client.get("/theme.css").text
    tags = re.findall(
        r"<(?:script|link|img|iframe)[^>]*(?:src|href)=[\"'](https?:)?//[^\"']+", answer.text
    )
    assert tags == [] and "http" not in re.sub(r"http://www\.w3\.org\S*", "", style)
    assert (
        "connect-src" in answer.headers["content-security-policy"]
        or "default-src 'self'" in answer.headers["content-security-policy"]
    )
    with contextlib.suppress(KeyError):
        assert served.config["analytics_enabled"] is False
