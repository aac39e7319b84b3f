"""Colors that are carried to another lightness.

The blue of a deep sky has a chroma that a bright sky cannot have: at nearly white it is lavender.
What is kept is not the chroma but its share of what a screen can show at that lightness and hue;
and never more than the chroma, as shadows are not more colorful than what lies in the sun.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from colorization.inference.picture_features import PictureFeatures
from colorization.network.colorization_network import GRID_STRIDE
from colorization.network.input_planes import ReferencePlanes
from similarity.color.gamut import highest_chroma

# how much larger that share may become: lower, blond hair in the light is pale; higher, bright
# skies are lavender
ALLOWED = 1.4


def within_lightness(
    planes: ReferencePlanes, target: PictureFeatures, references: Sequence[PictureFeatures]
) -> ReferencePlanes:
    """Lower the chroma that references lend where the target is too bright or dark for it.

    Args:
        planes: what matching says.
        target: what is colorized.
        references: what lends colors.
    """
    lent = torch.cat([_cells_of(one) for one in references], 1)
    shares = lent[1:] / highest_chroma(lent[0], lent[1:])
    share = torch.linalg.vector_norm(shares @ planes.weights[0].mT, dim=0)
    carried = planes.warped_ab[0].flatten(1)
    limit = ALLOWED * share * highest_chroma(_cells_of(target)[0], carried)
    chroma = torch.linalg.vector_norm(carried, dim=0).clamp(min=1e-6)
    kept = (limit / chroma).clamp(max=1.0) * carried
    return replace(planes, warped_ab=kept.view_as(planes.warped_ab))


def _cells_of(picture: PictureFeatures) -> Float[Tensor, "3 positions"]:
    """Lab of each position that is matched."""
    lab = torch.cat((picture.luminance[0], picture.ab))
    return F.avg_pool2d(lab, GRID_STRIDE).flatten(1)
