"""Put the page together and serve it."""

import asyncio
import contextlib
import errno
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline
from colorization.web.editing.photo_editor import PhotoEditor
from colorization.web.editing.views import FILES
from colorization.web.library import Library
from colorization.web.messages import BusyError, FullError, GoneError, told
from colorization.web.requests.http_api import HttpApi
from colorization.web.requests.page_api import PageApi
from colorization.web.requests.queue_api import QueueApi
from colorization.web.requests.request_filter import RequestFilter
from colorization.web.requests.turns import Turns
from colorization.web.requests.uploads import Uploads
from colorization.web.storage.file_store import FileStore
from colorization.web.storage.limits import Limits
from retrieval.safe_files import FULL_DISK

LOOPBACK = frozenset(("127.0.0.1", "localhost", "::1"))
STATIC = Path(__file__).with_name("static")
SWEEP_SECONDS = 60.0
# for answers under way when the server ends; open pages would keep it up for ever
GRACE_SECONDS = 3
CONNECTIONS = 512  # open at once
NOTHING_FOR_PROGRAMS = (
    "There is nothing here. Programs POST to /api/colorize, /api/recommend or /api/suggest-colors."
)


def create_app(
    pipeline: ColorizationPipeline,
    store: FileStore,
    options: ColorizeOptions = ColorizeOptions(),
    hosts: frozenset[str] | None = LOOPBACK,
) -> ASGIApp:
    """The page as an ASGI application; the store is emptied when it shuts down.

    Args:
        pipeline: with an index if references are to be recommended.
        store: for uploads and results.
        options: defaults of what the page does not ask for.
        hosts: names under which the page may be asked for; None for any, and then no folder of
            this machine can be indexed from the page.
    """
    editor, turns, uploads = (
        PhotoEditor(pipeline, store, options),
        Turns(store.limits),
        Uploads(store),
    )
    library = Library(editor, may_index=hosts is not None)
    page = PageApi(editor, turns, uploads, library)
    queues = QueueApi(editor, turns, uploads, page.photos, page.queues)
    programs = HttpApi(editor, turns, uploads)

    async def file(request: Request) -> Response:
        path = store.folder / request.path_params["place"]
        if not store.holds(str(path)):
            raise HTTPException(404, "This file is not kept any more.")
        store.keep([path])
        return FileResponse(path)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        sweeping = asyncio.create_task(_sweep_regularly(store))
        yield
        sweeping.cancel()
        await asyncio.to_thread(library.close)
        store.close()

    routes = [
        *page.routes(),
        *queues.routes(),
        *programs.routes(),
        Route(FILES + "{place:path}", file),
    ]
    app = Starlette(routes=routes, lifespan=lifespan)
    # not a route: it would answer GET on addresses that take only POST
    app.router.default = _elsewhere(StaticFiles(directory=STATIC, html=True))
    app.add_exception_handler(HTTPException, _in_words)
    app.add_exception_handler(ClientDisconnect, _left)
    for error in (ValueError, OSError, BusyError, RuntimeError, MemoryError):
        app.add_exception_handler(error, _refused)
    return RequestFilter(app, store.limits, hosts)


def serve(
    index_dir: Path | None,
    host: str,
    port: int,
    device: str = "cpu",
    ready: Callable[[str], None] = print,
) -> None:
    """Serve the page until it is interrupted.

    Args:
        index_dir: index to recommend references from, or None.
        host: address to listen on; others than loopback let the network in.
        port: 0 takes any that is free.
        device: of the networks: ``cpu``, ``cuda``, ...
        ready: told the address once the page can be asked for.

    Raises:
        FileNotFoundError, ValueError: the index cannot be opened, or the port cannot be had.
    """
    import uvicorn

    from colorization.web.page_server import PageServer

    listener = _listen(host, port)  # before the networks are loaded: a port in use is told at once
    pipeline = ColorizationPipeline.load(index_dir, device)
    store = FileStore(Limits())
    app = create_app(pipeline, store, hosts=LOOPBACK if host in LOOPBACK else None)
    # of all addresses of this machine none can be typed but its name
    shown = socket.gethostname() if host in ("0.0.0.0", "::") else host
    ready(f"http://{f'[{shown}]' if ':' in shown else shown}:{listener.getsockname()[1]}/")
    config = uvicorn.Config(
        app,
        log_level="warning",
        limit_concurrency=CONNECTIONS,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    if hasattr(signal, "SIGHUP") and threading.current_thread() is threading.main_thread():
        # the terminal was closed
        signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    try:
        PageServer(config).run(sockets=[listener])
    finally:  # also where it was interrupted twice, and did not shut down in order
        store.close()


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET
        )
    except (OSError, OverflowError) as error:
        if getattr(error, "errno", None) == errno.EADDRINUSE:
            reason = "the address is already in use; --port 0 takes a free one"
        else:  # Python adds the address as a tuple
            reason = str(getattr(error, "strerror", None) or error).partition(" (while")[0]
        raise ValueError(f"cannot listen on {host}, port {port}: {reason}") from error


def _elsewhere(files: ASGIApp) -> ASGIApp:
    """What answers where no request of ours is: the page's files, or a hint for programs."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (
            scope["method"] == "POST" or scope["path"].startswith("/api/")
        ):
            raise HTTPException(404, NOTHING_FOR_PROGRAMS)
        await files(scope, receive, send)

    return answer


async def _in_words(_: Request, error: Exception) -> Response:
    status, line = getattr(error, "status_code", 500), str(getattr(error, "detail", ""))
    headers = getattr(error, "headers", None)
    if status == 405 and headers:
        line = f"This address takes only {headers['Allow']}."
    return PlainTextResponse(
        "There is nothing here." if line == "Not Found" else line, status, headers
    )


async def _refused(_: Request, error: Exception) -> Response:
    return PlainTextResponse(told(error), _status(error))


def _status(error: Exception) -> int:
    if isinstance(error, OSError):
        return 507 if error.errno in FULL_DISK else 500
    known = {BusyError: 503, GoneError: 404, FullError: 507}
    return known.get(type(error), 400 if isinstance(error, ValueError) else 500)


async def _left(_: Request, __: Exception) -> Response:
    """Nobody hears the answer to an upload that was broken off."""
    return Response()


async def _sweep_regularly(store: FileStore) -> None:
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        with contextlib.suppress(OSError):  # a disk that fails now may not fail in a minute
            await asyncio.to_thread(store.sweep)
