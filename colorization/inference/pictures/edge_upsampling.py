"""Bring chroma to twice its grid, so that it changes where luminance does.

The network sees a few cells around each place, so that between a blue sky and a yellow roof lies a
gray or violet seam. Where colors change, those of neighbours that are as bright count, and of these
the ones within a surface more than the ones in a seam.

Source: Kopf et al. 2007, Joint Bilateral Upsampling; Knutsson and Westin 1993, Normalized
    Convolution (neighbours count by how sure they are).
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from similarity.resize import resized

REACH = 2  # cells on each side
NEIGHBOURS = [(y, x) for y in range(-REACH, REACH + 1) for x in range(-REACH, REACH + 1)]
DISTANCE_SIGMA = 1.2  # cells
LIGHTNESS_SIGMA = 5.0  # units of L
UNLIKE = 5.0  # standard deviations from which all are as unlike: specks are like none
CHANGE_SIGMA = 12.0  # Lab units between the neighbours of a cell from which it lies in a seam
LEAST_SURE = 0.05  # of cells in a seam, where there is nothing else


def upsampled_along_edges(
    ab: Float[Tensor, "2 height width"], luminance: Float[Tensor, "1 _height _width"]
) -> Float[Tensor, "2 _height _width"]:
    """Chroma on a grid twice as fine.

    Args:
        ab: raw Lab units, of at least two cells a side.
        luminance: L on the fine grid.
    """
    _, height, width = ab.shape
    within = torch.exp(-_change(ab).square() / CHANGE_SIGMA**2)
    cells = torch.cat((ab, within + LEAST_SURE, F.avg_pool2d(luminance, 2)))
    padded = F.pad(cells[None], (REACH,) * 4, mode="replicate")[0]
    own = F.pixel_unshuffle(luminance[None], 2)[0]  # of the four quarters of each cell
    total, weight = ab.new_zeros(2, 4, height, width), ab.new_zeros(4, height, width)
    for (down, right), far in zip(NEIGHBOURS, _far().to(ab), strict=True):
        near = padded[:, REACH + down :, REACH + right :][:, :height, :width]
        unlike = ((own - near[3]) / LIGHTNESS_SIGMA).square().clamp(max=UNLIKE**2)
        share = torch.exp(-(unlike + far) / 2) * near[2]
        total += share * near[:2, None]
        weight += share
    found = total / weight
    fine = F.pixel_shuffle(found.flatten(0, 1)[None], 2)[0]
    plain = resized(ab, fine.shape[-2:])
    return plain + resized(1 - within, fine.shape[-2:]) * (fine - plain)


def _change(ab: Tensor) -> Float[Tensor, "1 height width"]:
    """How far the colors to the left and right, and above and below, of each cell differ."""
    across, down = ab[:, :, 2:] - ab[:, :, :-2], ab[:, 2:] - ab[:, :-2]
    sides = F.pad(across, (1, 1)), F.pad(down, (0, 0, 1, 1))
    change: Tensor = torch.linalg.vector_norm(torch.cat(sides), dim=0, keepdim=True)
    return change


def _far() -> Float[Tensor, "neighbours 4 1 1"]:
    """Squared distances of neighbours from the quarters of a cell, in standard deviations."""
    quarters = torch.tensor([(y, x) for y in (-0.25, 0.25) for x in (-0.25, 0.25)])
    steps = (torch.tensor(NEIGHBOURS)[:, None] - quarters) / DISTANCE_SIGMA
    return steps.square().sum(2)[..., None, None]
