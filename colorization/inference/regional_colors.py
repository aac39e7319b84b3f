"""Regions take their colors from given references, details from the network.

The network has learned that what is alike often has other colors, and doubts a reference wherever
the match is not sure. Who gives a reference wants its colors: a wall gets those of the walls that
match it, over all of it, and the network paints its bricks.
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from colorization.inference.exact_matches import FINE_STRIDE, smooth_step
from colorization.network.colorization_network import GRID_STRIDE
from colorization.network.input_planes import ReferencePlanes
from similarity.resize import resized

# cosine of a match from which its colors are taken, a little and fully: lower, photos that have
# nothing in common with the target turn its colors; higher, what matches well is not followed
TAKEN_FROM_TO = 0.36, 0.52
TAKEN_SHARE = 0.75  # of what the references lend to a region, beside the network's answer
REGION = 5  # side in cells of stride 8, over which the difference is averaged


def taken_share(cosine: Float[Tensor, "1 height width"]) -> Float[Tensor, "1 height width"]:
    """How much of a region's color is taken from what matches it, 0..1.

    Args:
        cosine: of the best match of each place.
    """
    return TAKEN_SHARE * smooth_step(cosine, TAKEN_FROM_TO)


def regional_colors(
    ab: Float[Tensor, "2 height width"], planes: ReferencePlanes
) -> Float[Tensor, "2 height width"]:
    """Move regions of an answer towards what the references lend them.

    Places that match badly count as if they agreed with the answer, so that one sure place among
    them moves the region little.

    Args:
        ab: the answer with references, at half the working size, raw Lab units.
        planes: what the references say.
    """
    answer = F.avg_pool2d(ab, GRID_STRIDE // FINE_STRIDE)
    difference = taken_share(planes.correlation.best[0]) * (planes.warped_ab[0] - answer)
    region = F.avg_pool2d(difference, REGION, 1, REGION // 2, count_include_pad=False)
    return ab + resized(region, ab.shape[-2:])
