import numpy as np
import pytest
import torch

from colorization.inference.color_belief import BELIEF_SIGMA, LEAST, NetworkBelief
from colorization.network.color_bins import NUM_BINS, ab_bins


def sure_of(*bins: int) -> torch.Tensor:
    """Logits of a photo whose left half has the first of these colors and whose right the last."""
    logits = torch.full((1, NUM_BINS, 14, 28), -50.0)
    logits[:, bins[0], :, :14] = 50
    logits[:, bins[-1], :, 14:] = 50
    return logits


def lent(*colors: np.ndarray) -> np.ndarray:
    return np.stack([np.broadcast_to(np.rint(color).astype(np.int8), (49, 2)) for color in colors])


def test_likelihood_by_hand() -> None:
    bins, belief = ab_bins().numpy(), NetworkBelief(sure_of(100))
    found = belief(lent(bins[100], bins[100] + [BELIEF_SIGMA, 0], bins[100] + [100, 0]))
    expected = np.log(np.array([1, np.exp(-0.5), 0]) + LEAST)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_each_cell_is_asked_for_itself() -> None:
    bins, belief = ab_bins().numpy(), NetworkBelief(sure_of(20, 250))
    right = lent(bins[20]).reshape(1, 7, 7, 2).copy()
    right[:, :, 4:] = bins[250]
    swapped = right[:, :, ::-1].copy()
    good, bad = belief(np.concatenate((right, swapped)).reshape(2, 49, 2))
    # the middle column of cells shows both
    assert good == pytest.approx(np.log(0.5) / 7, abs=0.02)
    assert bad < np.log(LEAST) / 2


def test_who_has_no_idea_believes_colors_of_one_kind_alike() -> None:
    belief, bins = NetworkBelief(torch.zeros(1, NUM_BINS, 9, 13)), ab_bins().numpy()
    middle = bins[np.hypot(*bins.T) < 40]
    found = belief(lent(*middle))
    assert np.ptp(found) < 0.3
