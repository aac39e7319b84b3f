import numpy as np
import pytest
import skimage.color
import torch
from torch import Tensor, nn

from colorization.training.losses.perceptual import FeatureNetwork, maps_of, perceptual_loss
from similarity.color.lab import rgb_to_lab


def seen_loss(network: FeatureNetwork, predicted: Tensor, target: Tensor) -> Tensor:
    """The loss as a network sees both pictures."""
    return perceptual_loss(maps_of(network, predicted), maps_of(network, target))


def identity(rgb: Tensor) -> dict[str, Tensor]:
    return {"picture": rgb}


@pytest.fixture
def labs() -> tuple[Tensor, Tensor]:
    """Two predictions and two truths that screens can show."""
    rgb = 0.2 + 0.6 * torch.rand(4, 3, 8, 12)
    return rgb_to_lab(rgb[:2]), rgb_to_lab(rgb[2:])


def as_rgb(lab: Tensor) -> np.ndarray:
    return np.asarray(skimage.color.lab2rgb(lab.movedim(1, -1).double().numpy()))


def test_seeing_the_picture_itself_equals_numpy(labs: tuple[Tensor, Tensor]) -> None:
    predicted, target = (as_rgb(lab) for lab in labs)
    expected = ((predicted - target) ** 2).sum((1, 2, 3)) / (target**2).sum((1, 2, 3))
    np.testing.assert_allclose(seen_loss(identity, *labs), expected, rtol=2e-3)


def test_maps_weigh_alike_whatever_their_scale(labs: tuple[Tensor, Tensor]) -> None:
    def red_and_blue(rgb: Tensor) -> dict[str, Tensor]:
        return {
            "coarse": rgb[:, :1] * 1000,
            "fine": rgb[:, 2:] / 50,
            "embedding": rgb.mean((2, 3)) * 1e6,
            "logits": rgb[:, 0, 0, 0],
        }

    predicted, target = (as_rgb(lab) for lab in labs)
    parts = [
        ((predicted - target)[..., i] ** 2).sum((1, 2)) / (target[..., i] ** 2).sum((1, 2))
        for i in (0, 2)
    ]  # what is no map does not count
    np.testing.assert_allclose(seen_loss(red_and_blue, *labs), (parts[0] + parts[1]) / 2, rtol=2e-3)


def test_the_truth_costs_nothing(labs: tuple[Tensor, Tensor]) -> None:
    assert seen_loss(identity, labs[0], labs[0]).tolist() == [0.0, 0.0]


def test_a_gray_result_is_worse_the_more_color_is_missing() -> None:
    target = torch.tensor([60.0, 40.0, -20.0]).view(1, 3, 1, 1).repeat(1, 1, 4, 4)
    found = []
    for share in (1.0, 0.7, 0.3, 0.0):
        predicted = target.clone()
        predicted[:, 1:] *= share
        found.append(float(seen_loss(identity, predicted, target)))
    assert found == sorted(found)
    assert found[0] == 0 < found[1]


def test_a_black_truth_is_no_division_by_zero() -> None:
    black = torch.zeros(1, 3, 4, 4)
    found = seen_loss(identity, black + torch.tensor([50.0, 0.0, 0.0]).view(1, 3, 1, 1), black)
    assert bool(found.isfinite().all())
    assert float(seen_loss(identity, black, black)) == 0


@pytest.mark.parametrize("level", [0.0, 50.0, 100.0])
def test_gradients_are_finite_from_black_to_white_and_beyond_the_gamut(level: float) -> None:
    network = nn.Conv2d(3, 4, 3).requires_grad_(False)
    # a gray picture and an impossible one
    ab = torch.randn(2, 2, 6, 6) * torch.tensor([0.0, 90.0]).view(2, 1, 1, 1)
    predicted = torch.cat((torch.full((2, 1, 6, 6), level), ab), 1).requires_grad_()
    seen_loss(
        lambda rgb: {"map": network(rgb)}, predicted, rgb_to_lab(torch.rand(2, 3, 6, 6))
    ).sum().backward()
    assert predicted.grad is not None and bool(predicted.grad.isfinite().all())
    # color is learned at every pixel of a gray result
    assert level != 50.0 or bool(predicted.grad[0, 1:].all())


def test_the_result_is_differentiated_and_the_network_sees_the_gamut(
    labs: tuple[Tensor, Tensor],
) -> None:
    seen = []

    def network(rgb: Tensor) -> dict[str, Tensor]:
        seen.append(rgb)
        return {"picture": rgb}

    predicted = labs[0].clone().requires_grad_()
    beyond = predicted * torch.tensor([1.0, 9.0, 9.0]).view(3, 1, 1)
    seen_loss(network, beyond, labs[1]).sum().backward()
    assert predicted.grad is not None
    assert all(float(rgb.detach().min()) >= 0 and float(rgb.detach().max()) <= 1 for rgb in seen)
