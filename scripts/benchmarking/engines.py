"""ONNX Runtime beside torch, on one thread: whether another engine would be worth having."""

import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import nn

from benchmarking.processes import median_seconds, print_figures
from colorization.network.pretrained import load_network
from colorization.onnx_export.graphs import (
    EncoderGraph,
    NetworkGraph,
    encoder_inputs,
    export_encoder,
    export_network,
    network_inputs,
)
from similarity.backbone.backbone import load_backbone
from similarity.backbone.precision import inference

SIZE = (256, 256)  # working pixels


def engines() -> None:
    """Milliseconds of both networks in float32, in torch and in ONNX Runtime."""
    torch.set_num_threads(1)
    encoder = load_backbone()
    eyes, colors = EncoderGraph(encoder).eval(), NetworkGraph(load_network(encoder)).eval()
    seen, read = encoder_inputs(SIZE), network_inputs(SIZE)
    # torch first: what ONNX Runtime has begun goes on waiting for work, and takes time from others
    torch_ms = [1000 * _torch_seconds(eyes, seen), 1000 * _torch_seconds(colors, read)]
    with tempfile.TemporaryDirectory() as folder:
        paths = Path(folder) / "encoder.onnx", Path(folder) / "network.onnx"
        export_encoder(eyes, paths[0])
        export_network(colors, paths[1])
        other_ms = [
            1000 * _onnxruntime_seconds(*it) for it in zip(paths, (seen, read), strict=True)
        ]
    print_figures(
        encoder_torch_ms=torch_ms[0],
        encoder_onnxruntime_ms=other_ms[0],
        network_torch_ms=torch_ms[1],
        network_onnxruntime_ms=other_ms[1],
    )


def _torch_seconds(graph: nn.Module, given: tuple[torch.Tensor, ...]) -> float:
    with inference():
        return median_seconds(lambda: graph(*given))


def _onnxruntime_seconds(path: Path, given: tuple[torch.Tensor, ...]) -> float:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_inputs()]
    fed = {key: np.asarray(one) for key, one in zip(names, given, strict=True)}
    return median_seconds(lambda: session.run(None, fed))


MEASUREMENTS = (engines,)
