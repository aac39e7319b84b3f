"""``rechroma serve``: the web page."""

import importlib.util
from typing import Annotated

import typer

from colorization.cli.common import Device, Library
from colorization.cli.process import heavy_imports

Host = Annotated[
    str,
    typer.Option(help="Address to listen on; others than this machine's own let the network in."),
]
Port = Annotated[int, typer.Option(min=0, max=65535, help="0 takes any that is free.")]


def serve(
    index: Library = None, host: Host = "127.0.0.1", port: Port = 7860, device: Device = None
) -> None:
    """Serve a web page on this machine: drop a photo, choose references and colors, save."""
    if any(
        importlib.util.find_spec(name) is None
        for name in ("starlette", "uvicorn", "python_multipart", "cachetools")
    ):
        raise ValueError('the web page needs more packages: pip install -e ".[web]"')
    with heavy_imports():
        from colorization.web.server import LOOPBACK
        from colorization.web.server import serve as serve_page

    def announce(address: str) -> None:
        typer.echo(f"Rechroma is at {address} (stop with Ctrl+C)")
        if host not in LOOPBACK:
            typer.echo("note: whoever reaches this address can use the page", err=True)

    try:
        serve_page(index, host, port, device or "cpu", announce)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("the page has ended") from None
