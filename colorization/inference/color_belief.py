"""How likely the colorization network finds the colors that a photo of the library would lend.

Photos that look alike often have other colors: of two dogs, one is black. The network has learned
which colors are likely in each place; of the photos that are alike, those come first whose colors
it believes. Wherever it has no idea, all are believed alike.
"""

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int8
from torch import Tensor

from colorization.network.color_bins import ab_bins
from retrieval.storage.descriptors import GRID
from similarity.backbone.precision import inference

BELIEF_SIGMA = 8.0  # Lab units by which a color may miss a likely one
LEAST = 1e-4  # likelihood of colors that the network rules out


class NetworkBelief:
    """The likelihood of colors in the 7x7 cells of a photo, as the network alone sees it.

    Args:
        logits: of the color bins of the photo.
    """

    def __init__(self, logits: Float[Tensor, "1 bins _height _width"]) -> None:
        odds = F.adaptive_avg_pool2d(logits.float().softmax(1), GRID)
        self._odds = odds[0].flatten(1).T.cpu()  # (49, bins)

    @inference()
    def __call__(
        self, lent: Int8[np.ndarray, "candidates 49 2"]
    ) -> Float[np.ndarray, " candidates"]:
        """Mean logarithm of the likelihood of colors.

        Args:
            lent: ab that each candidate lends to each cell, raw Lab units.
        """
        bins = ab_bins()
        scale = -1 / (2 * BELIEF_SIGMA**2)
        found = []
        for cell, odds in enumerate(self._odds):
            distance = torch.cdist(torch.from_numpy(lent[:, cell]).float(), bins)
            found.append(((distance.square() * scale).exp() @ odds + LEAST).log())
        return torch.stack(found).mean(0).numpy()
