"""The chrominance loss: quadratic below 2 Lab units, linear above, in units of 20."""

import pytest
import torch

from colorization.training.losses.chrominance import chrominance_loss


def test_one_pixel_by_hand() -> None:
    # in units of 20, bent at 0.1: a is off by 0.05, 0.05^2 / 0.2 = 0.0125; b by 0.5, 0.5 - 0.05
    found = chrominance_loss(
        torch.tensor([11.0, -10.0]).view(1, 2, 1, 1), torch.tensor([10.0, 0.0]).view(1, 2, 1, 1)
    )
    torch.testing.assert_close(found, torch.tensor([0.4625]))


def test_pictures_are_judged_one_by_one_whatever_their_size() -> None:
    predicted = torch.zeros(3, 2, 4, 6)
    predicted[1] = 4.0  # each of a and b costs 0.2 - 0.05
    predicted[2, 0, :2] = -21.0  # half the pixels cost 1.05 - 0.05
    target = torch.zeros(3, 2, 4, 6)
    expected = torch.tensor([0.0, 0.3, 0.5])
    torch.testing.assert_close(chrominance_loss(predicted, target), expected)
    torch.testing.assert_close(
        chrominance_loss(predicted.repeat(1, 1, 2, 3), target.repeat(1, 1, 2, 3)), expected
    )


def test_it_is_the_same_both_ways() -> None:
    predicted, target = torch.randn(2, 2, 3, 5) * 20, torch.randn(2, 2, 3, 5) * 20
    torch.testing.assert_close(
        chrominance_loss(predicted, target), chrominance_loss(target, predicted)
    )


def test_gradient_by_hand() -> None:
    predicted = torch.tensor([[1.0, -40.0], [0.0, 0.0]]).view(1, 2, 1, 2).requires_grad_()
    chrominance_loss(predicted, torch.zeros(1, 2, 1, 2)).sum().backward()
    # 1/20 times the error over 2 below 2, the sign above, shared by two pixels: no error, however
    # large, pulls harder than 1/40
    torch.testing.assert_close(
        predicted.grad, torch.tensor([[0.0125, -0.025], [0.0, 0.0]]).view(1, 2, 1, 2)
    )


def test_it_decreases_when_it_is_followed() -> None:
    target = torch.randn(2, 2, 4, 4) * 30
    ab = torch.zeros(2, 2, 4, 4, requires_grad=True)
    optimizer = torch.optim.Adam([ab], lr=2.0)
    for _ in range(60):
        loss = chrominance_loss(ab, target).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) == pytest.approx(0, abs=0.3)
    assert float(loss.detach()) < float(chrominance_loss(torch.zeros_like(ab), target).sum()) / 10
