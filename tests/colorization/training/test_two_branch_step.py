from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from colorization.network.color_bins import NUM_BINS
from colorization.network.colorization_network import DEFAULT, ColorizationNetwork
from colorization.network.hints import global_hints
from colorization.training.samples import CHROMINANCE, PERCEPTUAL, Sample
from colorization.training.two_branch_step import Frozen, LossOptions, batch_losses, prepare
from similarity.backbone.backbone import Backbone
from similarity.color.lab import lab_to_rgb_unclipped, rgb_to_lab

TINY = replace(DEFAULT, width=0.05)
SIDE = 64
EVEN = torch.ones(NUM_BINS)
MakeSample = Callable[..., Sample]


class Judge(nn.Module):
    """Sees the picture in two ways, neither of them learned, and remembers what it was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Conv2d(3, 8, 5, stride=2).requires_grad_(False)
        self.seen: list[Tensor] = []

    def forward(self, rgb: Tensor) -> dict[object, Tensor]:
        self.seen.append(rgb.detach().clone())
        return {
            2: torch.tanh(self.look(rgb)),
            "mean": F.avg_pool2d(rgb, 8),
            "logits": rgb.mean((2, 3)),
        }


@pytest.fixture(autouse=True)
def _in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same numbers on every processor."""
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)


@pytest.fixture
def labs(pictures: dict[str, np.ndarray]) -> dict[str, Tensor]:
    """Squares of SIDE pixels."""
    names = ("chelsea", "coffee", "motorcycle_left", "motorcycle_right", "astronaut")
    return {
        name: rgb_to_lab(
            torch.from_numpy(pictures[name][32:96, 32:96].copy()).permute(2, 0, 1) / 255
        )
        for name in names
    }


@pytest.fixture
def sample(labs: dict[str, Tensor]) -> MakeSample:
    """``sample(branch, target, references=(), ...)``."""

    def make(
        branch: str,
        target: str | Tensor,
        references: tuple[str | Tensor, ...] = (),
        kind: str = "recommended",
        is_vivid: bool = True,
    ) -> Sample:
        own, *others = (labs[x] if isinstance(x, str) else x for x in (target, *references))
        kind = kind if references else "none"
        return Sample(
            branch,
            kind,
            own,
            torch.zeros(3, 32, 32),
            global_hints(vividness=float(is_vivid)),
            is_vivid,
            others,
        )

    return make


@pytest.fixture
def frozen(backbone: Backbone) -> Frozen:
    return Frozen(backbone, Judge(), EVEN)


@pytest.fixture
def batch(sample: MakeSample) -> list[Sample]:
    """Both branches, every number of references."""
    return [
        sample(CHROMINANCE, "chelsea", ("coffee",)),
        sample(PERCEPTUAL, "coffee", ("chelsea", "astronaut")),
        sample(CHROMINANCE, "motorcycle_left", ("motorcycle_right",), is_vivid=False),
        sample(PERCEPTUAL, "astronaut"),
    ]


def painted(lab: Tensor, a: float, b: float) -> Tensor:
    return torch.cat((lab[:1], torch.tensor([a, b]).view(2, 1, 1).expand_as(lab[1:])))


@pytest.fixture
def planes_of(frozen: Frozen, monkeypatch: pytest.MonkeyPatch) -> Callable[[list[Sample]], Tensor]:
    """The planes that the network gets for some samples."""

    def get(samples: list[Sample]) -> Tensor:
        network, seen = ColorizationNetwork(TINY).eval(), []
        network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
        batch_losses(network, network.config, samples, frozen, LossOptions())
        return seen[0]

    return get


# Learning


def test_training_lowers_the_loss_of_a_fixed_batch(batch: list[Sample], frozen: Frozen) -> None:
    network = ColorizationNetwork(TINY).train()
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    history: list[dict[str, float]] = []
    for _ in range(25):
        found = batch_losses(network, network.config, batch, frozen, LossOptions())
        optimizer.zero_grad()
        found["loss"].backward()
        optimizer.step()
        history.append({key: float(value.detach()) for key, value in found.items()})
    assert set(history[0]) == {"loss", "chrominance", "classification", "perceptual"}
    for key in history[0]:
        assert history[-1][key] < history[0][key], key
    assert history[-1]["loss"] < 0.8 * history[0]["loss"]


