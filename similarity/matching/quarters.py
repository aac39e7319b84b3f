"""Carry values to the quarters of cells: on a grid twice as fine as that of the correspondence.

A cell at the edge of a roof shows roof and sky, and so do the cells that match it. Each quarter of
it takes its values from those quarters of theirs that look like it from near and are as bright;
carried over cell by cell, the blue of the sky would lie on the roof.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from similarity.matching.unit_maps import UnitMaps

NUM_CELLS = 16  # best matching cells for each reference that there is, whose quarters are looked at
# how much a cosine from near says, in logarithms of a weight, and how far lightness may differ:
# chosen by how true colors are that one crop of a photo lends another
MAP_WEIGHT, LIGHTNESS_SIGMA = 5.0, 15.0
PART = 256  # cells of the target whose candidates are copied at a time


@dataclass(frozen=True, eq=False)
class QuarterWarp:
    """From which quarters of which cells each quarter takes its values.

    Attributes:
        cells: of all references, one after the other.
        weights: of their quarters; rows sum to 1.
        size: (height, width) of the targets' grid of cells.
    """

    cells: Int[Tensor, "batch target candidates"]
    weights: Float[Tensor, "batch target 4 quarters"]
    size: tuple[int, int]

    def carry(
        self, values: Float[Tensor, "batch references 4 channels"]
    ) -> Float[Tensor, "batch channels height width"]:
        """Average values of references.

        Args:
            values: from quarters_of, of all references one after the other.

        Returns:
            Planes on the grid of quarters.
        """
        carried = self.weights @ _gathered(values.to(self.weights), self.cells)
        batch, _, _, channels = carried.shape
        planes = carried.permute(0, 3, 2, 1).reshape(batch, 4 * channels, *self.size)
        return F.pixel_shuffle(planes, 2)


def quarters_of(
    planes: Float[Tensor, "batch channels height width"],
) -> Float[Tensor, "batch cells 4 channels"]:
    """Planes on the grid of quarters, cell by cell.

    Args:
        planes: of even height and width.
    """
    batch, channels = planes.shape[:2]
    cells = F.pixel_unshuffle(planes, 2).flatten(2)
    return cells.view(batch, channels, 4, -1).permute(0, 3, 2, 1)


def quarter_warp(
    weights: Float[Tensor, "batch target references"],
    target: UnitMaps,
    references: Sequence[UnitMaps],
) -> QuarterWarp:
    """Find for each quarter of the targets' cells what it resembles.

    Args:
        weights: of a soft warp between cells, from soft_weights.
        target: maps of a batch of targets, seen from near.
        references: for each of several references, its maps for every target of the batch.

    Raises:
        ValueError: one of them was not seen from near.
    """
    own, own_lightness = _seen_from_near(target)
    seen = [_seen_from_near(one) for one in references]
    near, lightness = (torch.cat(planes, 1) for planes in zip(*seen, strict=True))
    count = min(NUM_CELLS * len(references), weights.shape[2])
    likely, cells = weights.topk(count, 2, sorted=False)  # in any order
    parts = zip(torch.split(own, PART, 1), torch.split(cells, PART, 1), strict=True)
    cosines = [ours @ _gathered(near, some).mT for ours, some in parts]
    apart = (own_lightness - _gathered(lightness, cells).mT) / LIGHTNESS_SIGMA
    evidence = MAP_WEIGHT * torch.cat(cosines, 1).float() - apart.square() / 2
    prior = likely.clamp(min=1e-12).log().repeat_interleave(4, 2)
    height, width = target.levels[0].shape[-2:]
    return QuarterWarp(cells, (evidence + prior[:, :, None]).softmax(3), (height, width))


def _seen_from_near(
    maps: UnitMaps,
) -> tuple[Float[Tensor, "batch cells 4 channels"], Float[Tensor, "batch cells 4 1"]]:
    """What the quarters look like, and how bright they are."""
    if not maps.detail or maps.luminance is None:
        raise ValueError("quarters need maps with their detail and luminance")
    return quarters_of(maps.detail[0]), quarters_of(maps.luminance)


def _gathered(
    values: Float[Tensor, "batch references 4 channels"],
    cells: Int[Tensor, "batch target candidates"],
) -> Float[Tensor, "batch target quarters channels"]:
    """The quarters of the candidates of each target cell."""
    batch, count, _, channels = values.shape
    first = torch.arange(batch, device=cells.device).view(-1, 1, 1) * count
    # rows of whole cells, which are copied faster than single numbers
    rows = values.reshape(batch * count, 4 * channels).index_select(0, (cells + first).flatten())
    return rows.view(batch, cells.shape[1], -1, channels)
