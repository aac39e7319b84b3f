"""The average follows the network, slowly once it has begun."""

import pytest
import torch
from torch import nn

from colorization.training.weight_average import WeightAverage


def test_it_equals_the_formula() -> None:
    network = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(network.weight)
    average = WeightAverage(network, 0.5)
    wanted = 0.0
    for step in range(20):
        nn.init.constant_(network.weight, float(step))
        average.follow(network, step)
        share = min(0.5, (1 + step) / (10 + step))
        wanted = share * wanted + (1 - share) * step
        assert float(average.network.weight) == pytest.approx(wanted, rel=1e-5)


def test_statistics_are_averaged_and_counts_are_copied() -> None:
    network = nn.BatchNorm1d(3)
    average = WeightAverage(network, 0.9)
    for step in range(4):
        network(torch.randn(8, 3) + 5)
        average.follow(network, step)
    assert bool((average.network.running_mean > 0).all())
    assert int(average.network.num_batches_tracked) == 4


def test_it_is_frozen_and_does_not_share_weights() -> None:
    network = nn.Sequential(nn.Linear(2, 2), nn.Dropout())
    average = WeightAverage(network, 0.9)
    assert not average.network.training and network.training
    assert not any(p.requires_grad for p in average.network.parameters())
    before = average.network[0].weight.clone()
    nn.init.zeros_(network[0].weight)
    assert torch.equal(average.network[0].weight, before)
