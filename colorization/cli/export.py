"""``rechroma export``: the networks for other programs."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from colorization.cli.common import Overwrite, fail
from colorization.cli.process import heavy_imports


class Format(StrEnum):
    """Formats of networks."""

    ONNX = "onnx"


def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the files are written.")],
    format_: Annotated[Format, typer.Option("--format", help="Of the networks.")] = Format.ONNX,
    overwrite: Overwrite = False,
) -> None:
    """Write the networks for ONNX Runtime, with an example in numpy, and check their answers."""
    try:
        with heavy_imports():
            import onnx  # noqa: F401
            import onnxruntime  # noqa: F401
            import onnxscript  # noqa: F401
    except ImportError:
        fail(f'--format {format_} needs packages that are not installed: pip install -e ".[onnx]"')
    with heavy_imports():
        from colorization.network.colorization_network import ENCODER
        from colorization.network.pretrained import load_network
        from colorization.onnx_export.export import check_folder, export_onnx
        from similarity.backbone.backbone import load_backbone

    check_folder(folder, overwrite)
    encoder = load_backbone(ENCODER)
    found = export_onnx(folder, encoder, load_network(encoder), overwrite)
    for path in found.paths:
        typer.echo(f"{path}  {path.stat().st_size / 1e6:.1f} MB")
    typer.echo(
        f"ONNX Runtime beside torch: largest difference {found.encoder_difference:.1e} (encoder),"
        f" {found.network_difference:.1e} (network)"
    )
