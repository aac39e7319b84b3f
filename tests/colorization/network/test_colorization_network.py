from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from colorization.network.color_bins import NUM_BINS
from colorization.network.colorization_network import (
    ENCODER_MAPS,
    HINT_PLANES,
    REFERENCE_PLANES,
    REGRESSION_SCALE,
    ColorizationNetwork,
    NetworkConfig,
    NetworkInputs,
    Prediction,
    ResidualBlock,
)
from colorization.network.hints import GLOBAL_SIZE

SCALE = REGRESSION_SCALE
TINY = NetworkConfig(channels=(16, 12, 8), blocks=(1, 2, 1))
Inputs = Callable[..., NetworkInputs]


@pytest.fixture
def inputs() -> Inputs:
    """``inputs(batch=2, height=64, width=96)``: what the network reads, at random."""

    def make(batch: int = 2, height: int = 64, width: int = 96) -> NetworkInputs:
        def planes(count: int, stride: int) -> Tensor:
            return torch.randn(batch, count, height // stride, width // stride)

        maps = {
            name: planes(c, int(name.removeprefix("stride"))) for name, c in ENCODER_MAPS.items()
        }
        return NetworkInputs(
            maps,
            planes(1, 2),
            planes(REFERENCE_PLANES, 8),
            planes(HINT_PLANES, 4),
            torch.rand(batch, GLOBAL_SIZE),
        )

    return make


def made(config: NetworkConfig = TINY) -> ColorizationNetwork:
    """A network whose residual blocks do something already."""
    network = ColorizationNetwork(config)
    for module in network.modules():
        if isinstance(module, ResidualBlock):
            torch.nn.init.ones_(module.second_norm.weight)
    return network.eval()


def rows(given: NetworkInputs, chosen: slice) -> NetworkInputs:
    """Some pictures of a batch."""
    return NetworkInputs(
        {name: maps[chosen] for name, maps in given.maps.items()},
        given.luminance[chosen],
        given.references[chosen],
        given.hints[chosen],
        given.global_hints[chosen],
    )


def differs(one: Prediction, other: Prediction, least: float = 1e-4) -> bool:
    """Whether colors and bins do."""
    return all(
        float((a - b).abs().max()) > least
        for a, b in ((one.ab, other.ab), (one.logits, other.logits))
    )


# Layout


def test_the_default_network_is_small() -> None:
    """Shards of a few megabytes, and a fraction of the encoder's time."""
    with torch.device("meta"):
        count = sum(p.numel() for p in ColorizationNetwork().parameters())
    assert 1_000_000 < count < 7_000_000


@pytest.mark.parametrize(("height", "width"), [(32, 32), (64, 96), (160, 32)])
def test_sizes_of_the_answers(inputs: Inputs, height: int, width: int) -> None:
    with torch.inference_mode():
        found = made()(inputs(2, height, width))
    assert found.ab.shape == (2, 2, height // 4, width // 4)
    assert found.logits.shape == (2, NUM_BINS, height // 8, width // 8)
    assert found.ab.dtype == found.logits.dtype == torch.float32
    assert bool(found.ab.isfinite().all()) and bool(found.logits.isfinite().all())


def test_the_prior_is_kept_beside_the_weights() -> None:
    network = made()
    assert float(network.prior.sum()) == pytest.approx(1)
    assert "prior" not in network.state_dict()


def test_a_block_is_the_identity_before_training() -> None:
    x = torch.rand(2, 8, 5, 7)
    for block in (ResidualBlock(8).train(), ResidualBlock(8).eval()):
        assert torch.equal(block(x), x)


def test_a_block_by_hand() -> None:
    """The inner way of one pixel of 3: 3 * 2, relu, * -1, so 3 - 6 = -3 becomes 0.

    Of -1 it is relu(-2) = 0.
    """
    block = ResidualBlock(1).requires_grad_(False).eval()
    for convolution, weight in ((block.first, 2.0), (block.second, -1.0)):
        convolution.weight.zero_()
        convolution.weight[..., 1, 1] = weight
    block.second_norm.weight.fill_(1.0)
    found = block(torch.tensor([3.0, 1.0, -1.0]).view(1, 1, 1, 3))
    torch.testing.assert_close(found, torch.zeros(1, 1, 1, 3), atol=1e-4, rtol=0)
    block.second.weight.neg_()  # and now 3 + 6, 1 + 2, relu(-1 + 0)
    found = block(torch.tensor([3.0, 1.0, -1.0]).view(1, 1, 1, 3))
    torch.testing.assert_close(found.flatten(), torch.tensor([9.0, 3.0, 0.0]), atol=1e-3, rtol=1e-4)


# Answers


def test_colors_are_scaled_and_laid_out_in_cells_of_four(inputs: Inputs) -> None:
    """Channel c, row i and column j of a cell are number 4 c + 2 i + j of the last layer."""
    network = made().requires_grad_(False)
    network.ab.weight.zero_()
    assert network.ab.bias is not None
    network.ab.bias.copy_(torch.arange(8.0))
    found = network(inputs(1, 32, 32)).ab[0]
    assert found[0, :2, :2].tolist() == [[0, SCALE], [2 * SCALE, 3 * SCALE]]
    assert found[1, :2, :2].tolist() == [
        [4 * SCALE, 5 * SCALE],
        [6 * SCALE, 7 * SCALE],
    ]
    assert torch.equal(found[:, :2, :2], found[:, 6:, 4:6])


@torch.inference_mode()
def test_zero_planes_are_an_input_like_any_other(inputs: Inputs) -> None:
    given = inputs()
    silent = NetworkInputs(
        {name: torch.zeros_like(maps) for name, maps in given.maps.items()},
        *(torch.zeros_like(x) for x in (given.luminance, given.references, given.hints)),
        torch.zeros_like(given.global_hints),
    )
    found = made()(silent)
    assert bool(found.ab.isfinite().all()) and bool(found.logits.isfinite().all())


@torch.inference_mode()
def test_every_plane_is_seen(inputs: Inputs) -> None:
    network, given = made(), inputs()
    before = network(given)
    for name in ("luminance", "references", "hints"):
        for i in range(getattr(given, name).shape[1]):
            changed = getattr(given, name).clone()
            changed[:, i, 2:4, 2:4] += 3
            assert differs(network(replace(given, **{name: changed})), before), (name, i)
    for name in ENCODER_MAPS:
        maps = given.maps | {name: torch.randn_like(given.maps[name])}
        assert differs(network(replace(given, maps=maps)), before), name
    for i in (0, NUM_BINS, NUM_BINS + 3, GLOBAL_SIZE - 1):
        changed = given.global_hints.clone()
        changed[:, i] += 3
        assert differs(network(replace(given, global_hints=changed)), before), i


@torch.inference_mode()
def test_hints_and_luminance_are_seen_finer_than_the_grid(inputs: Inputs) -> None:
    """What changes within a cell of stride 8, but not its mean, changes the answer."""
    network, given = made(), inputs()
    before = network(given)
    for name in ("hints", "luminance"):
        changed = getattr(given, name).clone()
        changed[..., 4, 4] += 5
        changed[..., 4, 5] -= 5
        assert differs(network(replace(given, **{name: changed})), before), name


@torch.inference_mode()
def test_colors_depend_on_places_far_away(inputs: Inputs) -> None:
    network, given = made(), inputs(1, 128, 128)
    changed = {name: maps.clone() for name, maps in given.maps.items()}
    changed["stride32"][..., 0, 0] += 3
    difference = network(replace(given, maps=changed)).ab - network(given).ab
    assert bool(difference[..., -4:, -4:].abs().max() > 0)


@torch.inference_mode()
def test_pictures_of_a_batch_do_not_see_each_other(inputs: Inputs) -> None:
    network, given = made(), inputs(3)
    together = network(given)
    for i in range(3):
        alone = network(rows(given, slice(i, i + 1)))
        torch.testing.assert_close(alone.ab[0], together.ab[i], atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(alone.logits[0], together.logits[i], atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_the_same_seed_and_input_give_the_same_bits(inputs: Inputs) -> None:
    given, answers = inputs(), []
    for _ in range(2):
        torch.manual_seed(3)
        network = made()
        answers += [network(given) for _ in range(2)]
    assert all(
        torch.equal(a.ab, answers[0].ab) and torch.equal(a.logits, answers[0].logits)
        for a in answers
    )


@torch.inference_mode()
def test_colors_are_exact_numbers_under_autocast(inputs: Inputs) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        found = made()(inputs())
    assert found.ab.dtype == torch.float32


# Learning


def test_every_parameter_learns_with_finite_gradients(inputs: Inputs) -> None:
    network = made().train()
    found = network(inputs())
    (found.ab.square().mean() + found.logits.square().mean()).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and bool(parameter.grad.isfinite().all()), name
        assert parameter.ndim == 1 or bool(parameter.grad.any()), name


def test_some_maps_are_not_shown_in_training_alone(
    inputs: Inputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropped: list[tuple[int, float]] = []

    def seen(maps: Tensor, share: float) -> Tensor:
        dropped.append((maps.shape[1], share))
        return maps

    monkeypatch.setattr(F, "dropout2d", seen)
    given = inputs()
    made().train()(given)
    assert dropped == [(ENCODER_MAPS["stride16"], 0.1), (ENCODER_MAPS["stride32"], 0.1)]
    made().eval()(given)
    made(replace(TINY, dropout=0.0)).train()(given)
    assert len(dropped) == 2