def test_gradients_are_finite_and_reach_the_network_only(
    batch: list[Sample], frozen: Frozen
) -> None:
    network = ColorizationNetwork(TINY).train()
    batch_losses(network, network.config, batch, frozen, LossOptions())["loss"].backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and bool(parameter.grad.isfinite().all()), name
    assert isinstance(frozen.judge, Judge)
    assert all(p.grad is None for p in (*frozen.backbone.parameters(), *frozen.judge.parameters()))


def test_the_same_batch_gives_the_same_loss(batch: list[Sample], frozen: Frozen) -> None:
    network = ColorizationNetwork(TINY).eval()
    first, second = (
        batch_losses(network, network.config, batch, frozen, LossOptions())["loss"]
        for _ in range(2)
    )
    assert torch.equal(first, second)


def test_a_batch_prepared_before_gives_the_same_loss(batch: list[Sample], frozen: Frozen) -> None:
    network = ColorizationNetwork(TINY).eval()
    inputs = prepare(batch, frozen.backbone, TINY.stride)
    assert not any(x.requires_grad for x in (inputs.planes, *inputs.features))
    ready = batch_losses(network, network.config, batch, frozen, LossOptions(), inputs)
    for key, value in batch_losses(network, network.config, batch, frozen, LossOptions()).items():
        assert torch.equal(ready[key], value), key


# How answers are judged


def test_the_loss_is_made_of_its_parts(batch: list[Sample], frozen: Frozen) -> None:
    network = ColorizationNetwork(TINY).eval()
    options = LossOptions(perceptual=7.0, classification=0.3)
    for sample_ in batch:
        found = batch_losses(network, network.config, [sample_], frozen, options)
        expected = (
            found["chrominance"]
            + 0.3 * found["classification"]
            + 7.0 * found.get("perceptual", torch.tensor(0.0))
        )
        torch.testing.assert_close(found["loss"].detach(), expected)
        assert ("perceptual" in found) == (sample_.branch == PERCEPTUAL)


def test_the_loss_of_a_batch_is_the_mean_of_its_samples(
    batch: list[Sample], frozen: Frozen
) -> None:
    network = ColorizationNetwork(TINY).eval()  # batch norm of the training mode would mix them
    together = batch_losses(network, network.config, batch, frozen, LossOptions())
    alone = [
        batch_losses(network, network.config, [sample_], frozen, LossOptions()) for sample_ in batch
    ]
    for key in ("loss", "chrominance", "classification"):
        mean = torch.stack([found[key].detach() for found in alone]).mean()
        torch.testing.assert_close(together[key].detach(), mean, rtol=1e-3, atol=1e-3)
    seen = torch.stack([found["perceptual"] for found in alone if "perceptual" in found])
    torch.testing.assert_close(together["perceptual"], seen.mean(), rtol=1e-3, atol=1e-4)


def test_the_judge_sees_vivid_answers_of_the_perceptual_branch_only(
    sample: MakeSample, frozen: Frozen, labs: dict[str, Tensor]
) -> None:
    samples = [
        sample(PERCEPTUAL, "chelsea", ("coffee",), is_vivid=False),
        sample(PERCEPTUAL, "coffee", ("chelsea",)),
        sample(CHROMINANCE, "astronaut", ("chelsea",)),
        sample(PERCEPTUAL, "motorcycle_left"),
    ]
    batch_losses(ColorizationNetwork(TINY).eval(), TINY, samples, frozen, LossOptions())
    assert isinstance(frozen.judge, Judge)
    truth, answer = frozen.judge.seen
    expected = torch.stack([labs[name] for name in ("coffee", "motorcycle_left")])
    torch.testing.assert_close(truth, lab_to_rgb_unclipped(expected).clamp(0, 1))
    assert answer.shape == truth.shape
    # the answer keeps the luminance of its own target
    gray = answer.new_tensor([0.2126, 0.7152, 0.0722]).view(3, 1, 1)
    correlations = [
        [
            float(torch.corrcoef(torch.stack(((a * gray).sum(0).flatten(), t[0].flatten())))[0, 1])
            for t in expected
        ]
        for a in answer
    ]
    assert correlations[0][0] > 0.9 > correlations[0][1]
    assert correlations[1][1] > 0.9 > correlations[1][0]


