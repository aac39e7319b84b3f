"""``rechroma serve``: the web page."""

from pathlib import Path
from typing import Annotated

import typer

from colorization.cli.common import Device, Version


def serve_command(
    index: Annotated[
        Path | None, typer.Option("--index", help="Index to recommend references from.")
    ] = None,
    host: Annotated[
        str,
        typer.Option(
            help="Address to listen on; others than this machine's own let the network in."
        ),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any that is free.")] = 7860,
    device: Device = None,
    version: Version = None,
) -> None:
    """Serve a web page on this machine: drop a photo, choose references and colors, save."""
    import importlib.util

    if any(
        importlib.util.find_spec(name) is None
        for name in ("starlette", "uvicorn", "python_multipart", "cachetools")
    ):
        raise ValueError('the web page needs more packages: pip install -e ".[web]"')
    from colorization.web.server import serve

    serve(
        index,
        host,
        port,
        device or "cpu",
        lambda address: typer.echo(f"Rechroma is at {address} (stop with Ctrl+C)"),
    )
