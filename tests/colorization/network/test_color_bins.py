import numpy as np
import pytest
import skimage.color
import torch
from torch import Tensor

from colorization.network.color_bins import (
    NEIGHBOURS,
    NUM_BINS,
    REACH,
    SIGMA,
    STEP,
    ab_bins,
    annealed_mean,
    histogram,
    nearest_bins,
    rebalancing_weights,
    soft_encode,
)


def number_of(a: float, b: float) -> int:
    """The number of the bin with this centre."""
    return int((ab_bins() == torch.tensor([a, b])).all(1).nonzero())


def colors(rng: np.random.Generator, count: int) -> np.ndarray:
    """Colors (count, 2) that screens can show, in ab."""
    return np.asarray(skimage.color.rgb2lab(rng.random((1, count, 3)))[0, :, 1:])


def as_planes(ab: np.ndarray) -> Tensor:
    """(count, 2) to a picture of one row."""
    return torch.from_numpy(ab.T[None, :, None]).float()


# The bins


def test_bins_are_313_cells_of_the_grid_in_order() -> None:
    bins = ab_bins()
    assert bins.shape == (NUM_BINS, 2) == (313, 2)
    assert torch.equal(bins % STEP, torch.zeros_like(bins))
    assert bins.tolist() == sorted(bins.tolist())
    assert len({tuple(center) for center in bins.tolist()}) == 313


def test_bins_are_the_cells_nearest_to_what_screens_show() -> None:
    axis = np.linspace(0, 1, 41)
    faces = [
        np.insert(np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2), channel, value, axis=1)
        for channel in range(3)
        for value in (0.0, 1.0)
    ]
    surface = skimage.color.rgb2lab(np.concatenate(faces)[None])[0, :, 1:]
    steps = np.arange(-REACH, REACH + 1) * STEP
    grid = np.stack(np.meshgrid(steps, steps, indexing="ij"), -1).reshape(-1, 2)
    distance = np.array([np.sqrt(((surface - cell) ** 2).sum(1)).min() for cell in grid])
    nearest = grid[np.sort(np.argsort(distance, kind="stable")[:NUM_BINS])]
    assert ab_bins().tolist() == nearest.tolist()


def test_bins_cover_every_color_of_a_screen(rng: np.random.Generator) -> None:
    corners = skimage.color.rgb2lab(
        np.stack(np.meshgrid([0.0, 1.0], [0.0, 1.0], [0.0, 1.0]), -1).reshape(1, 8, 3)
    )[0, :, 1:]
    ab = np.concatenate((colors(rng, 5000), corners))
    nearest = np.sqrt(((ab[:, None] - ab_bins().numpy()) ** 2).sum(2)).min(1)
    # half the diagonal of a cell: no color is outside the bins
    assert nearest.max() <= STEP / 2**0.5 + 0.01


def test_nearest_bins_are_the_nearest(rng: np.random.Generator) -> None:
    ab = torch.from_numpy(colors(rng, 2000).T).float()
    off_centre = (ab / STEP - (ab / STEP).round()).abs().amax(0)
    ab = ab[:, off_centre < 0.49]  # halfway between two cells either will do
    found, wanted = nearest_bins(ab), torch.cdist(ab.T, ab_bins())
    inside = wanted.amin(1) < STEP / 2
    assert float(inside.float().mean()) > 0.5
    assert torch.equal(found[inside], wanted.argmin(1)[inside])


def test_colors_beyond_the_gamut_have_a_bin_too() -> None:
    far = torch.tensor([[-128.0, 127.0, 300.0], [127.0, -128.0, 300.0]])
    found = ab_bins()[nearest_bins(far)]
    assert found.shape == (3, 2)
    assert torch.equal(found.sign(), far.T.sign())


# Soft encoding


def test_soft_encoding_equals_numpy(rng: np.random.Generator) -> None:
    ab = rng.uniform(-70, 70, (2, 2, 5, 7))
    number, weight = soft_encode(torch.from_numpy(ab).float())
    assert number.shape == weight.shape == (2, NEIGHBOURS, 5, 7)
    centers = ab_bins().numpy().astype(np.float64)
    for i, y, x in np.ndindex(2, 5, 7):
        squared = ((ab[i, :, y, x] - centers) ** 2).sum(1)
        nearest = np.argsort(squared)[:NEIGHBOURS]
        expected = np.exp(-squared[nearest] / (2 * SIGMA**2))
        assert number[i, :, y, x].tolist() == nearest.tolist()
        np.testing.assert_allclose(weight[i, :, y, x], expected / expected.sum(), atol=1e-3)


