"""Dense correspondence between one gray target and one or several references.

Every position of the target is correlated with every position of all references (several references
are simply more positions) at stride 8. He et al. ran Deep Image Analogy here, minutes a pair on a
GPU; correlation with a softmax is what the field does since Zhang et al. 2019, in milliseconds.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from similarity.backbone.precision import autocast
from similarity.matching.unit_maps import NUM_JOINED, UnitMaps
from similarity.resize import resized

# cells between the partners of neighbours: not the same cell, and up to two apart, turned
NEIGHBOUR_DISTANCE = 0.4, 2.4
PART = 16  # rows of a correlation that are looked through together


@dataclass(frozen=True, eq=False)
class PointMap:
    """Where each position of a picture lies in one of several other pictures: the paper's phi.

    Attributes:
        picture: which of the other pictures.
        xy: where in it, -1..1 from edge to edge, as ``grid_sample`` has it with
            ``align_corners=False``.
    """

    picture: Int[Tensor, "height width"]
    xy: Float[Tensor, "height width 2"]


@dataclass(frozen=True, eq=False)
class Correlation:
    """Cosines between all positions of targets and all positions of their references.

    Attributes:
        values: -1..1, one row a target position, one column a reference position, references one
            after the other.
        target_size: (height, width) of the targets' grid.
        reference_sizes: (height, width) of each reference's grid.
    """

    values: Float[Tensor, "batch target references"]
    target_size: tuple[int, int]
    reference_sizes: tuple[tuple[int, int], ...]

    @property
    def counts(self) -> list[int]:
        """Positions of each reference."""
        return [height * width for height, width in self.reference_sizes]

    @cached_property
    def best(self) -> Float[Tensor, "batch 1 height width"]:
        """How well each target position matches anything, 0..1."""
        return self._best[0].view(-1, 1, *self.target_size).clamp(0.0, 1.0)

    @property
    def to_reference(self) -> Int[Tensor, "batch target"]:
        """The paper's phi_TR: the column that each target position matches best."""
        return self._best[1]

    @cached_property
    def to_target(self) -> Int[Tensor, "batch references"]:
        """The paper's phi_RT: the row that each reference position matches best."""
        # along columns the highest value is found soon, its place is not: it is sought in one part
        batch, rows, columns = self.values.shape
        length = math.gcd(rows, PART)
        parts = self.values.view(batch, rows // length, length, columns)
        part = parts.amax(2).argmax(1)
        inside = parts.gather(1, part[:, None, None].expand(-1, 1, length, -1))[:, 0].argmax(1)
        return part * length + inside

    @cached_property
    def _best(self) -> tuple[Tensor, Tensor]:
        cosine, place = self.values.max(2)
        return cosine, place


def correlate(target: UnitMaps, references: Sequence[UnitMaps]) -> Correlation:
    """Correlate all positions of targets with all positions of their references.

    Args:
        target: maps of a batch of targets.
        references: for each of several references, its maps for every target of the batch.

    Raises:
        ValueError: there is no reference.
    """
    if not references:
        raise ValueError("correspondence needs at least one reference")
    with autocast(target.levels[0].device):
        values = [rows.mT @ columns for rows, columns in (_factors(target, r) for r in references)]
    sizes = [(one.levels[0].shape[2], one.levels[0].shape[3]) for one in (target, *references)]
    return Correlation(torch.cat(values, 2).float(), sizes[0], tuple(sizes[1:]))


def map_target_to_reference(correlation: Correlation) -> PointMap:
    """Hard mapping phi_TR as places: for each target position its best one in any reference.

    Args:
        correlation: of a single target.
    """
    picture, xy = _locate(correlation.to_reference[0], correlation)
    height, width = correlation.target_size
    return PointMap(picture.view(height, width), xy.view(height, width, 2))


def coherence(mapping: PointMap, sizes: Sequence[tuple[int, int]]) -> Float[Tensor, "height width"]:
    """Share of each position's neighbours whose partners are neighbours of its own, 0..1.

    Near 1 if a picture shows the same thing, turned, mirrored or up to twice as large; about 0.5 if
    it is half as large: then every other pair of neighbours shares a cell, which does not count.
    Unrelated things, however similar every position is to some other, match at random. Pictures
    that show the same thing at the same place, as the frames of a film do, may take turns.

    Args:
        mapping: hard mapping into one or several pictures.
        sizes: (height, width) of the grid of each picture that is mapped into.
    """
    cells = (
        torch.tensor([[width, height] for height, width in sizes]).to(mapping.xy)[mapping.picture]
        * mapping.xy
        / 2
    )
    kept, pairs = torch.zeros_like(cells[..., 0]), torch.zeros_like(cells[..., 0])
    for axis in (0, 1):
        count = cells.shape[axis] - 1
        apart = (cells.narrow(axis, 1, count) - cells.narrow(axis, 0, count)).norm(dim=-1)
        for start in (0, 1):
            kept.narrow(axis, start, count).add_(
                (apart > NEIGHBOUR_DISTANCE[0]) & (apart < NEIGHBOUR_DISTANCE[1])
            )
            pairs.narrow(axis, start, count).add_(1)
    return kept / pairs.clamp(min=1)


def _factors(target: UnitMaps, reference: UnitMaps) -> tuple[Tensor, Tensor]:
    """Features of target and reference, (batch, channels, positions), whose products are cosines.

    The coarsest level, which has most channels, was interpolated from few positions: its products
    are interpolated from products of those, which are fewer than the channels.
    """
    ours, theirs = target.coarsest, reference.coarsest
    if ours is None or theirs is None or theirs[0, 0].numel() >= theirs.shape[1]:
        return target.joined.flatten(2), reference.joined.flatten(2)
    products = theirs.flatten(2).mT @ ours.flatten(2)
    basis = torch.eye(products.shape[1], dtype=theirs.dtype, device=theirs.device)
    basis = basis.view(1, -1, *theirs.shape[2:])
    interpolated = products.reshape(*products.shape[:2], *ours.shape[2:]), basis
    both = []
    for maps, part in zip((target, reference), interpolated, strict=True):
        first = resized(part, maps.levels[0].shape[-2:]) / maps.first_length
        levels = torch.cat((first, *maps.levels[1:NUM_JOINED]), 1)
        both.append(levels.flatten(2) * NUM_JOINED**-0.5)
    return both[0], both[1]


def _locate(index: Tensor, correlation: Correlation) -> tuple[Tensor, Tensor]:
    starts = torch.tensor([0, *correlation.counts], device=index.device).cumsum(0)
    picture = torch.bucketize(index, starts[1:], right=True)
    xy = torch.zeros(len(index), 2, device=index.device)
    for i, size in enumerate(correlation.reference_sizes):
        here = picture == i
        xy[here] = _centres(index[here] - starts[i], size)
    return picture, xy


def _centres(index: Tensor, size: tuple[int, int]) -> Tensor:
    height, width = size
    x, y = index % width, torch.div(index, width, rounding_mode="floor")
    return torch.stack(((x + 0.5) * 2 / width - 1, (y + 0.5) * 2 / height - 1), -1)
