"""``rechroma demo``: the main job on pictures that are at hand."""

from pathlib import Path
from typing import Annotated

import typer

from colorization.cli.common import Device
from colorization.cli.process import heavy_imports

Output = Annotated[Path, typer.Option(help="Folder for the pictures, the index and the sheet.")]


def demo(output: Output = Path("rechroma-demo"), device: Device = None) -> None:
    """Show the main job on pictures that come with scikit-image."""
    with heavy_imports():
        from colorization.demo import run_demo

    run_demo(output, device or "cpu", typer.echo)
