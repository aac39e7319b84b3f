"""Quarters of cells, in pictures of which every quarter is known."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from similarity.matching.quarters import NUM_CELLS, QuarterWarp, quarter_warp, quarters_of
from similarity.matching.unit_maps import UnitMaps

ROWS, COLUMNS = 3, 4
CELLS = ROWS * COLUMNS


def picture(near: Tensor, lightness: Tensor, rows: int = ROWS, columns: int = COLUMNS) -> UnitMaps:
    """Its cells all look alike from afar.

    Args:
        near: (batch, channels, 2 rows, 2 columns).
        lightness: (batch, 1, 2 rows, 2 columns).
        rows: of cells.
        columns: of cells.
    """
    level = torch.ones(len(near), 1, rows, columns)
    return UnitMaps((level,) * 4, (F.normalize(near, dim=1),), lightness)


def gray(batch: int = 1, rows: int = ROWS, columns: int = COLUMNS) -> Tensor:
    return torch.full((batch, 1, 2 * rows, 2 * columns), 50.0)


def plain(batch: int = 1, rows: int = ROWS, columns: int = COLUMNS) -> Tensor:
    return torch.ones(batch, 1, 2 * rows, 2 * columns)


def surely(cells: Tensor, count: int = CELLS) -> Tensor:
    """Weights of a warp that is certain: (batch, target, references)."""
    return F.one_hot(cells, count).float()


def test_quarters_by_hand() -> None:
    planes = torch.arange(16.0).view(1, 1, 4, 4)
    assert quarters_of(planes)[0, :, :, 0].tolist() == [
        [0, 1, 4, 5],
        [2, 3, 6, 7],
        [8, 9, 12, 13],
        [10, 11, 14, 15],
    ]


def test_what_is_carried_to_its_own_place_is_as_it_was() -> None:
    planes = torch.randn(2, 3, 2 * ROWS, 2 * COLUMNS)
    own = torch.arange(CELLS).view(1, -1, 1).expand(2, -1, -1)
    same = torch.eye(4).expand(2, CELLS, -1, -1)
    found = QuarterWarp(own, same, (ROWS, COLUMNS)).carry(quarters_of(planes))
    assert torch.equal(found, planes)


def test_a_roof_takes_no_color_of_the_sky() -> None:
    """Within a cell that matches, dark takes from dark, and light from light."""
    lightness = gray()
    lightness[..., ::2, :], lightness[..., 1::2, :] = 90.0, 20.0  # sky over roof, in every cell
    chroma = torch.where(lightness > 50, -40.0, 30.0)
    seen = picture(plain(), lightness)
    warp = quarter_warp(surely(torch.arange(CELLS)[None]), seen, [seen])
    torch.testing.assert_close(warp.carry(quarters_of(chroma)), chroma, atol=0.1, rtol=0)
    upside_down = picture(plain(), lightness.flip(2))
    warp = quarter_warp(surely(torch.arange(CELLS)[None]), upside_down, [seen])
    torch.testing.assert_close(warp.carry(quarters_of(chroma)), chroma.flip(2), atol=0.1, rtol=0)


def test_what_looks_alike_from_near_counts_where_all_is_as_bright() -> None:
    near = torch.randn(1, 64, 2 * ROWS, 2 * COLUMNS)
    seen, chroma = picture(near, gray()), torch.randn(1, 2, 2 * ROWS, 2 * COLUMNS) * 20
    turned = picture(near.flip(2, 3), gray())
    weights = surely(torch.arange(CELLS).flip(0)[None])
    found = quarter_warp(weights, turned, [seen]).carry(quarters_of(chroma))
    error = (found - chroma.flip(2, 3)).abs().mean()
    assert float(error) < 0.1 * float(chroma.abs().mean())


def test_where_nothing_differs_the_cells_count_as_before() -> None:
    weights = torch.rand(1, CELLS, CELLS).softmax(2)
    seen, chroma = picture(plain(), gray()), torch.randn(1, 2, 2 * ROWS, 2 * COLUMNS)
    found = quarter_warp(weights, seen, [seen]).carry(quarters_of(chroma))
    cells = F.avg_pool2d(chroma, 2).flatten(2) @ weights.mT
    wanted = cells.view(1, 2, ROWS, COLUMNS).repeat_interleave(2, 2).repeat_interleave(2, 3)
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-3)


def test_weights_are_shares_of_the_best_cells() -> None:
    rows, columns = 4, 8
    weights = torch.randn(2, CELLS, rows * columns).mul(5).softmax(2)
    target = picture(torch.randn(2, 8, 2 * ROWS, 2 * COLUMNS), gray(2))
    reference = picture(torch.randn(2, 8, 2 * rows, 2 * columns), gray(2, rows, columns))
    found = quarter_warp(weights, target, [reference])
    assert found.cells.shape == (2, CELLS, NUM_CELLS)
    best = weights.topk(NUM_CELLS, 2).indices  # in any order
    assert torch.equal(found.cells.sort(2).values, best.sort(2).values)
    torch.testing.assert_close(found.weights.sum(3), torch.ones(2, CELLS, 4))


def test_references_of_several_sizes_lie_one_after_the_other() -> None:
    """Each cell matches the last of the second reference, whose quarters are all of one color."""
    target, first = picture(plain(), gray()), picture(plain(), gray())
    second = picture(plain(1, 2, 5), gray(1, 2, 5), 2, 5)
    count = CELLS + 10
    weights = surely(torch.full((1, CELLS), count - 1), count)
    colors = [torch.zeros(1, 1, 2 * ROWS, 2 * COLUMNS), torch.zeros(1, 1, 4, 10)]
    colors[1][..., -2:, -2:] = 7.0
    warp = quarter_warp(weights, target, [first, second])
    found = warp.carry(torch.cat([quarters_of(planes) for planes in colors], 1))
    torch.testing.assert_close(found, torch.full_like(found, 7.0), atol=1e-3, rtol=0)


def test_a_batch_is_its_pictures() -> None:
    near, lightness = torch.randn(3, 8, 2 * ROWS, 2 * COLUMNS), gray(3) * torch.rand(3, 1, 6, 8)
    weights, chroma = torch.rand(3, CELLS, CELLS).softmax(2), torch.randn(3, 2, 6, 8)
    seen = picture(near, lightness)
    together = quarter_warp(weights, seen, [seen]).carry(quarters_of(chroma))
    for i in range(3):
        row = slice(i, i + 1)
        one = picture(near[row], lightness[row])
        alone = quarter_warp(weights[row], one, [one]).carry(quarters_of(chroma[row]))
        torch.testing.assert_close(alone[0], together[i], atol=1e-5, rtol=1e-4)


def test_maps_that_were_not_seen_from_near_are_told() -> None:
    seen = picture(plain(), gray())
    for blind in (UnitMaps(seen.levels), UnitMaps(seen.levels, seen.detail)):
        for target, reference in ((seen, blind), (blind, seen)):
            with pytest.raises(ValueError, match="quarters need maps with their detail"):
                quarter_warp(surely(torch.arange(CELLS)[None]), target, [reference])
