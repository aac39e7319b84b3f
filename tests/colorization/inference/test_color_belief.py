import numpy as np
import pytest
import torch

from colorization.inference import color_belief as module
from colorization.inference.color_belief import BELIEF_SIGMA, LEAST, NetworkBelief
from colorization.network.color_bins import NUM_BINS, STEP, ab_bins
from colorization.network.colorization_network import Prediction

EVEN = torch.ones(NUM_BINS)


def believing(logits: torch.Tensor, weights: torch.Tensor = EVEN) -> NetworkBelief:
    """The belief of a network that says this, trained with these weights of bins."""
    return NetworkBelief(Prediction(torch.zeros(1, 2, 2, 2), logits), weights)


def sure_of(*bins: int) -> torch.Tensor:
    """Logits of a photo whose left half has the first of these colors and whose right the last."""
    logits = torch.full((1, NUM_BINS, 14, 28), -50.0)
    logits[:, bins[0], :, :14] = 50
    logits[:, bins[-1], :, 14:] = 50
    return logits


def lent(*colors: np.ndarray) -> np.ndarray:
    return np.stack([np.broadcast_to(np.rint(color).astype(np.int8), (49, 2)) for color in colors])


def test_likelihood_by_hand() -> None:
    bins, belief = ab_bins().numpy(), believing(sure_of(100))
    found = belief(lent(bins[100], bins[100] + [STEP, 0], bins[100] + [100, 0]))
    beside = np.exp(-(STEP**2) / (2 * BELIEF_SIGMA**2))
    np.testing.assert_allclose(found, np.log(np.array([1, beside, 0]) + LEAST), atol=1e-4)


def test_rebalancing_is_taken_back() -> None:
    """Of two colors with the same logit, the one that training had raised is less likely."""
    logits = torch.full((1, NUM_BINS, 7, 7), -50.0)
    logits[:, [20, 250]] = 0.0
    weights = EVEN.clone()
    weights[250] = 3.0
    found = np.exp(believing(logits, weights)(lent(*ab_bins().numpy()[[20, 250]])))
    np.testing.assert_allclose(found, [0.75, 0.25], atol=1e-3)


def test_each_cell_is_asked_for_itself() -> None:
    bins, belief = ab_bins().numpy(), believing(sure_of(20, 250))
    right = lent(bins[20]).reshape(1, 7, 7, 2).copy()
    right[:, :, 4:] = bins[250]
    swapped = right[:, :, ::-1].copy()
    good, bad = belief(np.concatenate((right, swapped)).reshape(2, 49, 2))
    # the middle column of cells shows both
    assert good == pytest.approx(np.log(0.5) / 7, abs=0.02)
    assert bad < np.log(LEAST) / 2


def test_who_has_no_idea_believes_colors_of_one_kind_alike() -> None:
    belief, bins = believing(torch.zeros(1, NUM_BINS, 9, 13)), ab_bins().numpy()
    middle = bins[np.hypot(*bins.T) < 40]
    found = belief(lent(*middle))
    assert np.ptp(found) < 0.3


def test_places_prefer_the_colors_that_are_likely_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MATCH_WEIGHT", 2.0)
    bins, belief = ab_bins(), believing(sure_of(20, 250))
    found = belief.log_prior(bins[[20, 250]].T)
    assert found.shape == (1, 14 * 28, 2)
    left, right = found[0].view(14, 28, 2)[0, [0, -1]]
    never = float(2 * np.log(LEAST))
    torch.testing.assert_close(left, torch.tensor([0.0, never]), atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(right, torch.tensor([never, 0.0]), atol=1e-3, rtol=1e-4)
