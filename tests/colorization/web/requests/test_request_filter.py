"""What the filter lets through, with nothing behind it but an echo."""

import asyncio
from dataclasses import replace
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from colorization.web.requests.request_filter import FORM_BYTES, REQUEST_BYTES, RequestFilter
from colorization.web.server import LOOPBACK
from colorization.web.storage.limits import Limits

FORM = {"content-type": "multipart/form-data; boundary=x"}


async def behind(scope: Scope, receive: Receive, send: Send) -> None:
    """In the page's place: echo the path."""
    await Request(scope, receive).body()
    await JSONResponse({"path": scope["path"]})(scope, receive, send)


@pytest.fixture
def ask() -> Any:
    def run(
        method: str, path: str, hosts: frozenset[str] | None = LOOPBACK, **more: Any
    ) -> httpx.Response:
        async def once() -> httpx.Response:
            app = RequestFilter(behind, replace(Limits(), request_bytes=1000), hosts)
            transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
            async with httpx.AsyncClient(
                transport=transport, base_url="http://127.0.0.1:7860"
            ) as client:
                return await client.request(method, path, **more)

        return asyncio.run(once())

    return run


def refused(answer: httpx.Response, status: int) -> None:
    """Check that it is refused with exactly one line."""
    assert answer.status_code == status, answer.text
    assert answer.text and "\n" not in answer.text


def test_what_the_page_needs_passes(ask: Any) -> None:
    for method, path in (("GET", "/"), ("HEAD", "/"), ("POST", "/api/photos")):
        answer = ask(method, path)
        assert answer.status_code == 200
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_other_methods_are_refused(ask: Any) -> None:
    for method in ("DELETE", "PUT", "OPTIONS", "PATCH"):
        refused(ask(method, "/"), 405)


def test_other_names_and_other_pages_are_refused(ask: Any) -> None:
    for host in ("evil.example", "evil.example:7860", "[::1", ""):
        refused(ask("GET", "/", headers={"host": host}), 403)
    for host in ("localhost:7860", "[::1]:7860", "127.0.0.1"):
        assert ask("GET", "/", headers={"host": host}).status_code == 200
    assert ask("GET", "/", None, headers={"host": "family-server"}).status_code == 200
    for origin in ("http://evil.example", "null", "http://[x", "http://127.0.0.1:80"):
        refused(ask("POST", "/api/photos", headers={"origin": origin}), 403)
    own = {"origin": "http://127.0.0.1:7860"}
    assert ask("POST", "/api/photos", headers=own).status_code == 200


def test_lengths_are_bounded(ask: Any) -> None:
    refused(ask("POST", "/api/x", content=b"x" * (REQUEST_BYTES + 1)), 413)
    size = {"content-length": str(1000 + FORM_BYTES + 1)}
    refused(ask("POST", "/api/photos", content=b"", headers={**FORM, **size}), 413)
    allowed = {"content-length": str(1000 + FORM_BYTES)}
    assert ask("POST", "/api/photos", content=b"", headers={**FORM, **allowed}).status_code == 200

    async def endless() -> Any:
        yield b"x"

    refused(ask("POST", "/api/photos", content=endless()), 411)
    refused(ask("POST", "/api/photos", content=b"", headers={"content-length": "-1"}), 411)
    both = {"content-length": "1", "transfer-encoding": "chunked"}  # then the length says nothing
    refused(ask("POST", "/api/photos", content=b"x", headers=both), 411)


def test_websockets_are_not_answered() -> None:
    async def never(*_: Any) -> None:
        raise AssertionError("answered")

    app = RequestFilter(never, Limits(), None)
    asyncio.run(app({"type": "websocket"}, never, never))  # type: ignore[arg-type]
