"""ONNX Runtime computes what torch does, at any size."""

from pathlib import Path

import pytest
import torch
from tiny_network import tiny_network
from torch import Tensor, nn

from colorization.network.colorization_network import (
    ENCODER_MAPS,
    ColorizationNetwork,
    NetworkInputs,
)
from colorization.network.hints import GLOBAL_SIZE
from colorization.onnx_export.graphs import (
    PLANES,
    EncoderGraph,
    NetworkGraph,
    difference,
    encoder_inputs,
    export_encoder,
    export_network,
    network_inputs,
)
from similarity.backbone.backbone import Backbone

LEAST = 1e-3  # difference that would show


@pytest.fixture(scope="module")
def network() -> ColorizationNetwork:
    return tiny_network()


@pytest.fixture(scope="module")
def encoder_path(tmp_path_factory: pytest.TempPathFactory, backbone: Backbone) -> Path:
    path = tmp_path_factory.mktemp("graphs") / "encoder.onnx"
    assert export_encoder(EncoderGraph(backbone), path) < LEAST
    return path


@pytest.fixture(scope="module")
def network_path(tmp_path_factory: pytest.TempPathFactory, network: ColorizationNetwork) -> Path:
    path = tmp_path_factory.mktemp("graphs") / "network.onnx"
    assert export_network(NetworkGraph(network), path) < LEAST
    return path


# As torch computes them


def test_the_encoders_graph_is_the_encoder(
    backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    (luminance,) = encoder_inputs((64, 96))
    assert luminance.shape == (1, 1, 64, 96) and float(luminance.max()) > 90
    with torch.inference_mode():
        found = EncoderGraph(backbone)(luminance)
        wanted = backbone.standardised_maps(luminance, tuple(ENCODER_MAPS))
    for values, name in zip(found, ENCODER_MAPS, strict=True):
        torch.testing.assert_close(values, wanted[name], atol=1e-3, rtol=1e-3)


def test_the_networks_graph_is_the_network(network: ColorizationNetwork) -> None:
    given = network_inputs((64, 96))
    maps = dict(zip(ENCODER_MAPS, given[:4], strict=True))
    with torch.inference_mode():
        ab, logits = NetworkGraph(network)(*given)
        wanted = network(NetworkInputs(maps, *given[4:]))
    assert torch.equal(ab, wanted.ab) and torch.equal(logits, wanted.logits)


def test_inputs_have_the_shapes_of_their_strides() -> None:
    shapes = [tuple(tensor.shape) for tensor in network_inputs((64, 128))]
    assert shapes[:4] == [(1, 24, 16, 32), (1, 40, 8, 16), (1, 112, 4, 8), (1, 320, 2, 4)]
    assert dict(zip(PLANES, shapes[4:], strict=True)) == {
        "luminance": (1, 1, 32, 64),
        "references": (1, 17, 8, 16),
        "hints": (1, 3, 16, 32),
        "global_hints": (1, GLOBAL_SIZE),
    }


# As ONNX Runtime does


@pytest.mark.parametrize("size", [(64, 64), (96, 352), (416, 128)], ids=str)
def test_any_size_is_equal_to_torch(
    backbone: Backbone,
    network: ColorizationNetwork,
    encoder_path: Path,
    network_path: Path,
    size: tuple[int, int],
) -> None:
    assert difference(EncoderGraph(backbone), encoder_path, [encoder_inputs(size)]) < LEAST
    assert difference(NetworkGraph(network), network_path, [network_inputs(size)]) < LEAST


def test_the_difference_is_seen(network_path: Path) -> None:
    """A network whose last layer has moved by 0.01 is not the one that was written."""
    other = tiny_network()
    assert other.ab.bias is not None
    other.ab.bias += 0.01
    inputs = [network_inputs((64, 64))]
    assert difference(NetworkGraph(other), network_path, inputs) > LEAST


def test_the_difference_by_hand(network: ColorizationNetwork, network_path: Path) -> None:
    """Off by 2 where the largest value is 200 is 1 %; the logits are off by nothing."""

    class Moved(nn.Module):
        def forward(self, *given: Tensor) -> tuple[Tensor, Tensor]:
            ab, logits = NetworkGraph(network)(*given)
            return ab.sign() * 200 + 0 * ab, logits

    inputs = network_inputs((64, 64))
    with torch.inference_mode():
        ab, _ = NetworkGraph(network)(*inputs)
        far = float((ab - ab.sign() * 200).abs().max())
    found = difference(Moved(), network_path, [inputs])
    assert found == pytest.approx(far / 200, abs=1e-3)