@pytest.mark.parametrize("num_bins", [NUM_BINS, 0])
def test_the_bins_learn_from_how_the_answer_looks_and_the_regression_where_there_are_none(
    sample: MakeSample, frozen: Frozen, num_bins: int
) -> None:
    config = replace(TINY, num_bins=num_bins)
    network, samples = (
        ColorizationNetwork(config).train(),
        [sample(PERCEPTUAL, "chelsea"), sample(PERCEPTUAL, "coffee", ("chelsea",))],
    )

    def gradient(perceptual: float) -> dict[str, Tensor]:
        network.zero_grad()
        batch_losses(network, config, samples, frozen, LossOptions(perceptual, 0.0))[
            "loss"
        ].backward()
        heads = {"ab": network.ab.weight.grad} | (
            {"bins": network.bins.weight.grad} if num_bins else {}
        )
        return {
            name: torch.zeros(1) if value is None else value.clone()
            for name, value in heads.items()
        }

    small, large = gradient(1.0), gradient(1000.0)
    change = {
        name: float((large[name] - small[name]).norm() / small[name].norm().clamp(min=1e-12))
        for name in small
    }
    assert change["ab"] < 1e-6 if num_bins else change["ab"] > 1.0
    assert num_bins == 0 or change["bins"] > 1.0


@pytest.mark.parametrize("case", ["no judge", "no weight"])
def test_without_a_judge_all_is_plain_regression(
    batch: list[Sample], frozen: Frozen, case: str
) -> None:
    unjudged = replace(frozen, judge=None) if case == "no judge" else frozen
    options = (
        LossOptions(classification=0.5)
        if case == "no judge"
        else LossOptions(classification=0.5, perceptual=0.0)
    )
    found = batch_losses(ColorizationNetwork(TINY).eval(), TINY, batch, unjudged, options)
    assert "perceptual" not in found
    torch.testing.assert_close(
        found["loss"].detach(), found["chrominance"] + 0.5 * found["classification"]
    )
    assert isinstance(frozen.judge, Judge) and not frozen.judge.seen


def test_without_the_head_of_bins(batch: list[Sample], frozen: Frozen) -> None:
    for config, options in (
        (replace(TINY, num_bins=0), LossOptions()),
        (TINY, LossOptions(classification=0.0)),
    ):
        found = batch_losses(ColorizationNetwork(config).eval(), config, batch, frozen, options)
        assert "classification" not in found
        assert bool(found["loss"].isfinite())


def test_networks_that_read_no_features_of_the_backbone(
    batch: list[Sample], frozen: Frozen
) -> None:
    config = replace(TINY, backbone_channels=(), global_size=0)
    found = batch_losses(ColorizationNetwork(config).eval(), config, batch, frozen, LossOptions())
    assert all(bool(value.isfinite()) for value in found.values())


def test_rare_colors_weigh_more(
    sample: MakeSample, frozen: Frozen, labs: dict[str, Tensor]
) -> None:
    made, network = (
        [sample(CHROMINANCE, painted(labs["chelsea"], 40.0, 20.0))],
        ColorizationNetwork(TINY).eval(),
    )
    once, thrice = (
        batch_losses(network, TINY, made, replace(frozen, bin_weights=w), LossOptions())
        for w in (EVEN, 3 * EVEN)
    )
    torch.testing.assert_close(thrice["classification"], 3 * once["classification"])
    torch.testing.assert_close(thrice["chrominance"], once["chrominance"])


