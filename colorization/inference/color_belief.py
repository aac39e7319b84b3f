"""Which colors the colorization network finds likely in each place of a photo.

Photos that look alike often have other colors: of two dogs, one is black. The network has learned
which colors are likely where. Of the photos of a library that are alike, those come first whose
colors it believes, and of the places of a recommended reference that are alike, those lend most.
Wherever it has no idea, all are believed alike.
"""

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int8
from torch import Tensor

from colorization.network.color_bins import nearest_bins, nearness, without_rebalancing
from colorization.network.colorization_network import Prediction
from retrieval.storage.descriptors import GRID
from similarity.backbone.precision import inference

BELIEF_SIGMA = 8.0  # Lab units by which a color may miss a likely one
LEAST = 1e-4  # likelihood of colors that the network rules out
# power of the likelihood of a color beside that of a match: 0 follows likeness alone, 8 the
# network's own opinion wherever the reference has any such color
MATCH_WEIGHT = 3.0


class NetworkBelief:
    """The likelihood of colors in the places of a photo, as the network alone sees it.

    Args:
        prediction: what the network says of the photo without references.
        bin_weights: of the classification loss that the network was trained with.

    Attributes:
        probabilities: of each color bin in each place, (1, bins, height, width) at stride 8.
    """

    def __init__(self, prediction: Prediction, bin_weights: Float[Tensor, " bins"]) -> None:
        self.prediction = prediction
        self.probabilities = without_rebalancing(prediction.logits.float(), bin_weights).softmax(1)

    @inference()
    def __call__(
        self, lent: Int8[np.ndarray, "candidates 49 2"]
    ) -> Float[np.ndarray, " candidates"]:
        """Mean logarithm of the likelihood of colors.

        Args:
            lent: ab that each candidate lends to each of 7 x 7 cells, raw Lab units.
        """
        bins = nearest_bins(torch.from_numpy(lent).float().movedim(-1, 0))
        cells = _log_likelihood(F.adaptive_avg_pool2d(self.probabilities.cpu(), GRID))
        return cells.gather(1, bins.T).mean(0).numpy()

    def log_prior(self, ab: Float[Tensor, "2 positions"]) -> Float[Tensor, "1 places positions"]:
        """By how much each place of the photo prefers the colors of a reference's positions.

        Args:
            ab: colors, raw Lab units.

        Returns:
            A power of their likelihood, as a logarithm; one row a place of the grid of stride 8.
        """
        return MATCH_WEIGHT * _log_likelihood(self.probabilities)[:, nearest_bins(ab)][None]


def _log_likelihood(
    probabilities: Float[Tensor, "1 bins _height _width"],
) -> Float[Tensor, "places bins"]:
    """Logarithm of the likelihood of each bin, if colors may miss likely ones a little."""
    return (probabilities[0].flatten(1).T @ nearness(BELIEF_SIGMA).to(probabilities) + LEAST).log()
