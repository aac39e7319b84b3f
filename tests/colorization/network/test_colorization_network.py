from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from colorization.network.color_bins import NUM_BINS
from colorization.network.colorization_network import (
    AB_RANGE,
    DEFAULT,
    GLOBAL_SIZE,
    HE2018,
    ColorizationNetwork,
    NetworkConfig,
)

TINY = replace(DEFAULT, width=0.05, backbone_channels=(6, 8, 10))
Inputs = Callable[..., tuple[Tensor, list[Tensor], Tensor]]


@pytest.fixture
def inputs() -> Inputs:
    """``inputs(config, batch=2, height=16, width=24)``: planes, features of the backbone, global hints."""

    def make(
        config: NetworkConfig, batch: int = 2, height: int = 16, width: int = 24
    ) -> tuple[Tensor, list[Tensor], Tensor]:
        features = [
            torch.randn(batch, channels, height // 2**i, width // 2**i)
            for i, channels in enumerate(config.backbone_channels, 1)
        ]
        return (
            torch.randn(batch, config.planes, height, width),
            features,
            torch.rand(batch, GLOBAL_SIZE),
        )

    return make


def size(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


# Layout


def test_the_papers_layout_has_its_number_of_parameters() -> None:
    with torch.device("meta"):
        assert size(ColorizationNetwork(HE2018)) == 34_065_666


def test_width_scales_the_network() -> None:
    with torch.device("meta"):
        whole, half = (
            size(ColorizationNetwork(replace(HE2018, width=width))) for width in (1.0, 0.5)
        )
        # weights go with the square of the width, biases with the width
        assert 3.9 < whole / half < 4.0
        assert size(ColorizationNetwork(DEFAULT)) < 7_000_000


@pytest.mark.parametrize(
    ("width", "paper", "expected"),
    [
        (0.375, 64, 24),
        (0.375, 512, 192),
        (1.0, 32, 32),
        (0.3, 64, 20),
        (0.05, 32, 4),
        (0.01, 512, 4),
    ],
)
def test_channels_are_multiples_of_4(width: float, paper: int, expected: int) -> None:
    assert NetworkConfig(width=width).channels(paper) == expected


@pytest.mark.parametrize(("height", "width"), [(8, 8), (16, 24), (40, 8)])
def test_sizes_of_the_answers(inputs: Inputs, height: int, width: int) -> None:
    prediction = ColorizationNetwork(TINY).eval()(*inputs(TINY, 2, height, width))
    assert prediction.ab.shape == (2, 2, height, width)
    assert prediction.logits is not None
    assert prediction.logits.shape == (2, NUM_BINS, height // 2, width // 2)
    assert prediction.ab.dtype == prediction.logits.dtype == torch.float32


def test_the_papers_layout_answers_with_colors_only() -> None:
    network = ColorizationNetwork(replace(HE2018, width=0.05)).eval()
    prediction = network(torch.randn(1, 13, 16, 16))
    assert prediction.ab.shape == (1, 2, 16, 16)
    assert prediction.logits is None
    assert not [
        name
        for name, _ in network.named_parameters()
        if name.startswith(("adapters", "global_hints", "bins", "hyper"))
    ]
    assert not [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d) and m.affine]


def test_without_backbone(inputs: Inputs) -> None:
    config = replace(TINY, backbone_channels=())
    planes, features, hints = inputs(config)
    assert features == []
    prediction = ColorizationNetwork(config).eval()(planes, (), hints)
    assert prediction.ab.shape == (2, 2, 16, 24)
    assert not [
        name
        for name in ColorizationNetwork(config).state_dict()
        if name.startswith(("adapters", "norms"))
    ]


@pytest.mark.parametrize("width", [0.05, 0.12])
def test_any_width_answers(inputs: Inputs, width: float) -> None:
    config = replace(TINY, width=width)
    prediction = ColorizationNetwork(config).eval()(*inputs(config))
    assert bool(prediction.ab.isfinite().all()) and bool(prediction.ab.std() > 0)


# Answers


def test_zero_planes_are_an_input_like_any_other() -> None:
    network = ColorizationNetwork(TINY).eval()
    features = [
        torch.zeros(1, channels, 16 // 2**i, 16 // 2**i)
        for i, channels in enumerate(TINY.backbone_channels, 1)
    ]
    prediction = network(torch.zeros(1, 16, 16, 16), features)
    assert bool(prediction.ab.isfinite().all()) and bool(prediction.logits.isfinite().all())


def test_colors_stay_within_the_range_of_the_last_tanh(inputs: Inputs) -> None:
    network = ColorizationNetwork(TINY).eval()
    planes, features, hints = inputs(TINY)
    highest = float(network(planes * 1e6, features, hints).ab.abs().max().detach())
    assert 50 < highest <= AB_RANGE == 100


def test_no_global_hints_are_zeros(inputs: Inputs) -> None:
    # batch norm lets fresh layers pass on what they see
    network = ColorizationNetwork(TINY).train()
    planes, features, hints = inputs(TINY)
    silent = network(planes, features).ab
    assert torch.equal(silent, network(planes, features, torch.zeros_like(hints)).ab)
    assert bool((silent - network(planes, features, hints * 10).ab).abs().max() > 0.1)


def test_every_plane_and_every_layer_of_the_backbone_is_seen(inputs: Inputs) -> None:
    network = ColorizationNetwork(TINY).train()
    planes, features, hints = inputs(TINY)
    before = network(planes, features, hints)
    for i in range(TINY.planes):
        changed = planes.clone()
        changed[:, i, 4:8, 4:8] += 3
        assert bool((network(changed, features, hints).ab - before.ab).abs().max() > 0.1), i
    for i in range(3):
        found = network(
            planes, [torch.randn_like(f) if i == j else f for j, f in enumerate(features)], hints
        )
        assert bool((found.ab - before.ab).abs().max() > 0.1), i
        assert bool((found.logits - before.logits).abs().max() > 0.01), i


def test_pictures_of_a_batch_do_not_see_each_other(inputs: Inputs) -> None:
    network = ColorizationNetwork(TINY).eval()
    planes, features, hints = inputs(TINY, 3)
    together = network(planes, features, hints)
    for i in range(3):
        alone = network(planes[i : i + 1], [f[i : i + 1] for f in features], hints[i : i + 1])
        torch.testing.assert_close(alone.ab[0], together.ab[i], atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(alone.logits[0], together.logits[i], atol=1e-4, rtol=1e-4)


def test_the_same_seed_and_input_give_the_same_bits(inputs: Inputs) -> None:
    given, answers = inputs(TINY), []
    for _ in range(2):
        torch.manual_seed(3)
        network = ColorizationNetwork(TINY).eval()
        answers += [network(*given) for _ in range(2)]
    assert all(
        torch.equal(a.ab, answers[0].ab) and torch.equal(a.logits, answers[0].logits)
        for a in answers
    )


def test_colors_depend_on_places_far_away(inputs: Inputs) -> None:
    """Blocks 5 and 6 are dilated and look over the whole picture, not at its neighbourhood alone."""
    network = ColorizationNetwork(TINY).eval()
    planes, features, hints = inputs(TINY, 1, 64, 64)
    changed = planes.clone()
    changed[..., :8, :8] += 3
    difference = (
        (network(changed, features, hints).ab - network(planes, features, hints).ab)
        .abs()
        .amax((0, 1))
    )
    assert bool(difference[48:, 48:].max() > 0)


# Learning


@pytest.mark.parametrize("config", [TINY, replace(HE2018, width=0.05)], ids=["default", "he2018"])
def test_every_parameter_learns_with_finite_gradients(
    inputs: Inputs, config: NetworkConfig
) -> None:
    network = ColorizationNetwork(config).train()
    planes, features, hints = inputs(config)
    prediction = network(planes, features, hints if config.global_size else None)
    loss = prediction.ab.square().mean()
    if prediction.logits is not None:
        loss = loss + prediction.logits.square().mean()
    loss.backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and bool(parameter.grad.isfinite().all()), name
        # batch norm takes the mean away, so biases before it may learn nothing; weights must
        assert parameter.ndim == 1 or bool(parameter.grad.any()), name


# Refusals


@pytest.mark.parametrize("count", [0, 2, 4])
def test_layers_of_the_backbone_must_be_all_there(inputs: Inputs, count: int) -> None:
    planes, features, _ = inputs(TINY)
    with pytest.raises(ValueError, match=f"the network reads 3 backbone layers, got {count}"):
        ColorizationNetwork(TINY)(planes, (features * 2)[:count])


def test_layers_of_the_backbone_are_refused_where_they_are_not_read(inputs: Inputs) -> None:
    planes, features, _ = inputs(TINY)
    with pytest.raises(ValueError, match="the network reads 0 backbone layers, got 3"):
        ColorizationNetwork(replace(TINY, backbone_channels=()))(planes, features)


@pytest.mark.parametrize(("height", "width"), [(12, 16), (16, 20), (4, 8)])
def test_sides_must_be_multiples_of_8(height: int, width: int) -> None:
    config = replace(TINY, backbone_channels=())
    with pytest.raises(
        ValueError, match=rf"sides must be multiples of 8, got \({height}, {width}\)"
    ):
        ColorizationNetwork(config)(torch.zeros(1, 16, height, width))
