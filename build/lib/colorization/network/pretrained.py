"""The bundled weights of the colorization network."""

import json
from pathlib import Path
from typing import Any

import torch

from colorization.network.color_bins import NUM_BINS
from colorization.network.colorization_network import ColorizationNetwork, NetworkConfig
from similarity.backbone.backbone import Backbone
from similarity.backbone.weight_files import load_bundled

WEIGHTS_DIR = Path(__file__).parents[1] / "weights"
STEM = "rechroma"


def load_network(encoder: Backbone, weights_dir: Path = WEIGHTS_DIR) -> ColorizationNetwork:
    """Load the network that was trained on the maps of an encoder.

    Args:
        encoder: what it will look through.
        weights_dir: folder of the shards and of ``rechroma.json``, their layout.

    Raises:
        FileNotFoundError: the weights are not there.
        ValueError: they have another layout, or were trained on another encoder.
    """
    path = weights_dir / f"{STEM}.json"
    if not path.is_file():
        raise FileNotFoundError(f"{path}: the colorization weights are missing; reinstall rechroma")
    try:
        layout = json.loads(path.read_text())
        fields: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in layout["network"].items()
        }
        config = NetworkConfig(**fields)
        trained_on = layout["encoder"]
        prior = torch.tensor(layout["prior"], dtype=torch.float32, device="cpu")
        if prior.shape != (NUM_BINS,):
            raise ValueError(f"{prior.numel()} shares of colors, not {NUM_BINS}")
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        cause = f"{type(error).__name__}: {error}"
        raise ValueError(f"{path}: damaged ({cause}); reinstall rechroma") from error
    if trained_on != encoder.weights_hash:
        raise ValueError(
            f"{weights_dir}: trained on encoder weights {trained_on}, not on {encoder.name}"
            f" {encoder.weights_hash}"
        )
    with torch.device("meta"):  # without weights: they are all in the file
        network = ColorizationNetwork(config).float()
    network.prior = prior
    state, own = load_bundled(STEM, weights_dir), network.state_dict()
    try:
        network.load_state_dict(
            {k: v.to(own[k].dtype) if k in own else v for k, v in state.items()}, assign=True
        )
    except RuntimeError as error:
        cause = " ".join(str(error).split())[:200]
        raise ValueError(f"{weights_dir}: weights of another layout ({cause})") from error
    network.eval().requires_grad_(False).to(encoder.device)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]