def test_soft_encoding_of_a_center_by_hand() -> None:
    # itself at distance 0, four neighbours at 10: exp(-100 / 50) = e^-2 each
    number, weight = soft_encode(torch.tensor([20.0, -10.0]).view(1, 2, 1, 1))
    assert int(number[0, 0]) == number_of(20, -10)
    assert set(number[0, 1:].flatten().tolist()) == {
        number_of(*c) for c in ((10, -10), (30, -10), (20, -20), (20, 0))
    }
    total = 1 + 4 * np.exp(-2)
    np.testing.assert_allclose(
        weight[0].flatten(), [1 / total, *[np.exp(-2) / total] * 4], rtol=1e-5
    )


def test_colors_beyond_all_bins_still_get_weights_that_sum_to_one() -> None:
    _, weight = soft_encode(torch.tensor([[128.0, -128.0], [128.0, 128.0]])[None, :, :, None])
    torch.testing.assert_close(weight.sum(1), torch.ones(1, 2, 1))


# Histogram


def test_histogram_of_two_colors_by_hand() -> None:
    ab = torch.zeros(2, 2, 4, 4)
    ab[0, 0, :3] = 40.0  # three quarters of the first picture; the second is gray
    found = histogram(ab)
    own, next_ = 1 / (1 + 4 * np.exp(-2)), np.exp(-2) / (1 + 4 * np.exp(-2))
    assert found.shape == (2, NUM_BINS)
    assert float(found[0, number_of(40, 0)]) == pytest.approx(0.75 * own, rel=1e-4)
    assert float(found[0, number_of(40, 10)]) == pytest.approx(0.75 * next_, rel=1e-4)
    assert float(found[0, number_of(0, 0)]) == pytest.approx(0.25 * own, rel=1e-4)
    assert float(found[1, number_of(0, 0)]) == pytest.approx(own, rel=1e-4)
    assert float(found[1, number_of(40, 0)]) == 0
    torch.testing.assert_close(found.sum(1), torch.ones(2))


def test_histogram_does_not_depend_on_the_size(rng: np.random.Generator) -> None:
    ab = as_planes(colors(rng, 50))
    torch.testing.assert_close(
        histogram(ab.repeat(1, 1, 3, 2)), histogram(ab), atol=1e-5, rtol=1e-3
    )


# Rebalancing


def smoothed(prior: np.ndarray) -> np.ndarray:
    """Every bin's share spread over all bins with a Gaussian of deviation 5."""
    centers, out = ab_bins().numpy().astype(np.float64), np.zeros(NUM_BINS)
    for share, center in zip(prior, centers, strict=True):
        kernel = np.exp(-((centers - center) ** 2).sum(1) / 50)
        out += share * kernel / kernel.sum()
    return out


@pytest.mark.parametrize("mixing", [0.0, 0.5, 1.0])
def test_weights_equal_numpy_and_have_mean_1_under_the_smoothed_prior(
    rng: np.random.Generator, mixing: float
) -> None:
    prior = rng.random(NUM_BINS) ** 4 + 0.01
    prior /= prior.sum()
    smooth = smoothed(prior)
    raw = 1 / ((1 - mixing) * smooth + mixing / NUM_BINS)
    found = rebalancing_weights(torch.from_numpy(prior).float(), mixing).numpy()
    np.testing.assert_allclose(found, raw / (smooth * raw).sum(), rtol=1e-3)
    assert float((smooth * found).sum()) == pytest.approx(1, rel=1e-4)


def test_weights_of_a_gray_corpus_by_hand() -> None:
    """All mass in the bin (0, 0), whose surroundings are complete.

    The kernel is e^-2(i^2 + j^2) at i, j cells away, so its sum is (1 + 2 e^-2 + 2 e^-8 + ..)^2 =
    1.616309: the bin itself keeps 0.618694 and each of its four neighbours gets e^-2 times that,
    0.083731.
    """
    prior = torch.zeros(NUM_BINS)
    prior[number_of(0, 0)] = 7.0  # not yet a share
    found = rebalancing_weights(prior)
    own, beside = 0.5 * 0.618694 + 0.5 / 313, 0.5 * 0.083731 + 0.5 / 313
    assert float(found[number_of(10, 0)] / found[number_of(0, 0)]) == pytest.approx(
        own / beside, rel=1e-4
    )
    assert float(found[number_of(90, 70 - 10)] / found[number_of(0, 0)]) == pytest.approx(
        own / (0.5 / 313), rel=1e-4
    )


