"""Planes on another grid."""

from collections.abc import Sequence

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def resized(
    planes: Float[Tensor, "*batch channels _height _width"], size: Sequence[int]
) -> Float[Tensor, "*batch channels _rows _columns"]:
    """Interpolate linearly; cells are areas, and the outer edges of both grids coincide.

    Args:
        planes: of one picture, or of several.
        size: (rows, columns) of the result.
    """
    batch = planes if planes.ndim == 4 else planes[None]
    found = F.interpolate(batch, size=tuple(size), mode="bilinear", align_corners=False)
    return found if planes.ndim == 4 else found[0]
