import torch

from colorization.training.losses.chrominance import chrominance_loss


def test_one_pixel_by_hand() -> None:
    # a is off by 1/2: (1/2)^2 / 2 = 0.125; b is off by 3: 3 - 1/2 = 2.5
    found = chrominance_loss(
        torch.tensor([10.5, -3.0]).view(1, 2, 1, 1), torch.tensor([10.0, 0.0]).view(1, 2, 1, 1)
    )
    torch.testing.assert_close(found, torch.tensor([2.625]))


def test_pictures_are_judged_one_by_one_whatever_their_size() -> None:
    predicted = torch.zeros(3, 2, 4, 6)
    predicted[1] = 2.0  # each of a and b costs 3/2
    predicted[2, 0, :2] = -11.0  # half the pixels cost 10.5
    target = torch.zeros(3, 2, 4, 6)
    expected = torch.tensor([0.0, 3.0, 5.25])
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
    predicted = torch.tensor([[0.5, -40.0], [0.0, 0.0]]).view(1, 2, 1, 2).requires_grad_()
    chrominance_loss(predicted, torch.zeros(1, 2, 1, 2)).sum().backward()
    # x below 1, the sign of x above, shared by two pixels: no error, however large, pulls harder
    # than 1/2
    torch.testing.assert_close(
        predicted.grad, torch.tensor([[0.25, -0.5], [0.0, 0.0]]).view(1, 2, 1, 2)
    )
