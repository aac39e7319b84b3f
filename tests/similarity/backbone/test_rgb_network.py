from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from similarity.backbone import backbone as backbone_module
from similarity.backbone.rgb_network import JUDGE_LAYER, Vgg19Judge, load_judge
from similarity.backbone.vgg19 import VGG19, VGG19Config

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
    assert isinstance(judge, Vgg19Judge)
    assert is_frozen(judge.network)
    rgb = torch.rand(2, 3, 32, 48)
    found = judge(rgb)
    assert list(found) == [JUDGE_LAYER] == ["relu5_1"]
    plain = VGG19(SMALL).eval()
    plain.load_state_dict(weights)
    mean, std = (
        torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1),
        torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1),
    )
    torch.testing.assert_close(found["relu5_1"], plain((rgb - mean) / std, ("relu5_1",))["relu5_1"])
    assert found["relu5_1"].shape == (2, 12, 2, 3)
    assert float(found["relu5_1"].std()) > 0


def test_a_result_learns_through_the_frozen_network(
    weights: dict[str, Tensor], tmp_path: Path
) -> None:
    save_file(weights, tmp_path / "vgg.safetensors")
    rgb = torch.rand(1, 3, 32, 32, requires_grad=True)
    load_judge(tmp_path / "vgg.safetensors")(rgb)[JUDGE_LAYER].square().sum().backward()
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
