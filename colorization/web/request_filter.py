"""What stands before Gradio: only the routes that the page needs, only files of the store, nothing fetched from elsewhere.

Gradio offers much more than this page uses (a proxy, stored runs on a hub, deep links, direct calls
beside the queue). A short list of what is let through is easier to keep right than a list of what
is not.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from colorization.web.file_store import Store
from colorization.web.upload_checks import check_upload
from retrieval.photos.reader import PictureError

API = "/gradio_api"
# by name, with the number of values each takes
CALLS = {"colorize": 8, "recommend": 2, "suggest_colors": 3}
FILE_META = {"_type": "gradio.FileData"}  # by which Gradio knows a file
UPLOAD = f"{API}/upload"
GET = re.compile(
    rf"/|/(config|theme\.css|favicon\.ico|manifest\.json|robots\.txt)/?|/(assets|static|svelte)/.+|"
    rf"{API}/(info|app_id|startup-events|queue/data|queue/status|upload_progress|heartbeat/\w+|call/({'|'.join(CALLS)})/\w+|file=.+)"
)
POST = re.compile(rf"{API}/(upload|queue/join|cancel|reset/?|call/({'|'.join(CALLS)}))")
CALL_BYTES = 1 << 20  # of a request that is no upload
FORM_BYTES = 1 << 16  # that a form adds to the file in it
HEADERS = {
    "content-security-policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; "
        "base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


class Refusal(Exception):
    """A request that is not let through.

    Attributes:
        status: of HTTP.
        line: told to the visitor.
    """

    def __init__(self, status: int, line: str) -> None:
        super().__init__(line)
        self.status, self.line = status, line


class Gate:
    """ASGI middleware around the page."""

    def __init__(self, app: ASGIApp, store: Store, hosts: frozenset[str] | None) -> None:
        """Stand before ``app``.

        Args:
            app: with Gradio's routes.
            store: the only folder that files come from.
            hosts: names under which the page may be asked for, against pages of strangers that name
                this machine; None for any.
        """
        self.app, self.store, self.hosts = app, store, hosts
        self._looking = anyio.CapacityLimiter(store.limits.looked_at)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check a request, then pass it on."""
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http":
            return None  # no WebSocket is part of the page

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                ours = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message = {**message, "headers": [*message.get("headers", []), *ours]}
            await send(message)

        request = Request(scope, receive)
        try:
            self._check_route(request)
            if request.method == "POST" and scope["path"] == UPLOAD:
                response = await self._upload(request)
                return await response(scope, receive, guarded)
            if request.method == "POST":
                body = await request.body()
                self._check_call(scope["path"], body, request.headers.get("host", ""))
                receive = _again(body, receive)
        except Refusal as refusal:
            return await PlainTextResponse(refusal.line, refusal.status)(scope, receive, guarded)
        return await self.app(scope, receive, guarded)

    def _check_route(self, request: Request) -> None:
        host = request.headers.get("host", "")
        if self.hosts is not None and _split(f"//{host}").hostname not in self.hosts:
            raise Refusal(403, "this page is not served under that name")
        origin = request.headers.get("origin")
        if origin is not None and _split(origin).netloc != host:
            raise Refusal(403, "requests of other pages are not taken")
        path = request.scope["path"]
        routes = {"GET": GET, "HEAD": GET, "POST": POST}.get(request.method)
        if routes is None:
            raise Refusal(405, "only GET and POST are taken")
        if not routes.fullmatch(path) or "/../" in f"{path}/":
            raise Refusal(404, "there is nothing here")
        _, is_file, file = path.partition(f"{API}/file=")
        if is_file and not self.store.holds(file):
            raise Refusal(403, "this file is not part of the page")
        if request.method == "POST":
            limit = self.store.limits.upload_bytes + FORM_BYTES if path == UPLOAD else CALL_BYTES
            length = request.headers.get("content-length", "")
            # beside which the length says nothing
            if not length.isdecimal() or "transfer-encoding" in request.headers:
                raise Refusal(411, "the request must say its length")
            if int(length) > limit:
                raise Refusal(
                    413,
                    f"too large: {int(length) / 1e6:.1f} MB at once, the limit is {limit / 1e6:.1f} MB",
                )

    def _check_call(self, path: str, body: bytes, host: str) -> None:
        """Check the files that a call names."""
        try:
            call = json.loads(body)
            for named in _files(call):
                if not isinstance(named.get("path"), str) or not self.store.holds(named["path"]):
                    raise Refusal(400, "only uploaded files can be worked on")
                self._check_own(named.get("url"), host)
            if path.startswith(f"{API}/call/"):
                self._check_values(path.rpartition("/")[2], call)
        except (ValueError, RecursionError):
            raise Refusal(400, "not a call that can be read") from None

    def _check_values(self, name: str, call: object) -> None:
        """Check how many values a call has, and that its files are given as Gradio wants them."""
        given = call.get("data") if isinstance(call, dict) else None
        if not isinstance(given, list) or len(given) != CALLS[name]:
            raise Refusal(400, f"this call takes a list of {CALLS[name]} values named data")
        photo, references, palette = given[0], None, None
        if name == "colorize":
            references, palette = given[1:3]
        if not isinstance(references, list | None):
            raise Refusal(400, "references are a list of files")
        files = [file for file in (photo, palette) if file is not None] + (references or [])
        if any(not isinstance(file, dict) or file.get("meta") != FILE_META for file in files):
            raise Refusal(
                400, f'a file is given as {{"path": PATH, "meta": {json.dumps(FILE_META)}}}'
            )

    def _check_own(self, url: object, host: str) -> None:
        if url is None:
            return
        parts = urlsplit(url) if isinstance(url, str) else None
        if (
            parts is None
            or parts.netloc not in ("", host)
            or not unquote(parts.path).startswith(f"{API}/file=")
        ):
            raise Refusal(400, "addresses of other machines are not fetched")

    async def _upload(self, request: Request) -> Response:
        """Let Gradio store the files, then look at each. What is refused goes; others may be in use from an earlier upload."""
        await anyio.to_thread.run_sync(self.store.sweep, int(request.headers["content-length"]))
        status, headers, parts = 500, [], []

        async def collect(message: Message) -> None:
            nonlocal status, headers
            if message["type"] == "http.response.start":
                status, headers = message["status"], message["headers"]
            else:
                parts.append(message.get("body", b""))

        await self.app(request.scope, request.receive, collect)
        body = b"".join(parts)
        if status != 200:
            raise Refusal(status if 400 <= status < 500 else 400, "the upload cannot be read")
        refusals = [
            line
            for path in dict.fromkeys(json.loads(body))
            if (line := await self._refusal(Path(path)))
        ]
        if refusals:
            raise Refusal(400, refusals[0])
        return Response(body, status, media_type="application/json")

    async def _refusal(self, path: Path) -> str:
        """Why an upload is refused, in one line; empty if it is not."""
        try:
            await anyio.to_thread.run_sync(
                check_upload, path, self.store.limits, limiter=self._looking
            )
        except PictureError as error:
            path.unlink(missing_ok=True)
            return str(error)
        return ""


def _split(address: str) -> SplitResult:
    """The parts of an address; empty ones if it is none."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


def _again(body: bytes, receive: Receive) -> Receive:
    """Hand out a body that was read already."""
    bodies = [body]

    async def receive_again() -> Message:
        return {"type": "http.request", "body": bodies.pop()} if bodies else await receive()

    return receive_again


def _files(value: Any) -> Iterator[dict[str, Any]]:
    """Every file that a call names, however deep."""
    if isinstance(value, dict):
        if "path" in value or value.get("meta") == FILE_META:
            yield value
        for part in value.values():
            yield from _files(part)
    elif isinstance(value, list):
        for part in value:
            yield from _files(part)
