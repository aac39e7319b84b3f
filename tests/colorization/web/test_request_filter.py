"""What the gate lets through, with nothing behind it but an echo."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from colorization.web.file_store import Store
from colorization.web.request_filter import CALL_BYTES, Gate
from colorization.web.server import LOOPBACK

PREFIX = "/gradio_api"
FILE = {"_type": "gradio.FileData"}


async def behind(scope: Scope, receive: Receive, send: Send) -> None:
    """In Gradio's place: an upload answers with the stored path that the test put into a header; others echo their body."""
    request = Request(scope, receive)
    body = await request.body()
    answer: Any = {"path": scope["path"], "body": body.decode(errors="replace")}
    if scope["path"].endswith("/upload"):
        answer = json.loads(request.headers["x-stored"])
    await JSONResponse(answer)(scope, receive, send)


@pytest.fixture
def ask(store: Store) -> Any:
    def run(
        method: str, path: str, hosts: frozenset[str] | None = LOOPBACK, **more: Any
    ) -> httpx.Response:
        async def once() -> httpx.Response:
            transport = httpx.ASGITransport(Gate(behind, store, hosts))  # type: ignore[arg-type]
            async with httpx.AsyncClient(
                transport=transport, base_url="http://127.0.0.1:7860"
            ) as client:
                return await client.request(method, path, **more)

        return asyncio.run(once())

    return run


def refused(answer: httpx.Response, status: int) -> str:
    """Check that it is refused with exactly one line."""
    assert answer.status_code == status, answer.text
    assert answer.text and "\n" not in answer.text
    return answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/config",
        "/assets/a.js",
        "/theme.css",
        f"{PREFIX}/info",
        f"{PREFIX}/app_id",
        f"{PREFIX}/call/colorize/ab12",
    ],
)
def test_what_the_page_needs_passes(ask: Any, path: str) -> None:
    answer = ask("GET", path)
    assert (answer.status_code, answer.json()["path"]) == (200, path)
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [f"{PREFIX}/proxy=http://example.com/", f"{PREFIX}/deep_link?session_hash=a", "/monitoring", f"{PREFIX}/runs", "/login",
     f"{PREFIX}/run-history/buckets", f"{PREFIX}/vibe-code/", f"{PREFIX}/file/etc/passwd", f"{PREFIX}/custom_component/a/b/c/d",
     f"{PREFIX}/stream/a/b/c/playlist.m3u8", "/docs", "/openapi.json", f"{PREFIX}/openapi.json", "/assets/../../etc/passwd",
     "/assets/%2e%2e/%2e%2e/etc/passwd", "/static/%2e%2e/a", f"{PREFIX}/call/open/1", "/%00"],
)  # fmt: skip
def test_everything_else_is_not_there(ask: Any, path: str) -> None:
    refused(ask("GET", path), 404)


@pytest.mark.parametrize(
    "path",
    [
        f"{PREFIX}/run/colorize",
        f"{PREFIX}/api/colorize",
        f"{PREFIX}/component_server",
        f"{PREFIX}/call/open",
    ],
)
def test_calls_beside_the_queue_are_not_there(ask: Any, path: str) -> None:
    refused(ask("POST", path, json={"data": []}), 404)


def test_other_methods_are_refused(ask: Any) -> None:
    for method in ("DELETE", "PUT", "OPTIONS", "PATCH"):
        refused(ask(method, "/"), 405)


def test_only_files_of_the_store_are_sent(ask: Any, store: Store, tmp_path: Path) -> None:
    inside, secret = store.new("a.jpg"), tmp_path / "secret.jpg"
    inside.write_bytes(b"x")
    secret.write_bytes(b"x")
    (store.folder / "link.jpg").symlink_to(secret)
    assert ask("GET", f"{PREFIX}/file={inside}").status_code == 200
    up = "../" * 20
    for path in (secret, "/etc/passwd", store.folder / "link.jpg", store.folder, f"{inside.parent}/{up}etc/hostname",
                 f"{inside}/../../{up}etc/passwd", "http://example.com/a.jpg", "file:///etc/passwd",
                 "%2fetc%2fpasswd"):  # fmt: skip
        answer = ask("GET", f"{PREFIX}/file={path}")
        assert answer.status_code in (403, 404), (path, answer.text)
        assert "\n" not in answer.text


def test_other_names_and_other_pages_are_refused(ask: Any) -> None:
    refused(ask("GET", "/", headers={"host": "evil.example"}), 403)
    assert ask("GET", "/", headers={"host": "localhost:7860"}).status_code == 200
    assert ask("GET", "/", headers={"host": "[::1]:7860"}).status_code == 200
    assert ask("GET", "/", None, headers={"host": "family-server"}).status_code == 200
    refused(
        ask("POST", f"{PREFIX}/cancel", json={}, headers={"origin": "http://evil.example"}), 403
    )
    refused(ask("POST", f"{PREFIX}/cancel", json={}, headers={"origin": "null"}), 403)
    refused(ask("GET", "/", headers={"host": "[::1"}), 403)
    refused(ask("POST", f"{PREFIX}/cancel", json={}, headers={"origin": "http://[x"}), 403)
    assert (
        ask(
            "POST", f"{PREFIX}/cancel", json={}, headers={"origin": "http://127.0.0.1:7860"}
        ).status_code
        == 200
    )


