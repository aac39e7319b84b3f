"""How much a photo and its references have in common: where they can lead, and where not."""

from jaxtyping import Float
from torch import Tensor

from similarity.smooth_step import smooth_step

MATCHED_FROM_TO = 0.34, 0.5  # cosine from which a place matches, a little and surely
# mean of that over the photo from which it has something to do with its references: fewer matches
# are chance
RELATED_FROM_TO = 0.04, 0.15


def matched(
    cosine: Float[Tensor, "batch 1 height width"],
) -> Float[Tensor, "batch 1 height width"]:
    """How surely each place matches, 0..1.

    Args:
        cosine: of its best match.
    """
    return smooth_step(cosine, MATCHED_FROM_TO)


def relatedness(cosine: Float[Tensor, "batch 1 height width"]) -> Float[Tensor, "batch 1 1 1"]:
    """How surely each photo has something to do with its references, 0..1.

    Args:
        cosine: of the best match of each place.
    """
    return smooth_step(matched(cosine).mean((1, 2, 3), keepdim=True), RELATED_FROM_TO)
