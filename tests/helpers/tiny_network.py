"""A colorization network of a few thousand weights, which were drawn and never trained."""

import torch

from colorization.network.colorization_network import (
    ColorizationNetwork,
    NetworkConfig,
    ResidualBlock,
)

TINY = NetworkConfig(channels=(16, 12, 8), blocks=(1, 1, 1))


def tiny_network(seed: int = 0) -> ColorizationNetwork:
    """Draw a frozen network whose answers depend on all that it reads.

    Args:
        seed: of its weights.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = ColorizationNetwork(TINY)
    for module in network.modules():
        if isinstance(module, ResidualBlock):
            torch.nn.init.ones_(module.second_norm.weight)
    return network.eval().requires_grad_(False)
