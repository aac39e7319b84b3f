"""The moving average of a network's weights, which is steadier than the weights themselves."""

import copy

import torch
from torch import nn


class WeightAverage(nn.Module):
    """An exponential moving average of all that a network learns and counts.

    Attributes:
        network: the average, a network of the same layout.
    """

    def __init__(self, network: nn.Module, share: float) -> None:
        """Begin at a network's weights.

        Args:
            network: what is trained.
            share: of the average that stays in a step, 0..1; it grows to this over the first steps.
        """
        super().__init__()
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self._share = share

    @torch.no_grad()
    def follow(self, network: nn.Module, step: int) -> None:
        """Move towards the network.

        Args:
            network: what is trained.
            step: number of the step that it has just learned from, from 0.
        """
        share = min(self._share, (1 + step) / (10 + step))
        own = self.network.state_dict()
        for name, value in network.state_dict().items():
            if own[name].is_floating_point():
                own[name].lerp_(value, 1 - share)
            else:
                own[name].copy_(value)
