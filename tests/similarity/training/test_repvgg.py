import pytest
import torch
from torch import Tensor, nn

from similarity.backbone.vgg19 import SLIM, VGG19
from similarity.training.repvgg import BranchedConv, branch, merge, take_statistics

LAYERS = ("relu1_1", "relu2_1", "relu3_4", "relu5_4", "fc6", "logits")


@pytest.fixture
def luminance() -> Tensor:
    return torch.randn(4, 1, 64, 96, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def network() -> VGG19:
    torch.manual_seed(1)
    return VGG19(SLIM)


def learned(network: VGG19) -> VGG19:
    """With statistics and scales as training leaves them: none is what it was at first."""
    generator = torch.Generator().manual_seed(2)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor, low in (
                (module.weight, 0.3),
                (module.bias, -0.5),
                (module.running_mean, -0.5),
                (module.running_var, 0.5),
            ):
                assert tensor is not None
                tensor.data.uniform_(low, low + 1.0, generator=generator)
    return network.eval()


def test_branches_by_hand() -> None:
    conv, norm = nn.Conv2d(1, 1, 3, padding=1), nn.BatchNorm2d(1)
    nn.init.constant_(conv.weight, 2.0)
    nn.init.constant_(conv.bias, 1.0)
    branched = BranchedConv(conv, norm).eval()
    nn.init.constant_(branched.point.weight, 3.0)
    x = torch.zeros(1, 1, 3, 3)
    x[0, 0, 1, 1] = 1.0  # 2 around a one, and there 3 of the point and 1 of the identity too
    expected = torch.full((3, 3), 3.0)
    expected[1, 1] = 7.0
    torch.testing.assert_close(branched(x)[0, 0], expected, rtol=1e-4, atol=1e-4)
    weight, bias = branched.merged()
    torch.testing.assert_close(bias, torch.ones(1), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(weight[0, 0, 1, 1], torch.tensor(6.0), rtol=1e-4, atol=1e-4)


def test_every_convolution_has_branches_and_the_identity_where_the_channels_stay(
    network: VGG19,
) -> None:
    found = [module for module in branch(network).features if isinstance(module, BranchedConv)]
    assert len(found) == 16
    assert not any(isinstance(module, nn.Conv2d | nn.BatchNorm2d) for module in network.features)
    widens = [one.conv.in_channels != one.conv.out_channels for one in found]
    assert [one.identity_norm is None for one in found] == widens
    assert sum(widens) == 5


def test_merged_does_the_same(network: VGG19, luminance: Tensor) -> None:
    branched = learned(branch(network))
    plain = merge(branched)
    assert {k: v.shape for k, v in plain.state_dict().items()} == {
        k: v.shape for k, v in VGG19(SLIM).state_dict().items()
    }
    expected, found = branched(luminance, LAYERS), plain(luminance, LAYERS)
    for layer in LAYERS:
        allowed = 1e-3 * float(expected[layer].detach().abs().max())
        torch.testing.assert_close(found[layer], expected[layer], rtol=1e-3, atol=allowed)


def test_what_is_merged_knows_nothing_of_the_network_it_came_from(
    network: VGG19, luminance: Tensor
) -> None:
    branched = learned(branch(network))
    plain = merge(branched)
    before = plain(luminance, ("logits",))["logits"]
    for parameter in branched.parameters():
        parameter.data.zero_()
    torch.testing.assert_close(plain(luminance, ("logits",))["logits"], before, rtol=0, atol=0)


def test_branches_of_no_scale_change_nothing(network: VGG19, luminance: Tensor) -> None:
    expected = learned(network)(luminance, LAYERS)
    found = branch(network, scale=0.0).eval()(luminance, LAYERS)
    for layer in LAYERS:
        torch.testing.assert_close(found[layer], expected[layer], rtol=0, atol=0)


def test_branches_of_no_scale_learn(network: VGG19, luminance: Tensor) -> None:
    branch(network, scale=0.0).train()(luminance, ("logits",))["logits"].square().mean().backward()
    for module in network.features:
        if isinstance(module, BranchedConv):
            assert (
                module.point_norm.weight.grad is not None
                and module.point_norm.weight.grad.abs().sum() > 0
            )


def test_statistics_are_those_of_the_pictures_and_the_function_stays(
    network: VGG19, luminance: Tensor
) -> None:
    plain = merge(learned(branch(network)))
    expected = plain(luminance, LAYERS)
    take_statistics(plain, luminance)
    assert not plain.training
    found = plain(luminance, LAYERS)
    plain.train()
    # by the statistics of the pictures themselves, which are the same
    trained = plain(luminance, LAYERS)
    for layer in LAYERS:
        allowed = 2e-3 * float(expected[layer].detach().abs().max())
        torch.testing.assert_close(found[layer], expected[layer], rtol=1e-3, atol=allowed)
        torch.testing.assert_close(trained[layer], expected[layer], rtol=1e-3, atol=allowed)
