"""Dense correspondence between one gray target and one or several references.

Every position of the target is correlated with every position of all references (several references
are simply more positions), on features of relu3 .. relu5 joined at stride 8. He et al. ran Deep
Image Analogy here, minutes a pair on a GPU; correlation with a softmax is what the field does since
Zhang et al. 2019 and takes milliseconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from similarity.resize import resized

STRIDE = 8
# cells between the partners of neighbours: not the same cell, and up to two apart, turned
NEIGHBOUR_DISTANCE = 0.4, 2.4
LEVELS = {"relu3_4": 0.5, "relu4_4": 1.0, "relu5_4": 1.0}  # layer: weight of its cosine
Features = Mapping[str, Float[Tensor, "1 _channels _height _width"]]


@dataclass(frozen=True)
class PointMap:
    """Where each position of a picture lies in one of several other pictures: the paper's phi.

    Attributes:
        picture: which of the other pictures.
        xy: where in it, -1..1 from edge to edge (the convention of ``grid_sample`` with
            ``align_corners=False``).
    """

    picture: Int[Tensor, "height width"]
    xy: Float[Tensor, "height width 2"]


@dataclass(frozen=True)
class Correlation:
    """Cosines between all positions of the target and all positions of the references.

    Attributes:
        values: -1..1, one row a target position, one column a reference position, references one
            after the other.
        target_size: (height, width) of the target's grid.
        reference_sizes: (height, width) of each reference's grid.
    """

    values: Float[Tensor, "target references"]
    target_size: tuple[int, int]
    reference_sizes: tuple[tuple[int, int], ...]

    @property
    def counts(self) -> list[int]:
        """Positions of each reference."""
        return [height * width for height, width in self.reference_sizes]

    @property
    def best(self) -> Float[Tensor, "1 _height _width"]:
        """How well each target position matches anything, 0..1."""
        return self.values.amax(1).view(1, *self.target_size).clamp(0.0, 1.0)


def join_levels(pictures: Sequence[Features]) -> list[Float[Tensor, "joined _height _width"]]:
    """Join the levels of several pictures at stride 8: centred together, normalised per level, weighted, normalised.

    Args:
        pictures: features of each picture by layer name, from sides that are multiples of 16.

    Returns:
        One map a picture, unit length at each position.
    """
    joined: list[list[Tensor]] = [[] for _ in pictures]
    for layer, weight in LEVELS.items():
        planes = [_at_stride_8(features, layer) for features in pictures]
        mean = common_mean(planes)
        for parts, plane in zip(joined, planes, strict=True):
            parts.append(F.normalize(plane - mean, dim=0) * weight**0.5)
    return [F.normalize(torch.cat(parts), dim=0) for parts in joined]


def correlate_pictures(target: Features, references: Sequence[Features]) -> Correlation:
    """Correlate a picture with others, see join_levels and correlate.

    Args:
        target: features by layer name.
        references: those of each reference.

    Raises:
        ValueError: there is no reference.
    """
    first, *others = join_levels([target, *references])
    return correlate(first, others)


def common_mean(
    planes: Sequence[Float[Tensor, "channels _height _width"]],
) -> Float[Tensor, "channels 1 1"]:
    """Mean of each channel over all positions of several pictures."""
    total = torch.stack([plane.sum((1, 2), keepdim=True) for plane in planes]).sum(0)
    return total / sum(plane[0].numel() for plane in planes)


def correlate(
    target: Float[Tensor, "channels height width"],
    references: Sequence[Float[Tensor, "channels _height _width"]],
) -> Correlation:
    """Correlate all positions of the target with all positions of the references.

    Args:
        target: unit features of the target.
        references: unit features of each reference.

    Raises:
        ValueError: there is no reference.
    """
    if not references:
        raise ValueError("correspondence needs at least one reference")
    # a matrix product, as the convolution that it also is: on CPUs faster with several threads
    filters = torch.cat([reference.flatten(1) for reference in references], 1).T[..., None, None]
    values = F.conv2d(target[None].contiguous(memory_format=torch.channels_last), filters)
    sizes = tuple((r.shape[1], r.shape[2]) for r in references)
    return Correlation(
        values[0].flatten(1).T.contiguous(), (target.shape[1], target.shape[2]), sizes
    )


def handicapped(correlation: Correlation, handicaps: Sequence[float]) -> Correlation:
    """Add a number to all cosines of each reference, so that some references must match better to win.

    Args:
        correlation: see Correlation.
        handicaps: one a reference; negative ones hold it back.
    """
    device = correlation.values.device
    counts = torch.tensor(correlation.counts, device=device)
    added = torch.tensor(
        list(handicaps), dtype=correlation.values.dtype, device=device
    ).repeat_interleave(counts)
    return Correlation(
        correlation.values + added, correlation.target_size, correlation.reference_sizes
    )


def map_target_to_reference(correlation: Correlation) -> PointMap:
    """Hard mapping phi_TR: for each target position its best position in any reference."""
    best = correlation.values.argmax(1)
    picture, xy = _locate(best, correlation)
    height, width = correlation.target_size
    return PointMap(picture.view(height, width), xy.view(height, width, 2))


def map_reference_to_target(correlation: Correlation) -> list[PointMap]:
    """Hard mappings phi_RT, one a reference: for each of its positions the best position in the target."""
    best = correlation.values.argmax(0)
    maps = []
    for part, (height, width) in zip(
        torch.split(best, correlation.counts), correlation.reference_sizes, strict=True
    ):
        xy = _centres(part, correlation.target_size).view(height, width, 2)
        maps.append(PointMap(torch.zeros(height, width, dtype=torch.long, device=xy.device), xy))
    return maps


def compose(first: PointMap, then: Sequence[PointMap]) -> PointMap:
    """Follow ``first`` and then, from the picture it lands in, the nearest entry of that picture's own map.

    ``compose(phi_tr, phi_rts)`` is the round trip phi_RT(phi_TR(p)).
    """
    picture = torch.zeros_like(first.picture)
    xy = torch.zeros_like(first.xy)
    for i, onward in enumerate(then):
        here = first.picture == i
        height, width = onward.picture.shape
        column = ((first.xy[here][:, 0] + 1) / 2 * width).long().clamp(0, width - 1)
        row = ((first.xy[here][:, 1] + 1) / 2 * height).long().clamp(0, height - 1)
        picture[here], xy[here] = onward.picture[row, column], onward.xy[row, column]
    return PointMap(picture, xy)


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


def _at_stride_8(features: Mapping[str, Tensor], layer: str) -> Tensor:
    plane = features[layer]
    if layer.startswith("relu3"):
        plane = F.avg_pool2d(plane, 2)
    elif layer.startswith("relu5"):
        plane = resized(plane, features["relu4_4"].shape[-2:])
    return plane[0]


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
