"""The training-free colorizer: colors of the references, carried over and held back where unsure.

Two answers are joined. The soft one lets all positions of all references compete and averages:
right in tone, coarse. Exact matches are followed where both pictures show the same thing.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from colorization.inference.matching import ReferenceMatch
from colorization.inference.pictures.guided_upsampling import guided_coefficients
from colorization.network.colorization_network import GRID_STRIDE
from similarity.matching.warp import warp_soft
from similarity.resize import resized

# how far color is held back where matches disagree or are weak: 0, wrong colors are as strong as
# right ones; 2, all of it is pale
CAUTION = 0.8
WEAK = 100.0  # squared units of ab that a match of cosine 0 counts as disagreement
EDGE_RADIUS, EDGE_EPSILON = 4, 9.0  # cells and squared units of L of the edge-aware smoothing


def transferred_colors(
    match: ReferenceMatch,
) -> tuple[Float[Tensor, "2 height width"], Float[Tensor, "1 height width"]]:
    """Colors carried over from the references, and how far they can be trusted.

    Args:
        match: a target and at least one reference.

    Returns:
        Chroma at half the working size, raw Lab units, and a confidence, 0..1.

    Raises:
        ValueError: there is no reference.
    """
    planes = match.planes
    if planes is None:
        raise ValueError("carrying colors over needs at least one reference")
    coarse = [F.avg_pool2d(one.ab[None], GRID_STRIDE) for one in match.references]
    with_squares = [torch.cat((ab, ab.square().sum(1, keepdim=True)), 1) for ab in coarse]
    moments = warp_soft(with_squares, planes.correlation, planes.weights)[0]
    energy = moments[:2].square().sum(0, keepdim=True)
    spread = (moments[2:] - energy).clamp(min=0.0)
    doubt = CAUTION * (spread + WEAK * (1.0 - planes.correlation.best[0]))
    confidence = (energy + 1.0) / (energy + 1.0 + doubt)
    values = resized(torch.cat((moments[:2], confidence)), match.size)
    slope, offset = guided_coefficients(
        match.level, values, values[2:] + 0.01, EDGE_RADIUS, EDGE_EPSILON
    )
    smooth = slope * match.level + offset
    ab, sure = smooth[:2], smooth[2:].clamp(0.0, 1.0)
    if match.exact is None:
        return ab, sure
    share = match.exact.share
    return match.exact.over(ab), share + (1 - share) * sure
