import numpy as np
import pytest
import torch
from skimage.color import rgb2lab

from colorization.evaluation.measures.auc import (
    RAREST,
    auc,
    bin_weights,
    pixel_weights,
    rebalanced_auc,
)
from colorization.network.color_bins import NUM_BINS, ab_bins, histogram


def plain(ab: tuple[float, float], height: int = 2, width: int = 3) -> np.ndarray:
    return np.full((height, width, 2), ab, np.float64)


def bin_of(ab: tuple[float, float]) -> int:
    (number,) = torch.nonzero((ab_bins() == torch.tensor(ab)).all(1)).flatten().tolist()
    return int(number)


def test_auc_of_a_constant_distance() -> None:
    """(30, 40) from (0, 0) is at distance 50: within tau from 50 on, 100 of 150."""
    assert auc(plain((0, 0)), plain((30, 40))) == pytest.approx(100 / 150)
    assert auc(plain((30, 40)), plain((30, 40))) == 1.0


def test_beyond_the_sweep_nothing_is_right() -> None:
    """(-100, 0) and (60, 0) lie 160 apart, above 150."""
    assert auc(plain((-100, 0)), plain((60, 0))) == 0.0


def test_auc_against_the_sweep(pictures: dict[str, np.ndarray]) -> None:
    """The curve at thresholds 0, 0.5, ... 150, integrated by the trapezoid rule."""
    truth = rgb2lab(pictures["chelsea"])[..., 1:]
    result = rgb2lab(pictures["coffee"][: truth.shape[0], : truth.shape[1]])[..., 1:]
    truth = truth[: result.shape[0], : result.shape[1]]
    distance = np.sqrt(((truth - result) ** 2).sum(-1))
    taus = np.arange(0, 150.25, 0.5)
    curve = [(distance <= tau).mean() for tau in taus]
    assert auc(truth, result) == pytest.approx(np.trapezoid(curve, taus) / 150, abs=0.25 / 150)


def test_rare_colors_weigh_more() -> None:
    """Two bins far apart, of shares 0.9 and 0.1.

    Smoothing spreads both alike, so that weights are as 1 to 9.
    """
    prior = torch.zeros(NUM_BINS)
    common, rare = bin_of((0.0, 0.0)), bin_of((60.0, 40.0))
    prior[common], prior[rare] = 0.9, 0.1
    weights = bin_weights(prior)
    assert float(weights[rare] / weights[common]) == pytest.approx(9, rel=1e-3)
    assert bool((weights > 0).all()) and bool(weights.isfinite().all())


def test_a_uniform_prior_weighs_the_inner_bins_alike() -> None:
    weights = bin_weights(torch.full((NUM_BINS,), 1.0))
    assert float(weights[bin_of((0.0, 0.0))]) == pytest.approx(
        float(weights[bin_of((10.0, 10.0))]), rel=1e-4
    )


def test_unseen_colors_count_as_one_pixel_in_a_million() -> None:
    """All mass in one bin, of which its neighbourhood keeps most.

    An unseen far bin weighs about 1 / RAREST times more.
    """
    prior = torch.zeros(NUM_BINS)
    prior[bin_of((0.0, 0.0))] = 1
    weights = bin_weights(prior)
    ratio = float(weights[bin_of((60.0, 40.0))] / weights[bin_of((0.0, 0.0))])
    assert 0.2 / RAREST < ratio < 1 / RAREST


def test_a_pixel_takes_the_weight_of_its_nearest_bin(pictures: dict[str, np.ndarray]) -> None:
    """Against a search in numpy."""
    ab = rgb2lab(pictures["coffee"][::16, ::16])[..., 1:]
    bins = ab_bins().numpy()
    nearest = np.linalg.norm(ab[:, :, None] - bins, axis=-1).argmin(-1)
    weights = torch.arange(float(NUM_BINS))
    assert np.array_equal(pixel_weights(ab, weights), nearest.astype(np.float32))


def test_rebalanced_auc_by_hand() -> None:
    """Three gray pixels right, one colorful pixel at distance 75 (area 1/2) of weight 9.

    (3 + 9/2) / (3 + 9) = 0.625.
    """
    truth = np.array([[(0, 0), (0, 0), (0, 0), (75.0, 0)]], np.float64)
    result = np.zeros_like(truth)
    found = rebalanced_auc(truth, result, np.array([[1, 1, 1, 9]], np.float32))
    assert found.score / found.weight == pytest.approx(0.625)
    assert (found.score, found.weight) == (pytest.approx(7.5 / 4), pytest.approx(3.0))
    assert auc(truth, result) == pytest.approx(0.875)


def test_with_equal_weights_it_is_auc(pictures: dict[str, np.ndarray]) -> None:
    truth = rgb2lab(pictures["rocket"])[..., 1:]
    found = rebalanced_auc(truth, truth * 0.5, np.full(truth.shape[:2], 3, np.float32))
    assert found.score / found.weight == pytest.approx(auc(truth, truth * 0.5))


def test_gray_loses_by_rebalancing(pictures: dict[str, np.ndarray]) -> None:
    """Gray is right about the common grays and wrong about the rare colors, as in the paper.

    89.1 falls to 58.0.
    """
    truth = rgb2lab(pictures["motorcycle_left"])[..., 1:]
    prior = histogram(torch.from_numpy(truth).float().permute(2, 0, 1)[None])[0]
    weights = pixel_weights(truth, bin_weights(prior))
    gray = np.zeros_like(truth)
    found = rebalanced_auc(truth, gray, weights)
    assert found.score / found.weight < auc(truth, gray) - 0.1
    right = rebalanced_auc(truth, truth, weights)
    assert right.score == pytest.approx(right.weight)
