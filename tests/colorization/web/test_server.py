"""The whole page over HTTP, without a browser."""

import asyncio
import errno
import re
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from skimage.color import rgb2lab

from colorization.network.pretrained import load_network
from colorization.pipeline import ColorizationPipeline
from colorization.web.server import STATIC, create_app, serve
from colorization.web.storage.file_store import FileStore
from retrieval.building.changes import BuildReport
from retrieval.search.photo_index import PhotoIndex
from similarity.backbone.backbone import Backbone


def luminance(rgb: np.ndarray) -> np.ndarray:
    return np.asarray(rgb2lab(rgb)[..., 0])


def test_the_page_asks_nothing_of_other_machines(served: Any) -> None:
    """Whatever it names is there, under this server's own name."""
    with served.http() as client:
        page = client.get("/")
        assert page.headers["content-type"].startswith("text/html")
        for place in re.findall(r'(?:src|href)="([^"#]+)"', page.text):
            assert place.startswith("/") and client.get(place).status_code == 200
        for script in STATIC.glob("*.js"):
            answer = client.get(f"/{script.name}")
            assert "javascript" in answer.headers["content-type"]
            for place in re.findall(r'from "\./([^"]+)"', answer.text):
                assert (STATIC / place).is_file()
    texts = [path.read_text() for path in STATIC.iterdir()]
    assert not any(re.search(r"https?://(?!www\.w3\.org/)", text) for text in texts)
    assert "default-src 'self'" in page.headers["content-security-policy"]


@pytest.mark.parametrize(
    "path",
    [
        "/files/../../etc/passwd",
        "/files/%2e%2e/%2e%2e/etc/passwd",
        "/files//etc/passwd",
        "/files/%2fetc%2fpasswd",
        "/files/",
        "/files/made",
        "/files/.lock%00",
        "/../server.py",
        "/%2e%2e/server.py",
        "/api/other",
        "/docs",
    ],
)
def test_everything_else_is_not_there(served: Any, path: str) -> None:
    with served.http() as client:
        answer = client.get(path)
    assert (answer.status_code, "\n" in answer.text) == (404, False)


@pytest.mark.parametrize("path", ["/api/colourize", "/api/colorize/more", "/colorize", "/api/"])
def test_programs_that_ask_at_a_wrong_address_are_told_the_right_ones(
    served: Any, path: str
) -> None:
    with served.http() as client:
        answer = client.post(path, files={"photo": b"x"})
    assert answer.status_code == 404
    assert answer.text == (
        "There is nothing here. Programs POST to"
        " /api/colorize, /api/recommend or /api/suggest-colors."
    )


@pytest.mark.parametrize("name", ["colorize", "recommend", "suggest-colors", "photos"])
def test_addresses_that_take_only_post_say_so(served: Any, name: str) -> None:
    with served.http() as client:
        answer = client.get(f"/api/{name}")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.text == "This address takes only POST."


