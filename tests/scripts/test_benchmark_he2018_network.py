"""The network of the paper, whose cost scripts/benchmark measures."""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture(scope="module")
def peer() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SCRIPTS)
        yield importlib.import_module("benchmarking.he2018_network")


@pytest.fixture(scope="module")
def network(peer: Any) -> nn.Module:
    torch.manual_seed(0)
    return peer.He2018Network().eval()


def test_the_papers_layout_has_its_number_of_parameters(peer: Any) -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in peer.He2018Network().parameters()) == 34_065_666
    assert peer.NUM_PLANES == 1 + 2 + 5 + 5


@torch.inference_mode()
@pytest.mark.parametrize(("height", "width"), [(8, 8), (24, 16)])
def test_colors_at_the_size_of_the_picture(
    peer: Any, network: nn.Module, height: int, width: int
) -> None:
    found = network(torch.randn(1, peer.NUM_PLANES, height, width))
    assert found.shape == (1, 2, height, width)
    assert bool(found.isfinite().all())


@torch.inference_mode()
def test_colors_stay_within_the_range_of_the_last_tanh(peer: Any, network: nn.Module) -> None:
    found = network(torch.randn(1, peer.NUM_PLANES, 16, 16) * 1e6)
    assert 50 < float(found.abs().max()) <= peer.AB_RANGE == 100


@torch.inference_mode()
def test_every_plane_is_seen(peer: Any, network: nn.Module) -> None:
    planes = torch.randn(1, peer.NUM_PLANES, 16, 16)
    before = network(planes)
    for i in range(peer.NUM_PLANES):
        changed = planes.clone()
        changed[:, i] += 3
        assert not torch.equal(network(changed), before), i


@torch.inference_mode()
def test_pictures_of_a_batch_do_not_see_each_other(peer: Any, network: nn.Module) -> None:
    planes = torch.randn(2, peer.NUM_PLANES, 16, 16)
    together = network(planes)
    for i in range(2):
        torch.testing.assert_close(network(planes[i : i + 1])[0], together[i], atol=1e-4, rtol=1e-4)


def test_batch_norm_learns_nothing(peer: Any) -> None:
    """As released: the scale layers of its prototxt are not there."""
    block = peer._block((3, 4, 5))
    norms = [m for m in block if isinstance(m, nn.BatchNorm2d)]
    assert len(norms) == 1 and norms[0].weight is None
    dilated = peer._block((3, 4), dilation=2)
    assert dilated(torch.randn(1, 3, 9, 7)).shape == (1, 4, 9, 7)


def test_gradients_are_finite(peer: Any) -> None:
    network = peer.He2018Network().train()
    network(torch.randn(2, peer.NUM_PLANES, 8, 8)).square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and bool(parameter.grad.isfinite().all()), name
