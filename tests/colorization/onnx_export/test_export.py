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

from colorization.inference.network_colors import PREDICT_LAYERS
from colorization.network.colorization_network import HE2018, ColorizationNetwork
from colorization.network.hints import global_hints
from colorization.network.input_planes import input_planes
from colorization.network.pretrained import load_network
from colorization.onnx_export import export as export_module
from colorization.onnx_export.export import FILES, TOLERANCE, Exported, export_onnx
from colorization.onnx_export.graphs import (
    BackboneGraph,
    NetworkGraph,
    backbone_inputs,
    difference,
    network_inputs,
)
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
    assert (
        0 <= exported.backbone_difference < TOLERANCE
        and 0 <= exported.network_difference < TOLERANCE
    )


@pytest.mark.parametrize("size", [(32, 32), (48, 176), (208, 64)], ids=str)
def test_any_size_is_equal_to_torch(
    exported: Exported, backbone: Backbone, network: ColorizationNetwork, size: tuple[int, int]
) -> None:
    assert (
        difference(BackboneGraph(backbone), exported.paths[0], [backbone_inputs(size)]) < TOLERANCE
    )
    assert (
        difference(NetworkGraph(network), exported.paths[1], [network_inputs(network, size)])
        < TOLERANCE
    )


def test_the_difference_is_seen(
    exported: Exported, network: ColorizationNetwork, backbone: Backbone
) -> None:
    """A network whose last layer has moved by 0.01 is not the one that was written."""
    other = load_network(backbone)
    assert other.ab.bias is not None
    other.ab.bias += 0.01
    assert (
        difference(NetworkGraph(other), exported.paths[1], [network_inputs(network, (64, 64))])
        > TOLERANCE
    )


def test_the_layers_are_those_of_the_backbone(exported: Exported, backbone: Backbone) -> None:
    """Names are not mixed up; the backbone itself may work in bfloat16, so a hundredth of the largest value is allowed."""
    luminance = torch.rand(1, 1, 64, 80) * 100
    with torch.inference_mode():
        wanted = backbone(luminance, PREDICT_LAYERS)
    found = onnxruntime.InferenceSession(str(exported.paths[0])).run(
        list(PREDICT_LAYERS), {"luminance": luminance.numpy()}
    )
    for layer, values in zip(PREDICT_LAYERS, found, strict=True):
        assert values.shape == wanted[layer].shape
        assert np.abs(values - wanted[layer].numpy()).max() < 0.02 * float(
            wanted[layer].abs().max()
        ), layer


def test_the_settings_are_those_of_the_code(exported: Exported) -> None:
    """The plane of luminance and the place of the vividness are built with them alone."""
    settings = json.loads(exported.paths[2].read_text())
    luminance = torch.rand(1, 1, 32, 48) * 100
    plane = (
        torch.nn.functional.avg_pool2d(luminance, settings["stride"]) - settings["l_centre"]
    ) / settings["l_scale"]
    planes = input_planes(luminance, None, None, None, settings["stride"])
    assert planes.shape[1] == settings["planes"]
    torch.testing.assert_close(planes[:, :1], plane)
    hints = torch.zeros(settings["global_size"])
    hints[settings["vividness_index"]] = 1.0
    torch.testing.assert_close(hints, global_hints(vividness=1.0))
    colored = input_planes(
        luminance, torch.full((1, 2, 4, 6), settings["ab_scale"]), torch.zeros(1, 10, 4, 6), None, 2
    )
    torch.testing.assert_close(colored[:, 1:3], torch.ones(1, 2, 16, 24))


@pytest.mark.parametrize("shape", [None, (64, 800)], ids=["photo", "panorama"])
def test_the_example_colors_like_the_pipeline(
    exported: Exported,
    backbone: Backbone,
    network: ColorizationNetwork,
    gray_pictures: dict[str, np.ndarray],
    monkeypatch: pytest.MonkeyPatch,
    shape: tuple[int, int] | None,
) -> None:
    """The README's code, with numpy only, in its own folder; it enlarges colors without looking at edges."""
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

    monkeypatch.setattr(export_module, "export_backbone", write)
    monkeypatch.setattr(export_module, "export_network", write)
    with pytest.raises(
        ValueError, match=r"network\.onnx: ONNX Runtime differs from torch by 0\.002"
    ):
        export_onnx(tmp_path / "onnx", backbone, network)
    assert list((tmp_path / "onnx").iterdir()) == []


def test_networks_of_another_kind_are_refused(backbone: Backbone, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="can be exported"):
        export_onnx(tmp_path / "onnx", backbone, ColorizationNetwork(HE2018))
    assert not (tmp_path / "onnx").exists()


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

    monkeypatch.setattr(export_module, "export_backbone", write)
    monkeypatch.setattr(export_module, "export_network", write)
    result = cli("export", "--format", "onnx", tmp_path / "onnx")
    assert (result.exit_code, result.stderr) == (0, "")
    assert f"{tmp_path / 'onnx' / 'network.onnx'}  1.5 MB" in result.stdout
    assert result.stdout.endswith("largest difference 1.0e-06 (backbone), 1.0e-06 (network)\n")


@pytest.mark.parametrize("package", ["onnx", "onnxruntime", "onnxscript"])
def test_without_the_packages_one_line_says_how_to_get_them(
    cli: Cli, refused: Refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    refused(cli("export", tmp_path / "onnx"), 'pip install -e ".[onnx]"')
    assert not (tmp_path / "onnx").exists()
