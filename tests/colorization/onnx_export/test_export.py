"""ONNX Runtime computes what torch does, at any size; the folder's own example colors a picture."""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from click.testing import Result
from PIL import Image

from colorization.network.color_bins import NUM_BINS, ab_bins, rebalancing_weights
from colorization.network.colorization_network import (
    ENCODER_MAPS,
    ColorizationNetwork,
    NetworkInputs,
)
from colorization.network.hints import global_hints
from colorization.network.input_planes import network_inputs as joined_inputs
from colorization.network.pretrained import load_network
from colorization.onnx_export import export as export_module
from colorization.onnx_export.export import FILES, TOLERANCE, Exported, export_onnx
from colorization.onnx_export.graphs import NetworkGraph
from colorization.pipeline import ColorizationPipeline
from similarity.backbone.backbone import Backbone

Cli = Callable[..., Result]
Refused = Callable[..., str]


@pytest.fixture(scope="module")
def network(backbone: Backbone) -> ColorizationNetwork:
    return load_network(backbone)


@pytest.fixture(scope="module")
def exported(
    tmp_path_factory: pytest.TempPathFactory, backbone: Backbone, network: ColorizationNetwork
) -> Exported:
    """The bundled networks. Treat as read-only."""
    return export_onnx(tmp_path_factory.mktemp("export") / "onnx", backbone, network)


def test_what_is_written(exported: Exported) -> None:
    folder = exported.paths[0].parent
    assert [path.name for path in exported.paths] == list(FILES)
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    assert 0 <= exported.encoder_difference < TOLERANCE
    assert 0 <= exported.network_difference < TOLERANCE


def test_the_maps_are_those_of_the_encoder(
    exported: Exported, backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names are not mixed up."""
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    luminance = torch.rand(1, 1, 64, 96) * 100
    names = tuple(ENCODER_MAPS)
    with torch.inference_mode():
        wanted = backbone.standardised_maps(luminance, names)
    session = onnxruntime.InferenceSession(str(exported.paths[0]))
    found = session.run(list(names), {"luminance": luminance.numpy()})
    for name, values in zip(names, found, strict=True):
        np.testing.assert_allclose(values, wanted[name].numpy(), atol=2e-3, err_msg=name)


def read_alone(luminance: torch.Tensor) -> NetworkInputs:
    """What the network reads of a photo without references and hints."""
    return joined_inputs({}, luminance, None, None, global_hints()[None])


def test_the_settings_are_those_of_the_code(
    exported: Exported, backbone: Backbone, network: ColorizationNetwork
) -> None:
    """The planes and the place of the faithfulness are built with them alone."""
    settings = json.loads(exported.paths[2].read_text())
    luminance = torch.rand(1, 1, 64, 96) * 100
    read = read_alone(luminance)
    for name, (channels, stride) in settings["planes"].items():
        assert getattr(read, name).shape == (1, channels, 64 // stride, 96 // stride)
    stride = settings["planes"]["luminance"][1]
    level = torch.nn.functional.avg_pool2d(luminance, stride)
    plane = (level - settings["l_centre"]) / settings["l_scale"]
    torch.testing.assert_close(read.luminance, plane)
    hints = torch.zeros(settings["global_size"])
    hints[settings["faithfulness_index"]] = 1.0
    torch.testing.assert_close(hints, global_hints(faithfulness=1.0))
    points = torch.full((1, 3, 16, 24), settings["ab_scale"])
    told = joined_inputs({}, luminance, None, points, hints[None])
    torch.testing.assert_close(told.hints[:, :2], torch.ones(1, 2, 16, 24))
    assert settings["maps"] == list(ENCODER_MAPS)
    assert settings["encoder_weights"] == backbone.weights_hash
    assert settings["bins"] == ab_bins().tolist()
    weights = rebalancing_weights(network.prior).tolist()
    assert len(weights) == NUM_BINS and settings["bin_weights"] == pytest.approx(weights)


@pytest.mark.parametrize("shape", [None, (64, 800)], ids=["photo", "panorama"])
def test_the_example_colors_like_the_pipeline(
    exported: Exported,
    backbone: Backbone,
    network: ColorizationNetwork,
    gray_pictures: dict[str, np.ndarray],
    monkeypatch: pytest.MonkeyPatch,
    shape: tuple[int, int] | None,
) -> None:
    """The README's code, with numpy only, in its own folder; it enlarges colors across edges."""
    folder = exported.paths[0].parent
    (code,) = re.findall(r"^```python\n(.*?)^```", (folder / "README.md").read_text(), re.M | re.S)
    assert set(re.findall(r"^import (\w+)", code, re.M)) == {"json", "numpy", "onnxruntime"}
    monkeypatch.chdir(folder)
    gray = gray_pictures["coffee"]
    if shape:
        gray = np.asarray(Image.fromarray(gray).resize(shape[::-1]))
    names: dict[str, object] = {"gray": gray}
    exec(compile(code, "README.md", "exec"), names)
    found = np.asarray(names["rgb"]).astype(float)
    wanted = ColorizationPipeline(backbone, None, network).colorize(gray, []).rgb.astype(float)
    assert found.shape == wanted.shape and np.asarray(names["rgb"]).dtype == np.uint8
    colors = [rgb - rgb.mean(2, keepdims=True) for rgb in (found, wanted)]
    assert np.abs(colors[0] - colors[1]).mean() < 0.25 * np.abs(colors[1]).mean()
    assert np.abs(found.mean(2) - wanted.mean(2)).mean() < 2  # of 255: luminance


def test_a_difference_that_is_too_large_leaves_nothing(
    backbone: Backbone,
    network: ColorizationNetwork,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def write(graph: object, path: Path) -> float:
        path.write_bytes(b"a graph")
        return 2 * TOLERANCE if path.suffix and isinstance(graph, NetworkGraph) else 0.0

    monkeypatch.setattr(export_module, "export_encoder", write)
    monkeypatch.setattr(export_module, "export_network", write)
    with pytest.raises(
        ValueError, match=r"network\.onnx: ONNX Runtime differs from torch by 0\.002"
    ):
        export_onnx(tmp_path / "onnx", backbone, network)
    assert list((tmp_path / "onnx").iterdir()) == []


def test_existing_files_are_kept(cli: Cli, refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine\n")
    refused(cli("export", "--format", "onnx", tmp_path), tmp_path / "README.md", "--overwrite")
    refused(cli("export", tmp_path / "README.md"), "is a file")
    assert (tmp_path / "README.md").read_text() == "mine\n" and len(list(tmp_path.iterdir())) == 1
    assert cli("export", "--format", "tflite", tmp_path / "new").exit_code == 2


def test_the_command(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(graph: object, path: Path) -> float:
        path.write_bytes(bytes(1_500_000))
        return 1e-6

    monkeypatch.setattr(export_module, "export_encoder", write)
    monkeypatch.setattr(export_module, "export_network", write)
    result = cli("export", "--format", "onnx", tmp_path / "onnx")
    assert (result.exit_code, result.stderr) == (0, "")
    assert f"{tmp_path / 'onnx' / 'network.onnx'}  1.5 MB" in result.stdout
    assert result.stdout.endswith("largest difference 1.0e-06 (encoder), 1.0e-06 (network)\n")


@pytest.mark.parametrize("package", ["onnx", "onnxruntime", "onnxscript"])
def test_without_the_packages_one_line_says_how_to_get_them(
    cli: Cli, refused: Refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    refused(cli("export", tmp_path / "onnx"), 'pip install -e ".[onnx]"')
    assert not (tmp_path / "onnx").exists()