def test_only_files_of_the_store_are_sent(served: Any, gray_file: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.jpg").write_bytes(b"x")
    (served.store.folder / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    view = served.open(gray_file)
    with served.http() as client:
        assert client.get(view["after"]).headers["content-type"] == "image/jpeg"
        assert client.get("/files/link.jpg").status_code == 404
        assert client.post(view["after"]).status_code == 405


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ValueError("no photo"), 400),
        (OSError(errno.ENOSPC, "No space left on device"), 507),
        (PermissionError(errno.EACCES, "Permission denied"), 500),
        (MemoryError(), 500),
        (RuntimeError("shapes differ"), 500),
    ],
)
def test_what_is_no_fault_of_the_request_is_told_so(
    served: Any,
    gray_pictures: dict[str, np.ndarray],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    status: int,
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error

    Image.fromarray(gray_pictures["coffee"]).save(tmp_path / "a.png")
    monkeypatch.setattr(ColorizationPipeline, "colorize", fails)
    monkeypatch.setattr(ColorizationPipeline, "prepare", fails)
    with served.http() as client:
        files = {"photo": ("a.png", (tmp_path / "a.png").read_bytes())}
        assert client.post("/api/colorize", files=files).status_code == status


def test_files_beyond_the_limits_are_refused(
    serving: Any, colorizer: ColorizationPipeline, tmp_path: Path
) -> None:
    Image.new("RGB", (300, 200), "red").save(tmp_path / "wide.png")
    Image.new("RGB", (190, 190), "red").save(tmp_path / "heavy.bmp")
    limits = {"pixels": 50_000, "upload_bytes": 100_000, "request_bytes": 120_000}
    with serving(colorizer, **limits) as small:
        wide = "wide.png has 0.1 megapixels, 0.1 are taken. Choose a smaller one."
        assert small.open(tmp_path / "wide.png") == {"error": wide}
        heavy = "heavy.bmp is larger than 0 MB. Choose a smaller file."
        assert small.open(tmp_path / "heavy.bmp") == {"error": heavy}
        files = {"photo": ("heavy.bmp", bytes(300_000))}
        assert small.ask("/api/photos", files=files)["error"].startswith("too large: 0.3 MB")


async def _colorized(client: httpx.AsyncClient, name: str, content: bytes) -> bytes:
    sent = {"files": {"photo": (name, content)}, "data": {"top_k": "0"}}
    answer = await client.post("/api/colorize", **sent)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    return answer.content


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
            jobs = (_colorized(client, name, (tmp_path / name).read_bytes()) for name in names)
            return await asyncio.gather(*jobs)

    for gray, content in zip(pictures, asyncio.run(all_at_once()), strict=True):
        (tmp_path / "result.png").write_bytes(content)
        rgb = np.asarray(Image.open(tmp_path / "result.png"))
        assert rgb.shape == (*gray.shape, 3)
        assert np.abs(luminance(rgb) - luminance(np.dstack([gray] * 3))).max() < 0.6


def test_the_one_above_the_bound_is_told_at_once(
    serving: Any, colorizer: ColorizationPipeline, gray_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One is worked on, two wait, the fourth is refused; then all three have their answers."""
    entered, go_on = threading.Event(), threading.Event()
    recommend = ColorizationPipeline.recommend

    def slow(self: ColorizationPipeline, *args: Any) -> Any:
        entered.set()
        assert go_on.wait(60)
        return recommend(self, *args)

    monkeypatch.setattr(ColorizationPipeline, "recommend", slow)
    files = {"photo": (gray_file.name, gray_file.read_bytes())}

    async def four() -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=small.url, timeout=120) as client:
            begun = []
            for _ in range(4):
                begun.append(asyncio.create_task(client.post("/api/recommend", files=files)))
                await asyncio.sleep(0.5)
            go_on.set()
            return await asyncio.gather(*begun)

    with serving(colorizer, waiting=2, at_once=1) as small:
        answers = asyncio.run(four())
    assert [one.status_code for one in answers] == [200, 200, 200, 503]
    assert entered.is_set() and "busy" in answers[3].text and "\n" not in answers[3].text


def test_an_index_that_vanishes_leaves_the_server_up(
    serving: Any,
    backbone: Backbone,
    photo_dir: Path,
    tmp_path: Path,
    build: Callable[..., BuildReport],
    gray_file: Path,
) -> None:
    build(photo_dir, tmp_path / "index")
    index = PhotoIndex.open(tmp_path / "index")
    with serving(ColorizationPipeline(backbone, index, load_network(backbone))) as served:
        shutil.rmtree(tmp_path / "index")
        shutil.rmtree(photo_dir)
        view = served.open(gray_file)
        assert view["status"] == [
            "Colors without a reference.",
            "No references are recommended: index: the index is gone",
        ]
        made = served.ask(f"/api/photos/{view['name']}/file", json={})
        assert made["file"] == "garage-color.jpg"


def test_nothing_is_left_when_the_server_ends(
    serving: Any, colorizer: ColorizationPipeline, gray_file: Path
) -> None:
    with serving(colorizer) as served:
        served.open(gray_file)
        assert served.store.folder.exists()
    assert not served.store.folder.exists()


def test_a_port_in_use_is_told_before_anything_is_loaded(
    served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ColorizationPipeline, "load", lambda *_: pytest.fail("loaded"))
    port = int(served.url.rpartition(":")[2])
    line = f"cannot listen on 127.0.0.1, port {port}: the address is already in use"
    with pytest.raises(ValueError, match=f"^{line}; --port 0 takes a free one$"):
        serve(None, "127.0.0.1", port)


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host"])
def test_an_address_that_is_not_this_machine_s_is_told(host: str) -> None:
    with pytest.raises(ValueError, match=rf"^cannot listen on {host}, port 0: [^()]+$"):
        serve(None, host, 0)


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/api/photos", b"multipart/form-data; boundary=b"), ("/api/photos/x/edits", b"text/json")],
)
def test_an_upload_that_is_broken_off_is_no_error(
    colorizer: ColorizationPipeline, store: FileStore, path: str, kind: bytes
) -> None:
    """As of a visitor that goes Back while a photo is sent."""
    page, answers = create_app(colorizer, store), list[Any]()
    headers = [(b"content-length", b"5000"), (b"content-type", kind), (b"host", b"localhost")]
    scope = {"type": "http", "method": "POST", "path": path, "headers": headers}
    begun = {"type": "http.request", "body": b"--b\r\n", "more_body": True}
    left = iter([begun, {"type": "http.disconnect"}])

    async def receive() -> Any:
        return next(left)

    async def send(message: Any) -> None:
        answers.append(message)

    asyncio.run(page({**scope, "query_string": b"", "http_version": "1.1"}, receive, send))
    assert answers[0]["status"] == 200
