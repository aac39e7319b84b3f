"""One step: what is judged by which loss, and whom its gradient reaches."""

from collections.abc import Callable, Mapping

import pytest
import torch
import torch.nn.functional as F
from tiny_network import TINY
from torch import Tensor, nn

from colorization.network.color_bins import NUM_BINS
from colorization.network.colorization_network import (
    ColorizationNetwork,
    NetworkInputs,
    Prediction,
)
from colorization.training.losses.adversarial import Discriminator
from colorization.training.losses.chrominance import chrominance_loss
from colorization.training.losses.classification import classification_loss
from colorization.training.sample_plans import SamplingOptions
from colorization.training.samples import Batch
from colorization.training.store.stored_maps import MapStore
from colorization.training.two_branch_step import LossOptions, TrainingJudges, batch_losses

EVEN = torch.ones(NUM_BINS)
Draw = Callable[..., Batch]
Only = Callable[..., SamplingOptions]


class Eye(nn.Module):
    """Sees a picture in two ways that are not learned, and remembers what it was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Conv2d(3, 8, 5, stride=2).requires_grad_(False)
        self.seen: list[Tensor] = []

    def forward(self, rgb: Tensor) -> Mapping[str, Tensor]:
        self.seen.append(rgb.detach().clone())
        return {"fine": torch.tanh(self.look(rgb)), "coarse": F.avg_pool2d(rgb, 8)}


@pytest.fixture
def eye() -> Eye:
    return Eye()


@pytest.fixture
def judges(eye: Eye) -> TrainingJudges:
    return TrainingJudges(eye, Discriminator([8, 3]))


@pytest.fixture
def mixed(draw: Draw, store: MapStore) -> Batch:
    """Six samples of several kinds, some of which ask for vivid colors."""
    batch: Batch = draw(store, SamplingOptions(vivid=0.7), seed=3)
    assert 0 < int(batch.is_vivid.sum()) < 6
    return batch


def answering(ab: Tensor, logits: Tensor) -> Callable[[NetworkInputs], Prediction]:
    """A network that always gives one answer."""
    return lambda inputs: Prediction(ab, logits)


def test_the_loss_is_made_of_its_parts(mixed: Batch) -> None:
    ab, logits = torch.randn(6, 2, 16, 16) * 20, torch.randn(6, NUM_BINS, 8, 8)
    options = LossOptions(classification=0.3, vivid_chrominance=0.25)
    found = batch_losses(answering(ab, logits), mixed, EVEN, None, options)
    wrong = chrominance_loss(ab, mixed.ab)
    weights = torch.tensor([0.25 if vivid else 1.0 for vivid in mixed.is_vivid])
    entropy = classification_loss(logits, F.avg_pool2d(mixed.ab, 2), EVEN).mean()
    torch.testing.assert_close(found["loss"], (weights * wrong).mean() + 0.3 * entropy)
    torch.testing.assert_close(found["chrominance"], wrong[~mixed.is_vivid].mean())
    torch.testing.assert_close(found["classification"], entropy)


def test_the_truth_costs_nothing_but_the_bins(mixed: Batch, judges: TrainingJudges) -> None:
    logits = torch.zeros(6, NUM_BINS, 8, 8)
    found = batch_losses(answering(mixed.ab, logits), mixed, EVEN, judges)
    assert float(found["chrominance"]) == 0
    assert float(found["perceptual"]) == 0


def test_only_vivid_answers_are_judged(
    draw: Draw, only: Only, store: MapStore, mixed: Batch, eye: Eye, judges: TrainingJudges
) -> None:
    network = ColorizationNetwork(TINY)
    found = batch_losses(network, mixed, EVEN, judges)
    assert {"perceptual", "discriminator"} <= found.keys()
    count = int(mixed.is_vivid.sum())
    assert [len(rgb) for rgb in eye.seen] == [count, count]  # the truth, then the answers
    assert all(float(rgb.min()) >= 0 and float(rgb.max()) <= 1 for rgb in eye.seen)
    assert all(rgb.shape[2:] == (128, 128) for rgb in eye.seen)
    eye.seen.clear()
    careful = batch_losses(network, draw(store, only("none")), EVEN, judges)
    assert careful.keys() == {"loss", "chrominance", "classification"}
    assert eye.seen == []


def test_without_judges_nothing_is_judged(mixed: Batch) -> None:
    found = batch_losses(ColorizationNetwork(TINY), mixed, EVEN)
    assert found.keys() == {"loss", "chrominance", "classification"}


def test_gradients_are_finite_and_reach_all_that_is_trained(
    mixed: Batch, judges: TrainingJudges
) -> None:
    network = ColorizationNetwork(TINY)
    batch_losses(network, mixed, EVEN, judges)["loss"].backward()
    for module in (network, judges.discriminator):
        for name, parameter in module.named_parameters():
            assert parameter.grad is not None, name
            assert bool(parameter.grad.isfinite().all()), name
    assert isinstance(judges.network, Eye)
    assert all(parameter.grad is None for parameter in judges.network.parameters())


def test_the_discriminators_own_loss_does_not_reach_the_network(
    mixed: Batch, judges: TrainingJudges
) -> None:
    silent = LossOptions(0.0, 0.0, 0.0, 0.0)
    careful = mixed.ab.clone()
    careful[mixed.is_vivid] += 5
    ab = careful.requires_grad_()
    logits = torch.zeros(6, NUM_BINS, 8, 8)
    batch_losses(answering(ab, logits), mixed, EVEN, judges, silent)["loss"].backward()
    assert ab.grad is not None and not ab.grad[mixed.is_vivid].any()
    assert any(bool(p.grad.any()) for p in judges.discriminator.parameters() if p.grad is not None)


@pytest.mark.parametrize("judged", [False, True])
def test_every_loss_decreases_on_a_fixed_batch(
    mixed: Batch, judges: TrainingJudges, judged: bool
) -> None:
    torch.manual_seed(1)
    network = ColorizationNetwork(TINY)
    optimizer = torch.optim.AdamW(
        [*network.parameters(), *judges.discriminator.parameters()], lr=5e-3
    )
    seen = []
    options = LossOptions(seen_side=64)
    for _ in range(50):
        losses = batch_losses(network, mixed, EVEN, judges if judged else None, options)
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()
        seen.append({name: float(value.detach()) for name, value in losses.items()})
    # the discriminator's game gets harder with better colors
    for name in seen[0].keys() - {"discriminator"}:
        first, last = (sum(one[name] for one in part) / 5 for part in (seen[:5], seen[-5:]))
        assert last < first, name
    assert seen[-1]["classification"] < 0.9 * seen[0]["classification"]


def test_the_same_batch_gives_the_same_loss(mixed: Batch, judges: TrainingJudges) -> None:
    network = ColorizationNetwork(TINY).eval()
    one, other = (batch_losses(network, mixed, EVEN, judges)["loss"] for _ in range(2))
    torch.testing.assert_close(one, other)


def test_rare_colors_weigh_more(draw: Draw, only: Only, store: MapStore) -> None:
    batch = draw(store, only("none"))
    logits = torch.zeros(6, NUM_BINS, 8, 8)
    plain = batch_losses(answering(batch.ab, logits), batch, EVEN)["classification"]
    twice = batch_losses(answering(batch.ab, logits), batch, 2 * EVEN)["classification"]
    torch.testing.assert_close(twice, 2 * plain)