def call(ask: Any, file: Any) -> httpx.Response:
    return ask("POST", f"{PREFIX}/call/recommend", json={"data": [file, 3]})  # type: ignore[no-any-return]


def test_a_call_may_name_uploaded_files_only(ask: Any, store: Store, tmp_path: Path) -> None:
    inside = store.new("a.jpg")
    inside.write_bytes(b"x")
    own = f"http://127.0.0.1:7860{PREFIX}/file={inside}"
    for url in (None, own):
        answer = call(ask, {"path": str(inside), "url": url, "meta": FILE})
        assert json.loads(answer.json()["body"])["data"][0]["path"] == str(inside)
    for path in (
        "/etc/passwd",
        "http://example.com/a.jpg",
        str(tmp_path),
        f"{inside}/../../../../../etc/passwd",
        7,
        None,
        "",
    ):
        refused(call(ask, {"path": path, "meta": FILE}), 400)
        refused(call(ask, [{"deep": {"path": path}}]), 400)
    for url in (
        "http://example.com/a.jpg",
        "http://169.254.169.254/latest",
        f"http://example.com{PREFIX}/file={inside}",
        "file:///x",
        3,
    ):
        refused(call(ask, {"path": str(inside), "url": url, "meta": FILE}), 400)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"data": 3}', b'{"data": [1]}', b"[]", b'"data"'],
)
def test_calls_that_cannot_be_read_are_refused(ask: Any, body: bytes) -> None:
    refused(ask("POST", f"{PREFIX}/call/recommend", content=body), 400)


def test_files_are_given_as_files(ask: Any, store: Store) -> None:
    inside = store.new("a.jpg")
    inside.write_bytes(b"x")
    file, wishes = {"path": str(inside), "meta": FILE}, ["", 3, 1, 1, None]

    def colorize(*files: Any) -> httpx.Response:
        return ask("POST", f"{PREFIX}/call/colorize", json={"data": [*files, *wishes]})  # type: ignore[no-any-return]

    for files in ((file, None, None), (file, [file, file], file), (None, [], None)):
        assert colorize(*files).status_code == 200
    for wrong in ("a.jpg", 3, {}, [], {"path": str(inside)}, {"path": str(inside), "meta": {}}):
        assert "gradio.FileData" in refused(call(ask, wrong), 400)
        assert "gradio.FileData" in refused(colorize(file, None, wrong), 400)
        assert "gradio.FileData" in refused(colorize(file, [wrong], None), 400)
    refused(colorize(file, [None], None), 400)
    assert "list of files" in refused(colorize(file, file, None), 400)
    assert "uploaded" in refused(call(ask, {"meta": FILE}), 400)


def test_lengths_are_bounded(ask: Any, store: Store) -> None:
    refused(ask("POST", f"{PREFIX}/queue/join", content=b"x" * (CALL_BYTES + 1)), 413)
    size = str(store.limits.upload_bytes * 2)
    refused(ask("POST", f"{PREFIX}/upload", content=b"", headers={"content-length": size}), 413)

    async def endless() -> Any:
        yield b"x"

    refused(ask("POST", f"{PREFIX}/upload", content=endless()), 411)
    refused(ask("POST", f"{PREFIX}/upload", content=b"", headers={"content-length": "-1"}), 411)
    both = {"content-length": "1", "transfer-encoding": "chunked"}  # then the length says nothing
    refused(ask("POST", f"{PREFIX}/queue/join", content=b"x", headers=both), 411)


def test_uploads_are_looked_at_and_what_is_refused_goes(
    ask: Any, store: Store, pictures: dict[str, np.ndarray]
) -> None:
    good, bad = store.new("a.png"), store.new("b.png")
    Image.fromarray(pictures["coffee"]).save(good)
    bad.write_text("not a picture\n")
    answer = ask(
        "POST", f"{PREFIX}/upload", content=b"x", headers={"x-stored": json.dumps([str(good)])}
    )
    assert (answer.status_code, answer.json()) == (200, [str(good)])
    line = refused(
        ask(
            "POST",
            f"{PREFIX}/upload",
            content=b"x",
            headers={"x-stored": json.dumps([str(good), str(bad)])},
        ),
        400,
    )
    assert line == "b.png: not a picture that can be read"
    bad.write_text("not a picture\n")
    twice = {"x-stored": json.dumps([str(bad)] * 2)}
    assert refused(ask("POST", f"{PREFIX}/upload", content=b"x", headers=twice), 400) == line
    # the same file has the same path: a page may be working on it
    assert good.exists() and not bad.exists()
    worse = store.new("c.png")
    for path in (bad, worse):
        path.write_text("not a picture\n")
    refused(
        ask(
            "POST",
            f"{PREFIX}/upload",
            content=b"x",
            headers={"x-stored": json.dumps([str(bad), str(worse)])},
        ),
        400,
    )
    assert not bad.exists() and not worse.exists()  # none is left that was not looked at
