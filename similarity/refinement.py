"""Follow a coarse mapping down to finer grids, searching only near what the coarser grid found.

At stride 8 a position covers a face; the fine levels find the eye in it. Where target and reference show the same
scene the refined match is exact and carries detail, elsewhere its similarity says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from similarity.correspondence import PointMap

FINE_LAYERS = ("relu3_4", "relu2_2")  # strides 4 and 2
_NEIGHBOURS = ((0, 0), (0, 1), (1, 0), (1, 1))


@dataclass(frozen=True)
class Refined:
    """A mapping on a fine grid with the cosine of each match, 0..1."""

    mapping: PointMap
    similarity: Float[Tensor, "height width"]


def refine(
    mapping: PointMap,
    target: Mapping[str, Float[Tensor, "1 _channels _height _width"]],
    references: Sequence[Mapping[str, Float[Tensor, "1 _channels _height _width"]]],
    layers: Sequence[str] = FINE_LAYERS,
) -> Refined:
    """Refine a hard mapping level by level.

    Each fine position tries what its four nearest coarse positions found, moved along with it, then one step around
    the best of them (the propagation and search of PatchMatch, Barnes et al. 2009, once a level).

    Args:
        mapping: phi_TR at stride 8.
        target: features by layer name.
        references: the same of each reference.
        layers: each at half the stride of the one before.

    Returns:
        The mapping at the stride of the last layer, and its similarity averaged over the levels.
    """
    levels: list[Tensor] = []
    for layer in layers:
        mean = torch.cat([f[layer][0].flatten(1) for f in (target, *references)], 1).mean(1)[:, None, None]
        ours = F.normalize(target[layer][0] - mean, dim=0)
        table = _Table([F.normalize(f[layer][0] - mean, dim=0) for f in references])
        mapping, found = _refine_level(mapping, ours, table)
        levels.append(found)
    similarity = torch.stack([_resize(level, levels[-1].shape) for level in levels]).mean(0)
    return Refined(mapping, similarity.clamp(0.0, 1.0))


class _Table:
    """Features of all references as rows, addressed by (picture, row, column)."""

    def __init__(self, planes: list[Tensor]) -> None:
        self.rows = torch.cat([p.flatten(1).T for p in planes]).contiguous()
        device = self.rows.device
        self.sizes = torch.tensor([p.shape[1:] for p in planes], device=device)
        self.starts = torch.tensor([0, *[p.shape[1] * p.shape[2] for p in planes][:-1]], device=device).cumsum(0)

    def fetch(self, picture: Tensor, row: Tensor, column: Tensor) -> Tensor:
        return self.rows[self.starts[picture] + row * self.sizes[picture, 1] + column]


def _refine_level(mapping: PointMap, ours: Tensor, table: _Table) -> tuple[PointMap, Tensor]:
    _, height, width = ours.shape
    queries = ours.flatten(1).T.contiguous()
    coarse_height, coarse_width = mapping.picture.shape
    y = (torch.arange(height, device=ours.device) + 0.5) * coarse_height / height - 0.5
    x = (torch.arange(width, device=ours.device) + 0.5) * coarse_width / width - 0.5
    best = torch.full((height * width,), -2.0, device=ours.device)
    picture = torch.zeros(height * width, dtype=torch.long, device=ours.device)
    row, column = picture.clone(), picture.clone()

    def offer(candidate: tuple[Tensor, Tensor, Tensor]) -> None:
        nonlocal best, picture, row, column
        p, r, c = candidate
        score = (queries * table.fetch(p, r, c)).sum(1)
        better = score > best
        best = torch.where(better, score, best)
        picture, row, column = (torch.where(better, new, old) for new, old in ((p, picture), (r, row), (c, column)))

    for down, right in _NEIGHBOURS:
        cell_y = (y.floor().long() + down).clamp(0, coarse_height - 1)
        cell_x = (x.floor().long() + right).clamp(0, coarse_width - 1)
        p = mapping.picture[cell_y][:, cell_x].flatten()
        xy = mapping.xy[cell_y][:, cell_x].flatten(0, 1)
        size = table.sizes[p]
        # a step of one fine cell in the target is one fine cell in the reference
        moved_y = ((y - cell_y)[:, None] * height / coarse_height).expand(height, width).flatten()
        moved_x = ((x - cell_x)[None] * width / coarse_width).expand(height, width).flatten()
        r = ((xy[:, 1] + 1) / 2 * size[:, 0] + moved_y).floor().long()
        c = ((xy[:, 0] + 1) / 2 * size[:, 1] + moved_x).floor().long()
        offer((p, r.clamp(min=0).minimum(size[:, 0] - 1), c.clamp(min=0).minimum(size[:, 1] - 1)))
    centre = picture, row, column
    size = table.sizes[picture]
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            if dy or dx:
                r = (centre[1] + dy).clamp(min=0).minimum(size[:, 0] - 1)
                c = (centre[2] + dx).clamp(min=0).minimum(size[:, 1] - 1)
                offer((centre[0], r, c))
    size = table.sizes[picture]
    xy = torch.stack(((column + 0.5) * 2 / size[:, 1] - 1, (row + 0.5) * 2 / size[:, 0] - 1), 1)
    return PointMap(picture.view(height, width), xy.view(height, width, 2)), best.view(height, width)


def _resize(plane: Tensor, size: Sequence[int]) -> Tensor:
    return F.interpolate(plane[None, None], size=tuple(size), mode="bilinear", align_corners=False)[0, 0]
