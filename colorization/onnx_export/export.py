"""Write a folder for ONNX Runtime: both networks, what must be known, and how to use them."""

import json
from dataclasses import dataclass
from pathlib import Path

import torch

from colorization import __version__
from colorization.inference.network_colors import (
    FOLLOWED_LIMITS,
    FOLLOWED_SHARE,
    VIVID_CHROMA,
    VIVID_LEVELS,
    VIVID_LIMITS,
    VIVID_SHARE,
)
from colorization.network.color_bins import ab_bins, rebalancing_weights
from colorization.network.color_decoding import (
    CAREFUL_TEMPERATURE,
    LIKELY_SHARE,
    VIVID_TEMPERATURE,
)
from colorization.network.colorization_network import (
    COARSEST,
    ENCODER_MAPS,
    GRID_STRIDE,
    HINT_PLANES,
    HINT_STRIDE,
    LUMINANCE_STRIDE,
    REFERENCE_PLANES,
    ColorizationNetwork,
)
from colorization.network.hints import GLOBAL_SIZE, global_hints
from colorization.network.input_planes import AB_SCALE, L_CENTRE, L_SCALE
from colorization.onnx_export.graphs import (
    EncoderGraph,
    NetworkGraph,
    export_encoder,
    export_network,
)
from colorization.options import ColorizeOptions
from colorization.photo_files.staged_files import staging
from similarity.backbone.backbone import Backbone
from similarity.backbone.weight_files import hash_tensors
from similarity.color.tones import MARGIN, MAX_GAIN, MIDDLE, SPAN, TAIL

FILES = ("encoder.onnx", "network.onnx", "settings.json", "README.md")
TOLERANCE = 1e-3  # of the difference to torch
README_PATH = Path(__file__).parent / "README.md"


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        paths: of the files.
        encoder_difference: largest difference of ONNX Runtime to torch in the encoder's answers,
            see graphs.difference.
        network_difference: the largest in the colorization network's.
    """

    paths: list[Path]
    encoder_difference: float
    network_difference: float


def export_onnx(
    folder: Path, encoder: Backbone, network: ColorizationNetwork, overwrite: bool = False
) -> Exported:
    """Write FILES, all or none, and check that ONNX Runtime computes what torch does.

    Args:
        folder: made if needed.
        encoder: on the CPU.
        network: that looks through it, on the CPU.
        overwrite: replace files that exist.

    Raises:
        ValueError: files exist, or ONNX Runtime is farther than TOLERANCE from torch.
    """
    check_folder(folder, overwrite)
    paths = [folder / name for name in FILES]
    with staging() as files:
        staged = [files.add(path) for path in paths]
        differences = (
            export_encoder(EncoderGraph(encoder), staged[0]),
            export_network(NetworkGraph(network), staged[1]),
        )
        for name, found in zip(FILES, differences, strict=False):
            if not found <= TOLERANCE:
                raise ValueError(
                    f"{folder / name}: ONNX Runtime differs from torch by {found:.2g},"
                    f" more than {TOLERANCE:g}"
                )
        staged[2].write_text(json.dumps(describe(encoder, network), indent=1) + "\n")
        staged[3].write_text(README_PATH.read_text())
    return Exported(paths, *differences)


def check_folder(folder: Path, overwrite: bool) -> None:
    """Refuse to replace files, before any network is loaded.

    Args:
        folder: of the export; it need not exist.
        overwrite: let files be replaced all the same.

    Raises:
        ValueError: one of FILES exists, or the folder is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder}: is a file; the export needs a folder")
    for name in FILES:
        if (folder / name).exists() and not overwrite:
            raise ValueError(f"{folder / name}: exists already; replace it with --overwrite")


def describe(encoder: Backbone, network: ColorizationNetwork) -> dict[str, object]:
    """All numbers that a program around the networks needs.

    Args:
        encoder: named by the hash of its weights.
        network: named by the hash of its weights; its prior gives the weights of the color bins.

    Returns:
        What settings.json holds; README.md beside it shows how the numbers are used.
    """
    return {
        "rechroma": __version__,
        "encoder_weights": encoder.weights_hash,
        "network_weights": hash_tensors(network.state_dict()),
        **_inputs(),
        **_decoding(),
        "bins": torch.round(ab_bins()).int().tolist(),
        "bin_weights": rebalancing_weights(network.prior).tolist(),
    }


def _inputs() -> dict[str, object]:
    """How a photo, references and hints become what the network reads."""
    return {
        "working_side": ColorizeOptions().working_side,
        "coarsest_stride": COARSEST,
        "maps": list(ENCODER_MAPS),
        "planes": {
            "luminance": [1, LUMINANCE_STRIDE],
            "references": [REFERENCE_PLANES, GRID_STRIDE],
            "hints": [HINT_PLANES, HINT_STRIDE],
        },
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
        "global_size": GLOBAL_SIZE,
    }


def _decoding() -> dict[str, object]:
    """How colors are taken from what the network says."""
    faithfulness = int((global_hints(faithfulness=1.0) - global_hints()).abs().argmax())
    return {
        "temperatures": [CAREFUL_TEMPERATURE, VIVID_TEMPERATURE],
        "likely_share": LIKELY_SHARE,
        "vivid": {
            "share": VIVID_SHARE,
            "chroma": VIVID_CHROMA,
            "limits": VIVID_LIMITS,
            "levels": VIVID_LEVELS,
        },
        "faithfulness_index": faithfulness,
        "followed": {"share": FOLLOWED_SHARE, "limits": FOLLOWED_LIMITS},
    }
