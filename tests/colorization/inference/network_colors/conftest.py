"""A photo of many things, with references and without, and a network that was never trained."""

import pytest
import torch
from painted_pictures import painted
from tiny_network import tiny_network

from colorization.inference.matching import ReferenceMatch, match_references
from colorization.network.colorization_network import (
    ColorizationNetwork,
    NetworkInputs,
    Prediction,
)

ROWS, COLUMNS = 8, 12  # of the grid at stride 8
KINDS = ROWS * COLUMNS


@pytest.fixture(scope="module")
def network() -> ColorizationNetwork:
    return tiny_network()


@pytest.fixture
def alone() -> ReferenceMatch:
    """A photo without references."""
    kinds = torch.arange(KINDS).view(ROWS, COLUMNS)
    colors = torch.randn(KINDS, 2) * 30
    return match_references(painted(kinds, torch.randn(KINDS, 64), colors), [])


@pytest.fixture
def match(alone: ReferenceMatch) -> ReferenceMatch:
    """The photo with a reference that shows something else."""
    kinds = torch.arange(KINDS).view(ROWS, COLUMNS)
    reference = painted(kinds, torch.randn(KINDS, 64), torch.randn(KINDS, 2) * 30)
    return match_references(alone.target, [reference])


@pytest.fixture
def same(alone: ReferenceMatch) -> ReferenceMatch:
    """The photo with itself as reference."""
    return match_references(alone.target, [alone.target])


@pytest.fixture
def asked(network: ColorizationNetwork, monkeypatch: pytest.MonkeyPatch) -> list[NetworkInputs]:
    """What the network has read since."""
    seen: list[NetworkInputs] = []
    forward = network.forward

    def listening(inputs: NetworkInputs) -> Prediction:
        seen.append(inputs)
        return forward(inputs)

    monkeypatch.setattr(network, "forward", listening)
    return seen
