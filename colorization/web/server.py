"""Put the page together and serve it."""

import asyncio
import contextlib
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from fastapi import FastAPI
from starlette.types import ASGIApp

from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline
from colorization.web.file_store import Store
from colorization.web.limits import Limits
from colorization.web.photo_editor import Studio
from colorization.web.request_filter import Gate

LOOPBACK = frozenset(("127.0.0.1", "localhost", "::1"))
SWEEP_SECONDS = 60.0
# for answers under way when the server ends; open pages would keep it up for ever
GRACE_SECONDS = 3
CONNECTIONS = 512  # open at once; each page on a screen holds one


def create_app(
    pipeline: ColorizationPipeline,
    store: Store,
    options: ColorizeOptions = ColorizeOptions(),
    hosts: frozenset[str] | None = LOOPBACK,
) -> ASGIApp:
    """The page as an ASGI application; the store is emptied when it shuts down.

    Args:
        pipeline: with an index if references are to be recommended.
        store: for uploads and results.
        options: defaults of what the page does not ask for.
        hosts: see Gate.
    """
    previous = os.environ.get("GRADIO_TEMP_DIR", "")
    # Gradio reads where uploads go from there only
    os.environ["GRADIO_TEMP_DIR"] = str(store.folder)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_OFFLINE"] = "1"
    import gradio

    from colorization.web.page import STYLE_PATH, THEME, build_page

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        sweeping = asyncio.create_task(_sweep_regularly(store))
        yield
        sweeping.cancel()
        # else another page of this process would make the folder again
        os.environ["GRADIO_TEMP_DIR"] = previous
        store.close()

    page = build_page(Studio(pipeline, store, options))
    app = gradio.mount_gradio_app(
        FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None),
        page,
        "/",
        footer_links=[],
        run_history=False,
        blocked_paths=[],
        show_error=False,
        max_file_size=store.limits.upload_bytes,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        theme=THEME,
        css_paths=STYLE_PATH,
    )
    return Gate(app, store, hosts)


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
        device: see ColorizationPipeline.load.
        ready: told the address once the page can be asked for.

    Raises:
        FileNotFoundError, ValueError: see ColorizationPipeline.load; or the port cannot be had.
    """
    import uvicorn

    listener = _listen(host, port)  # before the networks are loaded: a port in use is told at once
    pipeline = ColorizationPipeline.load(index_dir, device)
    store = Store(Limits())
    app = create_app(pipeline, store, hosts=LOOPBACK if host in LOOPBACK else None)
    ready(f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}/")
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
        uvicorn.Server(config).run(sockets=[listener])
    finally:  # also where it was interrupted twice, and did not shut down in order
        store.close()


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET
        )
    except (OSError, OverflowError) as error:
        raise ValueError(
            f"cannot listen on {host}, port {port}: {getattr(error, 'strerror', None) or error}"
        ) from error


async def _sweep_regularly(store: Store) -> None:
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        with contextlib.suppress(OSError):  # a disk that fails now may not fail in a minute
            await asyncio.to_thread(store.sweep)
