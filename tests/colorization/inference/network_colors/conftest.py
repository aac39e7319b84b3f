"""A photo of many things, with references and without, and a network that was never trained."""

import pytest
import torch
from painted_pictures import painted
from tiny_network import tiny_network
from torch import Tensor

from colorization.inference.matching import ReferenceMatch, match_references
from colorization.inference.picture_features import PictureFeatures
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
def looks() -> Tensor:
    """Of the things that the photo shows, one in each cell."""
    return torch.randn(KINDS, 256)


def shown(looks: Tensor) -> PictureFeatures:
    """A picture of as many things, each in a cell and of a color of its own."""
    kinds = torch.arange(KINDS).view(ROWS, COLUMNS)
    return painted(kinds, looks, torch.randn(KINDS, 2) * 30)


@pytest.fixture
def alone(looks: Tensor) -> ReferenceMatch:
    """A photo without references."""
    return match_references(shown(looks), [])


@pytest.fixture
def match(alone: ReferenceMatch, looks: Tensor) -> ReferenceMatch:
    """The photo with a reference that shows things alike."""
    return match_references(alone.target, [shown(looks + torch.randn(KINDS, 256))])


@pytest.fixture
def strange(alone: ReferenceMatch) -> ReferenceMatch:
    """The photo with a reference that shows nothing of it."""
    return match_references(alone.target, [shown(torch.randn(KINDS, 256))])


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
