"""Both networks as ONNX graphs of any picture size, compared with torch."""

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

from colorization.network.colorization_network import (
    COARSEST,
    ENCODER_MAPS,
    GRID_STRIDE,
    HINT_PLANES,
    HINT_STRIDE,
    LUMINANCE_STRIDE,
    REFERENCE_PLANES,
    ColorizationNetwork,
    NetworkInputs,
)
from colorization.network.hints import GLOBAL_SIZE
from similarity.backbone.backbone import Backbone

MAX_SIDE = 16384  # working pixels
CHECKED_SIZES = ((64, 96), (160, 96))  # working pixels; the first is also the one that is traced
PLANES = ("luminance", "references", "hints", "global_hints")  # inputs beside the maps


class EncoderGraph(nn.Module):
    """L in 0..100 in, the standardised ENCODER_MAPS out, all in float32."""

    def __init__(self, encoder: Backbone) -> None:
        super().__init__()
        self.network, self.statistics = encoder.network, encoder.statistics
        self.mean, self.std = encoder.mean, encoder.std

    def forward(self, luminance: Tensor) -> tuple[Tensor, ...]:
        """Compute; sides are multiples of 32."""
        found = self.network((luminance / 100.0 - self.mean) / self.std, tuple(ENCODER_MAPS))
        assert self.statistics is not None
        pairs = ((found[name], *self.statistics[name]) for name in ENCODER_MAPS)
        return tuple((values - mean) / deviation for values, mean, deviation in pairs)


class NetworkGraph(nn.Module):
    """ENCODER_MAPS, planes and global hints in, ab and logits out, all in float32."""

    def __init__(self, network: ColorizationNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(
        self,
        stride4: Tensor,
        stride8: Tensor,
        stride16: Tensor,
        stride32: Tensor,
        luminance: Tensor,
        references: Tensor,
        hints: Tensor,
        global_hints: Tensor,
    ) -> tuple[Tensor, ...]:
        """Compute, for one picture; its sides are multiples of 32 at the working size.

        Args:
            stride4: a map of the encoder, (1, channels, height / 4, width / 4), see ENCODER_MAPS.
            stride8: another, (1, channels, height / 8, width / 8).
            stride16: another, (1, channels, height / 16, width / 16).
            stride32: another, (1, channels, height / 32, width / 32).
            luminance: (1, 1, height / 2, width / 2), scaled to about -1..1.
            references: (1, REFERENCE_PLANES, height / 8, width / 8); zeros without.
            hints: (1, HINT_PLANES, height / 4, width / 4); zeros without.
            global_hints: (1, GLOBAL_SIZE).

        Returns:
            Colors at stride 4, raw Lab units, and logits of the color bins at stride 8.
        """
        maps = dict(zip(ENCODER_MAPS, (stride4, stride8, stride16, stride32), strict=True))
        inputs = NetworkInputs(maps, luminance, references, hints, global_hints)
        prediction = self.network(inputs)
        return prediction.ab, prediction.logits


def encoder_inputs(size: tuple[int, int]) -> tuple[Tensor, ...]:
    """Random inputs of EncoderGraph at a working size."""
    return (torch.rand(1, 1, *size) * 100,)


def network_inputs(size: tuple[int, int]) -> tuple[Tensor, ...]:
    """Random inputs of NetworkGraph at a working size."""
    height, width = size
    shapes = [
        *((channels, _stride_of(name)) for name, channels in ENCODER_MAPS.items()),
        (1, LUMINANCE_STRIDE),
        (REFERENCE_PLANES, GRID_STRIDE),
        (HINT_PLANES, HINT_STRIDE),
    ]
    planes = [torch.rand(1, count, height // s, width // s) for count, s in shapes]
    return *planes, torch.rand(1, GLOBAL_SIZE)


def export_encoder(graph: EncoderGraph, path: Path) -> float:
    """Write the encoder.

    Args:
        graph: the encoder.
        path: of the file.

    Returns:
        The largest difference of ONNX Runtime to torch.
    """
    rows, columns = _cells()
    shapes = ({2: COARSEST * rows, 3: COARSEST * columns},)
    names = tuple(ENCODER_MAPS)
    _export(graph, encoder_inputs(CHECKED_SIZES[0]), path, ("luminance",), names, shapes)
    return difference(graph, path, [encoder_inputs(size) for size in CHECKED_SIZES])


def export_network(graph: NetworkGraph, path: Path) -> float:
    """Write the colorization network.

    Args:
        graph: the network.
        path: of the file.

    Returns:
        The largest difference of ONNX Runtime to torch.
    """
    rows, columns = _cells()
    strides = [*map(_stride_of, ENCODER_MAPS), LUMINANCE_STRIDE, GRID_STRIDE, HINT_STRIDE]
    cells = [COARSEST // stride for stride in strides]
    shapes = (*({2: count * rows, 3: count * columns} for count in cells), None)
    names = (*ENCODER_MAPS, *PLANES)
    inputs = network_inputs(CHECKED_SIZES[0])
    _export(graph, inputs, path, names, ("ab", "logits"), shapes)
    return difference(graph, path, [network_inputs(size) for size in CHECKED_SIZES])


def _stride_of(name: str) -> int:
    return int(name.removeprefix("stride"))


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
    """Rows and columns of the coarsest grid, which any picture may have."""
    dim = torch.export.Dim
    return dim("rows", min=2, max=MAX_SIDE // COARSEST), dim(
        "columns", min=2, max=MAX_SIDE // COARSEST
    )


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
