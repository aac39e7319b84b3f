"""The bundled weights of the colorization network."""

import json
from pathlib import Path
from typing import Any

import torch

from colorization.network.colorization_network import ColorizationNetwork, NetworkConfig
from similarity.backbone.backbone import Backbone, load_bundled

WEIGHTS_DIR = Path(__file__).parents[1] / "weights"
STEM = "rechroma"


def load_network(backbone: Backbone, weights_dir: Path = WEIGHTS_DIR) -> ColorizationNetwork:
    """Load the network that was trained on features of a backbone.

    Args:
        backbone: what it will be fed from.
        weights_dir: folder of the shards and of ``rechroma.json``, their layout.

    Raises:
        FileNotFoundError: the weights are not there.
        ValueError: they have another layout, or were trained on another backbone.
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
        trained_on, prior = (
            layout["backbone"],
            torch.tensor(layout["prior"], dtype=torch.float32, device="cpu"),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(
            f"{path}: damaged ({type(error).__name__}: {error}); reinstall rechroma"
        ) from error
    if trained_on != backbone.weights_hash:
        raise ValueError(
            f"{weights_dir}: trained on backbone weights {trained_on}, not on {backbone.name} {backbone.weights_hash}"
        )
    with torch.device("meta"):  # without weights: they are all in the file
        network = ColorizationNetwork(config).float()
    if config.num_bins:
        if prior.shape != network.prior.shape:
            raise ValueError(
                f"{path}: damaged (a prior of {len(prior)} colors, not {config.num_bins}); reinstall rechroma"
            )
        network.prior = prior
    state = load_bundled(STEM, weights_dir)
    own = network.state_dict()
    try:
        network.load_state_dict(
            {k: v.to(own[k].dtype) if k in own else v for k, v in state.items()}, assign=True
        )
    except RuntimeError as error:
        raise ValueError(
            f"{weights_dir}: weights of another layout ({' '.join(str(error).split())[:200]})"
        ) from error
    network.eval().requires_grad_(False).to(backbone.device)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]
