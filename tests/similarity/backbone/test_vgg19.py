import pytest
import torch
import torch.nn.functional as F

from similarity.backbone.torchvision_import import import_torchvision
from similarity.backbone.vgg19 import FULL, LAYERS, SLIM, VGG19, VGG19Config

NARROW = VGG19Config(widths=(4, 6, 8, 10, 12), in_channels=1, pool_size=2, hidden=(20, 16))


def with_batch_norm(pool_size: int = 1) -> VGG19:
    """A narrow network whose batch norms have seen something."""
    network = VGG19(
        VGG19Config(
            widths=(4, 6, 8, 10, 12),
            in_channels=1,
            batch_norm=True,
            pool_size=pool_size,
            hidden=(20,),
        )
    )
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for tensor in (
                module.weight.data,
                module.bias.data,
                module.running_mean,
                module.running_var,
            ):
                tensor.uniform_(0.5, 1.5)
    return network.eval()


def test_layer_names() -> None:
    assert LAYERS == (
        "relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1", "relu3_2", "relu3_3", "relu3_4",
        "relu4_1", "relu4_2", "relu4_3", "relu4_4", "relu5_1", "relu5_2", "relu5_3", "relu5_4",
    )  # fmt: skip


def test_state_dict_has_torchvisions_layout() -> None:
    import_torchvision()
    from torchvision.models import vgg19

    with torch.device("meta"):
        ours, theirs = VGG19(FULL), vgg19()
    assert {k: v.shape for k, v in ours.state_dict().items()} == {
        k: v.shape for k, v in theirs.state_dict().items()
    }
    assert [type(m).__name__ for m in ours.features] == [type(m).__name__ for m in theirs.features]


def test_every_layer_equals_plain_functions() -> None:
    network, picture = VGG19(NARROW).eval(), torch.randn(2, 1, 64, 96)
    state, expected, x = network.state_dict(), {}, picture
    numbers = [i for i in range(37) if f"features.{i}.weight" in state]
    convs = iter([(state[f"features.{i}.weight"], state[f"features.{i}.bias"]) for i in numbers])
    for block, count in enumerate((2, 2, 4, 4, 4), 1):
        for i in range(1, count + 1):
            x = F.conv2d(x, *next(convs), padding=1).clamp(min=0)
            expected[f"relu{block}_{i}"] = x
        x = F.max_pool2d(x, 2)
        expected[f"pool{block}"] = x
    x = F.adaptive_avg_pool2d(x, 2).flatten(1)
    # before its ReLU
    expected["fc6"] = F.linear(x, state["classifier.0.weight"], state["classifier.0.bias"])
    x = F.linear(
        expected["fc6"].clamp(min=0), state["classifier.3.weight"], state["classifier.3.bias"]
    ).clamp(min=0)
    expected["logits"] = F.linear(x, state["classifier.6.weight"], state["classifier.6.bias"])
    assert next(convs, None) is None
    assert (expected["fc6"] < 0).any()
    torch.testing.assert_close(network(picture, tuple(expected)), expected)


@pytest.mark.parametrize(
    ("layer", "stride"),
    [("relu1_1", 1), ("relu2_2", 2), ("relu3_4", 4), ("relu4_1", 8), ("relu5_4", 16)],
)
def test_strides(layer: str, stride: int) -> None:
    found = VGG19(NARROW)(torch.randn(1, 1, 48, 64), [layer])[layer]
    assert found.shape == (1, NARROW.widths[int(layer[4]) - 1], 48 // stride, 64 // stride)


def test_nothing_deeper_than_asked_is_computed() -> None:
    network = VGG19(NARROW)
    calls: list[str] = []
    for name, module in network.named_modules():
        if isinstance(module, torch.nn.Conv2d | torch.nn.Linear):
            module.register_forward_hook(lambda *_, name=name: calls.append(name))
    assert network(torch.randn(1, 1, 32, 32), ("relu2_1", "relu1_1")).keys() == {
        "relu1_1",
        "relu2_1",
    }
    assert calls == ["features.0", "features.2", "features.5"]
    calls.clear()
    assert network(torch.randn(1, 1, 32, 32), ("fc6",)).keys() == {"fc6"}
    assert calls[-1] == "classifier.0"


def test_asked_layers_do_not_depend_on_what_else_is_asked() -> None:
    network, x = VGG19(NARROW).eval(), torch.randn(1, 1, 32, 32)
    together = network(x, (*LAYERS, "fc6", "logits"))
    for name, value in together.items():
        torch.testing.assert_close(network(x, (name,))[name], value)


def test_unknown_layers_are_named() -> None:
    with pytest.raises(
        ValueError, match=r"not layers of VGG-19: conv1_1, relu6_1; known: relu1_1,.*pool1,.*logits"
    ):
        VGG19(NARROW)(torch.randn(1, 1, 32, 32), ("relu1_1", "relu6_1", "conv1_1"))


@torch.no_grad()
def test_folded_equals_unfolded() -> None:
    network, x = with_batch_norm(), torch.randn(2, 1, 32, 48)
    asked = (*LAYERS, "pool5", "fc6", "logits")
    folded = network.folded()
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in folded.modules())
    expected, found = network(x, asked), folded(x, asked)
    for name in asked:
        torch.testing.assert_close(
            found[name], expected[name], rtol=1e-3, atol=1e-3 * float(expected[name].abs().max())
        )
    network.features[1].running_mean += 1  # the test sees batch norm at all
    assert not torch.allclose(network(x, ("relu1_1",))["relu1_1"], found["relu1_1"], atol=0.1)


def test_folding_without_batch_norm_copies() -> None:
    network, x = VGG19(NARROW).eval(), torch.randn(1, 1, 32, 32)
    folded = network.folded()
    torch.testing.assert_close(folded(x, ("logits",)), network(x, ("logits",)))
    with torch.no_grad():
        network.features[0].weight.zero_()
    assert folded.features[0].weight.abs().sum() > 0


def test_folding_leaves_the_network_as_it_was() -> None:
    network = with_batch_norm().train()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    network.folded()
    torch.testing.assert_close(dict(network.state_dict()), before)
    assert network.training
    assert network.features[1].training


def test_gradients_reach_the_first_layer() -> None:
    network = with_batch_norm().train()
    x = torch.randn(4, 1, 32, 32)
    network(x, ("logits",))["logits"].square().mean().backward()
    for name, parameter in network.named_parameters():
        assert torch.isfinite(parameter.grad).all(), name
    assert network.features[0].weight.grad.abs().sum() > 0


def test_slim_is_slim() -> None:
    with torch.device("meta"):
        parameters = sum(p.numel() for p in VGG19(SLIM).parameters())
    # convolutions 9 * (1*16 + 16*16 + 16*48 + 48*48 + 48*96 + 3*96*96 + 96*192 + 3*192*192 +
    # 192*256 + 3*256*256) + 2304 biases, two batch-norm values for each of the 2304 channels, fc6
    # 256*1024 + 1024, logits 1024*1000 + 1000
    channels = 2 * 16 + 2 * 48 + 4 * 96 + 4 * 192 + 4 * 256
    convolutions = 9 * (16 + 256 + 768 + 2304 + 4608 + 27648 + 18432 + 110592 + 49152 + 196608)
    assert parameters == convolutions + 3 * channels + 256 * 1024 + 1024 + 1024 * 1000 + 1000
