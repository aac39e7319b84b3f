"""Write a folder for ONNX Runtime: both networks, what has to be known around them, and how to use them."""

import json
from dataclasses import dataclass
from pathlib import Path

import torch

from colorization import __version__
from colorization.network.color_bins import ab_bins, rebalancing_weights
from colorization.network.colorization_network import BACKBONE_LAYERS, ColorizationNetwork
from colorization.network.hints import global_hints
from colorization.network.input_planes import AB_SCALE, L_CENTRE, L_SCALE
from colorization.onnx_export.graphs import (
    BackboneGraph,
    NetworkGraph,
    export_backbone,
    export_network,
)
from colorization.options import ColorizeOptions
from colorization.photo_files.staged_files import staging
from similarity.backbone.backbone import Backbone, hash_tensors
from similarity.color.tones import MARGIN, MAX_GAIN, MIDDLE, SPAN, TAIL

FILES = ("backbone.onnx", "network.onnx", "settings.json", "README.md")
TOLERANCE = 1e-3  # of the difference to torch
README_PATH = Path(__file__).parent / "README.md"


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        paths: of the files.
        backbone_difference: largest difference of ONNX Runtime to torch, see graphs.difference.
        network_difference: likewise.
    """

    paths: list[Path]
    backbone_difference: float
    network_difference: float


def export_onnx(
    folder: Path, backbone: Backbone, network: ColorizationNetwork, overwrite: bool = False
) -> Exported:
    """Write FILES, all or none, and check that ONNX Runtime computes what torch does.

    Args:
        folder: made if needed.
        backbone: on the CPU.
        network: with both heads, on the CPU; reads the backbone.
        overwrite: replace files that exist.

    Raises:
        ValueError: files exist, or the networks are of another kind, or ONNX Runtime is farther
            than TOLERANCE from torch.
    """
    check_folder(folder, overwrite)
    if (
        not network.config.num_bins
        or not network.config.backbone_channels
        or not network.config.global_size
    ):
        raise ValueError(
            "only networks with color bins, global hints and the backbone's features can be exported"
        )
    paths = [folder / name for name in FILES]
    with staging() as files:
        staged = [files.add(path) for path in paths]
        differences = (
            export_backbone(BackboneGraph(backbone), staged[0]),
            export_network(NetworkGraph(network), staged[1]),
        )
        for name, found in zip(FILES, differences, strict=False):
            if not found <= TOLERANCE:
                raise ValueError(
                    f"{folder / name}: ONNX Runtime differs from torch by {found:.2g}, more than {TOLERANCE:g}"
                )
        staged[2].write_text(json.dumps(describe(backbone, network), indent=1) + "\n")
        staged[3].write_text(README_PATH.read_text())
    return Exported(paths, *differences)


def check_folder(folder: Path, overwrite: bool) -> None:
    """Refuse to replace files, before any network is loaded.

    Raises:
        ValueError: one of FILES exists, or the folder is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder}: is a file; the export needs a folder")
    for name in FILES:
        if (folder / name).exists() and not overwrite:
            raise ValueError(f"{folder / name}: exists already; replace it with --overwrite")


def describe(backbone: Backbone, network: ColorizationNetwork) -> dict[str, object]:
    """All numbers that a program around the networks needs."""
    options = ColorizeOptions()
    vividness = int((global_hints(vividness=1.0) - global_hints()).abs().argmax())
    return {
        "rechroma": __version__,
        "backbone_weights": backbone.weights_hash,
        "network_weights": hash_tensors(network.state_dict()),
        "working_side": options.working_side,
        "stride": network.config.stride,
        "planes": network.config.planes,
        "layers": list(BACKBONE_LAYERS),
        "tones": {
            "tail": TAIL,
            "margin": MARGIN,
            "span": SPAN,
            "middle": MIDDLE,
            "max_gain": MAX_GAIN,
        },
        "l_centre": L_CENTRE,
        "l_scale": L_SCALE,
        "ab_scale": AB_SCALE,
        "global_size": network.config.global_size,
        "vividness_index": vividness,
        "temperature": options.temperature,
        "expected_share": options.expected_share,
        "automatic_share": options.automatic_share,
        "vivid_gain": options.vivid_gain,
        "bins": torch.round(ab_bins()).int().tolist(),
        "bin_weights": rebalancing_weights(network.prior).tolist(),
    }
