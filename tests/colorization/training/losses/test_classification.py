import math

import numpy as np
import pytest
import torch
from torch import Tensor

from colorization.network.color_bins import NUM_BINS, ab_bins, soft_encode
from colorization.training.losses.classification import (
    GRAY_CHROMA,
    classification_loss,
    encoded,
)

EVEN = torch.ones(NUM_BINS)


def picture(a: float, b: float) -> Tensor:
    """A picture (1, 2, 2, 3) of one color."""
    return torch.tensor([float(a), float(b)]).view(1, 2, 1, 1).repeat(1, 1, 2, 3)


def test_even_logits_cost_the_logarithm_of_the_number_of_bins() -> None:
    for level in (0.0, 3.0):
        found = classification_loss(torch.full((1, NUM_BINS, 2, 3), level), picture(33, -21), EVEN)
        assert float(found) == pytest.approx(math.log(313), rel=1e-5)


def test_it_equals_numpy(rng: np.random.Generator) -> None:
    logits, ab, weights = (
        rng.normal(0, 3, (2, NUM_BINS, 3, 4)),
        # colors are rounded to whole units; of these, no two bins are equally near
        rng.integers(-4, 4, (2, 2, 3, 4)) * 10 + np.float64([1.25, 2.75]).reshape(2, 1, 1),
        rng.uniform(0.1, 5, NUM_BINS),
    )
    centers, expected = ab_bins().numpy().astype(np.float64), np.zeros(2)
    for i, y, x in np.ndindex(2, 3, 4):
        squared = ((np.rint(ab[i, :, y, x]) - centers) ** 2).sum(1)
        nearest = np.argsort(squared)[:5]
        share = np.exp(-squared[nearest] / 50)
        share /= share.sum()
        log_p = logits[i, :, y, x] - np.log(np.exp(logits[i, :, y, x]).sum())
        expected[i] += -weights[nearest[0]] * (share * log_p[nearest]).sum() / 12
    found = classification_loss(*(torch.from_numpy(x).float() for x in (logits, ab, weights)))
    np.testing.assert_allclose(found, expected, rtol=1e-3)


def test_nothing_is_better_than_the_soft_encoding_itself() -> None:
    target = picture(20, 20)  # a center: shares 1 and four times e^-2, over 1 + 4 e^-2
    number, share = soft_encode(target)
    best = torch.full((1, NUM_BINS, 2, 3), -30.0).scatter_(1, number, share.log())
    total = 1 + 4 * math.exp(-2)
    entropy = math.log(total) + 4 * math.exp(-2) / total * 2  # -sum q ln q
    assert float(classification_loss(best, target, EVEN)) == pytest.approx(entropy, rel=1e-3)
    for _ in range(5):
        assert float(classification_loss(best + torch.randn_like(best), target, EVEN)) > entropy


def test_a_pixel_has_the_weight_of_its_nearest_bin() -> None:
    nearest = int((ab_bins() == torch.tensor([30.0, -20.0])).all(1).nonzero())
    weights = EVEN.clone()
    weights[nearest] = 7.0
    target = torch.cat((picture(32, -18), picture(-40, 30)))
    found = classification_loss(torch.zeros(2, NUM_BINS, 2, 3), target, weights)
    torch.testing.assert_close(found, math.log(313) * torch.tensor([7.0, 1.0]), rtol=1e-5, atol=0)


@pytest.mark.parametrize(
    ("a", "b", "teaches"),
    [
        (0, 0, False),
        (4.9, -4.9, False),
        (GRAY_CHROMA, 0, True),
        (0, -GRAY_CHROMA, True),
        (4.9, 30, True),
    ],
)
def test_gray_pictures_teach_nothing(a: float, b: float, teaches: bool) -> None:
    logits = torch.randn(2, NUM_BINS, 2, 3).requires_grad_()
    target = torch.cat((picture(0, 0), picture(0, 0)))
    target[1, :, 1, 2] = torch.tensor([a, b])  # one pixel decides
    found = classification_loss(logits, target, EVEN)
    assert found[0] == 0
    assert bool(found[1] > 0) == teaches
    found.sum().backward()
    assert logits.grad is not None and not logits.grad[0].any()
    assert bool(logits.grad[1].any()) == teaches


def test_gradients_are_finite_and_point_to_the_right_bins() -> None:
    logits = (torch.randn(1, NUM_BINS, 2, 3) * 200).requires_grad_()  # very sure of itself
    classification_loss(logits, picture(50, 50), EVEN).sum().backward()
    assert logits.grad is not None and bool(logits.grad.isfinite().all())
    even = torch.zeros(1, NUM_BINS, 2, 3, requires_grad=True)
    classification_loss(even, picture(50, 50), EVEN).sum().backward()
    assert even.grad is not None
    raised = (even.grad[0, :, 0, 0] < 0).nonzero().flatten().tolist()
    assert sorted(raised) == sorted(soft_encode(picture(50, 50))[0][0, :, 0, 0].tolist())


def test_half_precision_logits_are_judged_in_full() -> None:
    logits = torch.randn(1, NUM_BINS, 2, 3).bfloat16()
    found = classification_loss(logits, picture(50, 50), EVEN)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, classification_loss(logits.float(), picture(50, 50), EVEN))


def test_the_table_equals_the_encoding() -> None:
    ab = torch.randint(-127, 127, (2, 2, 5, 6)).float()
    (number, share), (found, shares) = soft_encode(ab), encoded(ab)
    dense = torch.zeros(2, NUM_BINS, 5, 6)
    torch.testing.assert_close(
        dense.scatter(1, found, shares), dense.scatter(1, number, share), atol=1e-5, rtol=0
    )


def test_the_gradient_is_that_of_the_plain_formula() -> None:
    """It has its own backward pass."""
    target, weights = torch.randint(-60, 60, (2, 2, 3, 4)).float(), torch.rand(NUM_BINS) + 0.5
    logits = torch.randn(2, NUM_BINS, 3, 4).requires_grad_()
    classification_loss(logits, target, weights).sum().backward()
    plain = logits.detach().clone().requires_grad_()
    number, share = encoded(target)
    entropy = -(share * plain.log_softmax(1).gather(1, number)).sum(1)
    (entropy * weights[number[:, 0]]).mean((1, 2)).sum().backward()
    torch.testing.assert_close(logits.grad, plain.grad)
