"""What a photo looks like in the colors of a reference that was given: what a sample is led to.

No photo shows it, but the truth says which places belong together: those that have one color,
resemble each other and lie near. Such a surface is moved as a whole, and only up to its edges, by
what the reference lends to those of its places that match. What it shows within stays.

He et al. 2018 train this with a perceptual loss: the answer may have other colors than the truth,
but must look like the same things. A color to find says more than that.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from colorization.network.colorization_network import GRID_STRIDE, HINT_STRIDE
from colorization.network.relatedness import matched, relatedness
from similarity.matching.correlation import Correlation
from similarity.matching.unit_maps import UnitMaps
from similarity.matching.warp import soft_weights, warp_soft
from similarity.smooth_step import smooth_step

LENT_TEMPERATURE = 0.015  # sharper than the warp that the network sees: surfaces average it
# mean trust in a surface from which it is led: single matches are chance
SURFACE_FROM_TO = 0.1, 0.4
# standard deviations within a surface: of color in Lab units, of place in shares of the side; and
# the difference of the cosine that counts as much as two of them
ALIKE_COLOR, ALIKE_PLACE, ALIKE_COSINE = 8.0, 0.25, 0.15
FINER = GRID_STRIDE // HINT_STRIDE  # cells of colors a side of a cell that is matched


def led_colors(
    ab: Float[Tensor, "batch 2 cells cells"],
    maps: UnitMaps,
    correlation: Correlation,
    lent: Sequence[Float[Tensor, "batch 2 _height _width"]],
) -> Float[Tensor, "batch 2 cells cells"]:
    """Move the surfaces of photos to the colors of their references.

    Args:
        ab: true colors at stride 4, raw Lab units.
        maps: of the photos.
        correlation: of the photos with their references.
        lent: chroma of each reference at stride 8.
    """
    warped = warp_soft(lent, correlation, soft_weights(correlation, LENT_TEMPERATURE))
    own = F.avg_pool2d(ab, FINER)
    trust, related = matched(correlation.best), relatedness(correlation.best)[..., 0]
    lead = torch.cat((trust * (warped - own), trust), 1).flatten(2).mT
    colors, likeness = own.flatten(2).mT, _likeness(maps, correlation.target_size)
    batch, positions, _ = colors.shape
    fine = F.pixel_unshuffle(ab, FINER).view(batch, 2, -1, positions).permute(2, 0, 3, 1)
    moved = []
    for part in fine:  # (batch, positions, 2), one cell of each cell that is matched
        apart = torch.cdist(part, colors).square() / (2 * ALIKE_COLOR**2)
        found = (likeness - apart).softmax(2) @ lead
        total, weight = found[..., :2], found[..., 2:]
        share = related * smooth_step(weight, SURFACE_FROM_TO)
        moved.append(part + share * total / weight.clamp(min=1e-4))
    planes = torch.stack(moved).permute(1, 3, 0, 2)
    return F.pixel_shuffle(planes.reshape(batch, -1, *correlation.target_size), FINER)


def _likeness(maps: UnitMaps, size: tuple[int, int]) -> Float[Tensor, "batch positions positions"]:
    """Logarithm of how much two places resemble each other and how near they are."""
    joined = maps.joined.flatten(2).float()
    axes = [(torch.arange(count) + 0.5) / count for count in size]
    places = torch.cartesian_prod(*axes).to(joined)
    far = torch.cdist(places, places).square() / (2 * ALIKE_PLACE**2)
    return (joined.mT @ joined - 1) / ALIKE_COSINE - far