def test_rare_colors_weigh_more_and_mixing_1_weighs_all_alike() -> None:
    prior = torch.full((NUM_BINS,), 1.0)
    prior[number_of(0, 0)] = 1000.0
    for mixing, share in ((0.0, 20), (0.5, 2)):
        weights = rebalancing_weights(prior, mixing)
        assert float(weights[number_of(60, 60)] / weights[number_of(0, 0)]) > share
    torch.testing.assert_close(rebalancing_weights(prior, 1.0), torch.ones(NUM_BINS))


# Annealed mean


def logits_of(shares: dict[int, float]) -> Tensor:
    """Log probabilities (1, bins, 1, 1); bins that are not named have none."""
    logits = torch.full((1, NUM_BINS, 1, 1), -1e4)
    for bin_, share in shares.items():
        logits[0, bin_] = float(np.log(share))
    return logits


def test_annealed_mean_by_hand() -> None:
    logits = logits_of({number_of(40, 0): 0.75, number_of(0, 80): 0.25})
    mean = annealed_mean(logits, 1.0)
    np.testing.assert_allclose(mean.flatten(), [30, 20], rtol=1e-5)  # 3/4 (40, 0) + 1/4 (0, 80)
    half = annealed_mean(logits, 0.5)  # shares squared: 9 to 1
    np.testing.assert_allclose(half.flatten(), [36, 8], rtol=1e-5)
    odds = 3 ** (1 / 0.38)
    np.testing.assert_allclose(
        annealed_mean(logits, 0.38).flatten(), [40 * odds / (odds + 1), 80 / (odds + 1)], rtol=1e-4
    )


def test_towards_0_the_mode_and_towards_infinity_the_middle_of_all_bins() -> None:
    logits = torch.randn(2, NUM_BINS, 3, 4)
    mode = ab_bins()[logits.argmax(1)].movedim(-1, 1)
    torch.testing.assert_close(annealed_mean(logits, 1e-5), mode)
    middle = ab_bins().mean(0).view(1, 2, 1, 1).expand(2, 2, 3, 4)
    torch.testing.assert_close(annealed_mean(logits, 1e6), middle, atol=1e-3, rtol=0)


def test_adding_a_number_to_all_logits_changes_nothing() -> None:
    logits = torch.randn(1, NUM_BINS, 2, 2)
    torch.testing.assert_close(
        annealed_mean(logits + 50, 0.38), annealed_mean(logits, 0.38), atol=1e-2, rtol=1e-3
    )


def test_encoding_and_decoding_keeps_colors(rng: np.random.Generator) -> None:
    ab = as_planes(colors(rng, 200))
    number, weight = soft_encode(ab)
    share = torch.zeros(1, NUM_BINS, 1, 200).scatter_(1, number, weight)
    found = annealed_mean(share.clamp(min=1e-30).log(), 1.0)
    # the centre of five bins is at most this far from the color
    assert float((found - ab).norm(dim=1).max()) < STEP / 2


def test_gradients_are_finite() -> None:
    logits = (torch.randn(1, NUM_BINS, 2, 2) * 100).requires_grad_()
    annealed_mean(logits, 0.1).sum().backward()
    assert logits.grad is not None and bool(logits.grad.isfinite().all())


@pytest.mark.parametrize("temperature", [0.0, -0.38, float("nan")])
def test_temperature_must_be_positive(temperature: float) -> None:
    with pytest.raises(ValueError, match=f"temperature must be positive, not {temperature}"):
        annealed_mean(torch.zeros(1, NUM_BINS, 1, 1), temperature)


def test_a_network_can_be_trained_after_one_has_colored() -> None:
    """The bins are made once, perhaps where nothing is to be learned."""
    ab_bins.cache_clear()
    with torch.inference_mode():
        annealed_mean(torch.zeros(1, NUM_BINS, 2, 2), 0.38)
    logits = torch.zeros(1, NUM_BINS, 2, 2, requires_grad=True)
    annealed_mean(logits, 0.38).square().sum().backward()
    assert logits.grad is not None and bool(logits.grad.isfinite().all())
