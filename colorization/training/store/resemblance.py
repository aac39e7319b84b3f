"""Which photos of a corpus resemble which: the references that training recommends."""

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

NUM_LIKE = 20  # photos that are remembered as resembling each


def resembling(
    described: Float[Tensor, "photos channels"], count: int = NUM_LIKE
) -> Int[np.ndarray, "photos count"]:
    """The photos that resemble each, best first; fewer where there are not so many others.

    Args:
        described: each photo as a whole.
        count: how many.
    """
    spread = described.std(0, correction=0).clamp(min=1e-3)
    units = F.normalize((described - described.mean(0)) / spread, dim=1)
    count = min(count, len(units) - 1)
    found = np.empty((len(units), count), np.int32)
    for start in range(0, len(units), 1024):
        cosines = units[start : start + 1024] @ units.T
        cosines[torch.arange(len(cosines)), torch.arange(start, start + len(cosines))] = -2.0
        found[start : start + 1024] = cosines.topk(count, 1).indices.numpy()
    return found
