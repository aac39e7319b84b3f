"""How well each target position matches, there and back, at several levels: the paper's maps.

Level l compares features with the cosine d:
    forward   sim_TR(p) = d(F_T(p), F_R(phi_TR(p)))
    backward  sim_RT(p) = d(F_T(phi_RT(phi_TR(p))), F_R(phi_TR(p)))

The paper has five levels of VGG-19, sampled at the finest grid; here are the four levels of the
backbone on the grid of stride 8 that is matched.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from similarity.matching.correlation import Correlation
from similarity.matching.unit_maps import UnitMaps

NUM_MAPS = 8  # four levels, both ways


def similarity_maps(
    target: UnitMaps, references: Sequence[UnitMaps], correlation: Correlation
) -> Float[Tensor, "maps height width"]:
    """Compute sim_TR and sim_RT of each level, coarse to fine.

    Args:
        target: the target's maps.
        references: those of each reference.
        correlation: of all their positions; it says what is mapped where.

    Returns:
        Cosines, -1..1: forward and backward of the coarsest level first.

    Source: He et al. 2018, section 3.1.
    """
    there = correlation.to_reference
    back = correlation.to_target[there]
    found = []
    for level, ours in enumerate(target.levels):
        rows = ours.flatten(1)
        theirs = torch.cat([one.levels[level].flatten(1) for one in references], 1)
        partner = theirs.index_select(1, there)
        found += [(rows * partner).sum(0), (rows.index_select(1, back) * partner).sum(0)]
    return torch.stack(found).view(-1, *correlation.target_size)
