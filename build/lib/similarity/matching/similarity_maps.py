"""How well each target position matches, there and back, at several levels: the paper's maps.

Level l compares features with the cosine d:
    forward   sim_TR(p) = d(F_T(p), F_R(phi_TR(p)))
    backward  sim_RT(p) = d(F_T(phi_RT(phi_TR(p))), F_R(phi_TR(p)))

The paper has five levels of VGG-19, sampled at the finest grid; here are the four levels of the
backbone on the grid of stride 8 that is matched.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from similarity.matching.correlation import Correlation
from similarity.matching.unit_maps import UnitMaps

NUM_MAPS = 8  # four levels, both ways


def similarity_maps(
    target: UnitMaps, references: Sequence[UnitMaps], correlation: Correlation
) -> Float[Tensor, "batch maps height width"]:
    """Compute sim_TR and sim_RT of each level, coarse to fine.

    Args:
        target: maps of a batch of targets.
        references: for each of several references, its maps for every target of the batch.
        correlation: of all their positions; it says what is mapped where.

    Returns:
        Cosines, -1..1: forward and backward of the coarsest level first.

    Source: He et al. 2018, section 3.1.
    """
    there = correlation.to_reference
    back = correlation.to_target.gather(1, there)
    found = []
    for level, ours in enumerate(target.levels):
        rows = ours.flatten(2).mT
        theirs = torch.cat([one.levels[level].flatten(2) for one in references], 2).mT
        partner = _rows_at(theirs, there)
        found += [(rows * partner).sum(2), (_rows_at(rows, back) * partner).sum(2)]
    return torch.stack(found, 1).float().view(len(there), -1, *correlation.target_size)


def _rows_at(
    rows: Float[Tensor, "batch positions channels"], places: Int[Tensor, "batch some"]
) -> Float[Tensor, "batch some channels"]:
    """The features at some positions; whole rows of memory are copied."""
    batch, count, channels = rows.shape
    starts = torch.arange(batch, device=places.device)[:, None] * count
    flat = rows.reshape(batch * count, channels).index_select(0, (starts + places).flatten())
    return flat.view(batch, -1, channels)
