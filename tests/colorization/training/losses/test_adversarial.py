"""The adversarial loss: a hinge for the discriminator, its score for the network."""

import torch
from torch import Tensor

from colorization.training.losses.adversarial import Discriminator, adversarial_losses


def maps(seed: int, count: int = 3) -> list[Tensor]:
    """Maps of some pictures at two scales."""
    generator = torch.Generator().manual_seed(seed)
    return [
        torch.randn(count, 4, 8, 8, generator=generator) + seed,
        torch.randn(count, 6, 4, 4, generator=generator) - seed,
    ]


def test_every_place_is_scored_at_every_scale() -> None:
    scores = Discriminator([4, 6])(maps(0))
    assert [score.shape for score in scores] == [(3, 1, 8, 8), (3, 1, 4, 4)]


def test_it_equals_the_hinge_by_hand() -> None:
    discriminator = Discriminator([4, 6])
    found, wanted = maps(0), maps(1)
    fooled, hinge = adversarial_losses(discriminator, found, wanted)
    both = [torch.cat(pair) for pair in zip(found, wanted, strict=True)]
    scores = discriminator(both)
    torch.testing.assert_close(fooled, -sum(s[:3].mean() for s in scores) / 2)
    parts = [(1 + s[:3]).clamp(min=0).mean() + (1 - s[3:]).clamp(min=0).mean() for s in scores]
    torch.testing.assert_close(hinge, sum(parts) / 2)


def test_each_gradient_reaches_its_own_side_only() -> None:
    discriminator = Discriminator([4, 6])
    found = [values.requires_grad_() for values in maps(0)]
    fooled, hinge = adversarial_losses(discriminator, found, maps(1))
    fooled.backward(retain_graph=True)
    assert all(p.grad is None for p in discriminator.parameters())
    assert all(values.grad is not None and bool(values.grad.any()) for values in found)
    for values in found:
        values.grad = None
    hinge.backward()
    assert all(values.grad is None for values in found)
    assert all(
        p.grad is not None and bool(p.grad.isfinite().all()) for p in discriminator.parameters()
    )


def test_the_discriminator_learns_to_tell_them_apart() -> None:
    discriminator, found, wanted = Discriminator([4, 6]), maps(0), maps(1)
    optimizer = torch.optim.Adam(discriminator.parameters(), lr=0.01)
    hinges = []
    for _ in range(30):
        _, hinge = adversarial_losses(discriminator, found, wanted)
        optimizer.zero_grad()
        hinge.backward()
        optimizer.step()
        hinges.append(float(hinge.detach()))
    assert hinges[-1] < hinges[0] / 4


def test_the_network_learns_to_fool_it() -> None:
    discriminator, wanted = Discriminator([4, 6]), maps(1)
    found = [values.requires_grad_() for values in maps(0)]
    optimizer = torch.optim.Adam(found, lr=0.05)
    seen = []
    for _ in range(30):
        fooled, _ = adversarial_losses(discriminator, found, wanted)
        optimizer.zero_grad()
        fooled.backward()
        optimizer.step()
        seen.append(float(fooled.detach()))
    assert seen[-1] < seen[0]
