"""How closely the places of a picture are connected with some of them.

What is connected is one thing: a way leads there over places that look alike.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

NEIGHBOURS = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]
# what a step to the next cell costs, beside what looks change on it: by itself, and where a place
# looks nothing like the beginning
STEP, STRANGE = 0.02, 0.25
FAR = 5.0  # cost of a way at which the connection falls to 1 / e


def connection(
    looks: Float[Tensor, "channels rows columns"],
    cells: Sequence[tuple[int, int]],
) -> Float[Tensor, "cells rows columns"]:
    """How closely each place is connected with some, by the cheapest way between them.

    Args:
        looks: unit vectors that tell things apart.
        cells: row and column of each beginning.

    Returns:
        1 at the beginning, towards 0 at what lies apart from it.
    """
    begins = torch.stack([looks[:, row, column] for row, column in cells])
    strange = STRANGE * _apart(begins[:, :, None, None], looks, 1)
    costs = []
    for step in NEIGHBOURS:
        change = _apart(looks, _beside(looks, step), 0)
        costs.append((STEP + change + strange) * math.hypot(*step))
    ways = torch.full_like(strange, math.inf)
    for number, (row, column) in enumerate(cells):
        ways[number, row, column] = 0.0
    while True:  # every way gets one cell longer, until none is cheaper
        cheaper = ways
        for step, cost in zip(NEIGHBOURS, costs, strict=True):
            cheaper = torch.minimum(cheaper, _beside(ways, step, math.inf) + cost)
        if torch.equal(cheaper, ways):
            return (-ways / FAR).exp()
        ways = cheaper


def _apart(first: Tensor, second: Tensor, dim: int) -> Tensor:
    """One minus the cosine of unit vectors; of vectors of zeros, which look alike, 0."""
    return (first - second).square().sum(dim) / 2


def _beside(planes: Tensor, step: tuple[int, int], outside: float = 0.0) -> Tensor:
    """What the neighbour of each cell in one direction has."""
    height, width = planes.shape[-2:]
    down, right = 1 + step[0], 1 + step[1]
    around = F.pad(planes, (1, 1, 1, 1), value=outside)
    return around[..., down : down + height, right : right + width]
