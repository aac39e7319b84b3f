"""Both networks as ONNX graphs of any picture size, and how far ONNX Runtime is from torch on them."""

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

from colorization.inference.network_colors import PREDICT_LAYERS
from colorization.network.colorization_network import BACKBONE_LAYERS, ColorizationNetwork
from similarity.backbone.backbone import Backbone
from similarity.backbone.vgg19 import STRIDES

MAX_SIDE = 16384  # working pixels
CHECKED_SIZES = ((64, 96), (160, 112))  # working pixels; the first is also the one that is traced


class BackboneGraph(nn.Module):
    """L in 0..100 in, PREDICT_LAYERS out, all in float32."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.network = backbone.network
        self.mean, self.std = backbone.mean, backbone.std

    def forward(self, luminance: Tensor) -> tuple[Tensor, ...]:
        """Compute; sides are multiples of 16."""
        found = self.network((luminance / 100.0 - self.mean) / self.std, PREDICT_LAYERS)
        return tuple(found[layer] for layer in PREDICT_LAYERS)


class NetworkGraph(nn.Module):
    """Planes, BACKBONE_LAYERS and global hints in, ab and logits out, all in float32."""

    def __init__(self, network: ColorizationNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, planes: Tensor, first: Tensor, second: Tensor, third: Tensor, global_hints: Tensor
    ) -> tuple[Tensor, ...]:
        """Compute; sides of the planes are multiples of 8."""
        prediction = self.network(planes, (first, second, third), global_hints)
        assert prediction.logits is not None
        return prediction.ab, prediction.logits


def backbone_inputs(size: tuple[int, int]) -> tuple[Tensor, ...]:
    """Random inputs of BackboneGraph at a working size."""
    return (torch.rand(1, 1, *size) * 100,)


def network_inputs(network: ColorizationNetwork, size: tuple[int, int]) -> tuple[Tensor, ...]:
    """Random inputs of NetworkGraph at a working size."""
    config = network.config
    planes = torch.rand(1, config.planes, size[0] // config.stride, size[1] // config.stride)
    strides = [STRIDES[int(layer[4])] for layer in BACKBONE_LAYERS]
    features = [
        torch.rand(1, channels, size[0] // stride, size[1] // stride)
        for channels, stride in zip(config.backbone_channels, strides, strict=True)
    ]
    return planes, *features, torch.rand(1, config.global_size)


def export_backbone(graph: BackboneGraph, path: Path) -> float:
    """Write the backbone.

    Returns:
        The largest difference to torch, see difference.
    """
    rows, columns = _cells()
    shapes = ({2: 16 * rows, 3: 16 * columns},)
    _export(graph, backbone_inputs(CHECKED_SIZES[0]), path, ("luminance",), PREDICT_LAYERS, shapes)
    return difference(graph, path, [backbone_inputs(size) for size in CHECKED_SIZES])


def export_network(graph: NetworkGraph, path: Path) -> float:
    """Write the colorization network.

    Returns:
        The largest difference to torch, see difference.
    """
    rows, columns = _cells()
    cells = [
        16 // graph.network.config.stride,
        *(16 // STRIDES[int(layer[4])] for layer in BACKBONE_LAYERS),
    ]
    shapes = (*({2: count * rows, 3: count * columns} for count in cells), None)
    names = ("planes", *BACKBONE_LAYERS, "global_hints")
    _export(
        graph,
        network_inputs(graph.network, CHECKED_SIZES[0]),
        path,
        names,
        ("ab", "logits"),
        shapes,
    )
    return difference(graph, path, [network_inputs(graph.network, size) for size in CHECKED_SIZES])


def difference(graph: nn.Module, path: Path, inputs: Sequence[tuple[Tensor, ...]]) -> float:
    """How far ONNX Runtime is from torch.

    Args:
        graph: what torch computes.
        path: what was written of it.
        inputs: several sets of them.

    Returns:
        The largest absolute difference of any output, each divided by its largest value where that
        is above 1.
    """
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [entry.name for entry in session.get_inputs()]
    worst = 0.0
    for tensors in inputs:
        with torch.inference_mode():
            wanted = [output.numpy() for output in graph(*tensors)]
        found = session.run(
            None, {name: tensor.numpy() for name, tensor in zip(names, tensors, strict=True)}
        )
        for ours, theirs in zip(found, wanted, strict=True):
            worst = max(worst, float(np.abs(ours - theirs).max() / max(1.0, np.abs(theirs).max())))
    return worst


def _cells() -> tuple[Any, Any]:
    """Rows and columns of the coarsest grid, which any picture may have: of 16 working pixels each."""
    dim = torch.export.Dim
    return dim("rows", min=2, max=MAX_SIDE // 16), dim("columns", min=2, max=MAX_SIDE // 16)


def _export(
    graph: nn.Module,
    inputs: tuple[Tensor, ...],
    path: Path,
    names: Sequence[str],
    outputs: Sequence[str],
    shapes: Any,
) -> None:
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch about itself
        program = torch.onnx.export(
            graph.eval(),
            inputs,
            dynamo=True,
            verbose=False,
            external_data=False,
            input_names=list(names),
            output_names=list(outputs),
            dynamic_shapes=shapes,
        )
    assert program is not None
    program.save(str(path))
