"""What stands before the page: it lets in requests under its own name, of a known length."""

from urllib.parse import SplitResult, urlsplit

from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from colorization.web.editing.edit_requests import FORM
from colorization.web.storage.limits import Limits

REQUEST_BYTES = 1 << 20  # of a request that brings no files
FORM_BYTES = 1 << 16  # that a form adds to the files in it
HEADERS = {
    "content-security-policy": (
        "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none';"
        " form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",  # the browser asks whether it has changed
}


class RefusedError(Exception):
    """A request that is not let through.

    Attributes:
        status: of HTTP.
        line: told to whoever asked.
    """

    def __init__(self, status: int, line: str) -> None:
        super().__init__(line)
        self.status, self.line = status, line


class RequestFilter:
    """ASGI middleware around the page."""

    def __init__(self, app: ASGIApp, limits: Limits, hosts: frozenset[str] | None) -> None:
        """Stand before ``app``.

        Args:
            app: the page.
            limits: request_bytes.
            hosts: names under which the page may be asked for, against pages of strangers that name
                this machine; None for any.
        """
        self._app, self._limits, self._hosts = app, limits, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check a request, then pass it on."""
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        if scope["type"] != "http":
            return None  # no WebSocket is part of the page

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                ours = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message = {**message, "headers": [*message.get("headers", []), *ours]}
            await send(message)

        try:
            self._check(Request(scope))
        except RefusedError as refused:
            answer = PlainTextResponse(refused.line, refused.status)
            return await answer(scope, receive, guarded)
        return await self._app(scope, receive, guarded)

    def _check(self, request: Request) -> None:
        host = request.headers.get("host", "")
        if self._hosts is not None and _split(f"//{host}").hostname not in self._hosts:
            raise RefusedError(403, "this page is not served under that name")
        origin = request.headers.get("origin")
        if origin is not None and _split(origin).netloc != host:
            raise RefusedError(403, "requests of other pages are not taken")
        if request.method not in ("GET", "HEAD", "POST"):
            raise RefusedError(405, "only GET and POST are taken")
        if request.method == "POST":
            self._check_length(request)

    def _check_length(self, request: Request) -> None:
        has_files = request.headers.get("content-type", "").startswith(FORM)
        limit = self._limits.request_bytes + FORM_BYTES if has_files else REQUEST_BYTES
        length = request.headers.get("content-length", "")
        # beside a transfer encoding the length says nothing
        if not length.isdecimal() or "transfer-encoding" in request.headers:
            raise RefusedError(411, "the request must say its length")
        if int(length) > limit:
            sizes = f"{int(length) / 1e6:.1f} MB at once, the limit is {limit / 1e6:.1f} MB"
            raise RefusedError(413, f"too large: {sizes}")


def _split(address: str) -> SplitResult:
    """The parts of an address; empty ones if it is none."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")