def test_a_batch_without_references(sample: MakeSample, frozen: Frozen) -> None:
    samples = [sample(CHROMINANCE, "chelsea", is_vivid=False), sample(PERCEPTUAL, "coffee")]
    found = batch_losses(ColorizationNetwork(TINY).train(), TINY, samples, frozen, LossOptions())
    found["loss"].backward()
    assert all(bool(value.isfinite()) for value in found.values())


# What the network is given


def test_planes_of_references_belong_to_their_sample(
    sample: MakeSample, planes_of: Callable[[list[Sample]], Tensor], labs: dict[str, Tensor]
) -> None:
    red, green, blue = (
        painted(labs["coffee"], *ab) for ab in ((50.0, 30.0), (-40.0, 40.0), (10.0, -50.0))
    )
    planes = planes_of([
        sample(PERCEPTUAL, "chelsea", (red, red)),
        sample(PERCEPTUAL, "astronaut"),
        sample(PERCEPTUAL, "coffee", (green,)),
        sample(PERCEPTUAL, "chelsea", (blue, blue, blue)),
    ])  # fmt: skip
    assert planes.shape == (4, 16, 32, 32)
    for row, (a, b) in enumerate(((50.0, 30.0), (0.0, 0.0), (-40.0, 40.0), (10.0, -50.0))):
        torch.testing.assert_close(planes[row, 1] * 50, torch.full((32, 32), a), atol=1e-2, rtol=0)
        torch.testing.assert_close(planes[row, 2] * 50, torch.full((32, 32), b), atol=1e-2, rtol=0)
        assert bool(planes[row, 3:13].any()) == (row != 1)


def test_the_chrominance_branch_sees_its_own_colors_and_the_perceptual_those_of_the_reference(
    sample: MakeSample, planes_of: Callable[[list[Sample]], Tensor], labs: dict[str, Tensor]
) -> None:
    target, reference = (
        painted(labs["motorcycle_left"], 35.0, -25.0),
        painted(labs["motorcycle_right"], -20.0, 45.0),
    )
    planes = planes_of(
        [sample(branch, target, (reference,)) for branch in (CHROMINANCE, PERCEPTUAL)]
    )
    for row, (a, b) in enumerate(((35.0, -25.0), (-20.0, 45.0))):
        torch.testing.assert_close(planes[row, 1] * 50, torch.full((32, 32), a), atol=1e-2, rtol=0)
        torch.testing.assert_close(planes[row, 2] * 50, torch.full((32, 32), b), atol=1e-2, rtol=0)
    torch.testing.assert_close(planes[0, 3:], planes[1, 3:])  # the match itself is the same


def test_luminance_and_points_reach_the_network(
    sample: MakeSample, planes_of: Callable[[list[Sample]], Tensor], labs: dict[str, Tensor]
) -> None:
    points = torch.zeros(3, 32, 32)
    points[:, 5, 9] = torch.tensor([30.0, -20.0, 1.0])
    planes = planes_of([replace(sample(PERCEPTUAL, "chelsea"), points=points)])
    torch.testing.assert_close(planes[0, 0] * 50 + 50, F.avg_pool2d(labs["chelsea"][:1], 2)[0])
    assert planes[0, 13:, 5, 9].tolist() == pytest.approx([0.6, -0.4, 1.0])
    assert int((planes[0, 13:] != 0).sum()) == 3


def test_the_truth_is_not_among_the_inputs(
    sample: MakeSample, planes_of: Callable[[list[Sample]], Tensor], labs: dict[str, Tensor]
) -> None:
    """Where nothing tells the colors, the planes are the same whatever the colors are."""
    cases = [(PERCEPTUAL, ("coffee",)), (PERCEPTUAL, ()), (CHROMINANCE, ())]
    for branch, references in cases:
        own, other = (
            planes_of([sample(branch, lab, references)])
            for lab in (labs["chelsea"], painted(labs["chelsea"], 60.0, 60.0))
        )
        assert torch.equal(own, other)
