import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from similarity.backbone.backbone import Backbone
from similarity.matching.correlation import PointMap, correlate, map_target_to_reference
from similarity.matching.refinement import refine
from similarity.matching.unit_maps import unit_maps
from similarity.resize import resized

STRIDES = (4, 2)


def features(height: int, width: int) -> list[Tensor]:
    """Random unit maps of a picture of that size; random directions are hardly ever alike."""
    return [F.normalize(torch.randn(24, height // s, width // s), dim=0) for s in STRIDES]


def to_map(row: torch.Tensor, column: torch.Tensor, height: int, width: int) -> PointMap:
    xy = torch.stack(((column + 0.5) * 2 / width - 1, (row + 0.5) * 2 / height - 1), -1)
    return PointMap(torch.zeros(row.shape, dtype=torch.long), xy)


def grid(height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")


def identity(height: int, width: int) -> PointMap:
    return to_map(*grid(height, width), height, width)


def cells(mapping: PointMap, height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(row, column) that a map points to in a picture of that grid."""
    x, y = mapping.xy.unbind(-1)
    return ((y + 1) / 2 * height - 0.5).round().long(), ((x + 1) / 2 * width - 0.5).round().long()


def similarity_by_loops(mapping: PointMap, target: Tensor, references: list[Tensor]) -> np.ndarray:
    """Cosine of each match."""
    found = np.empty(mapping.picture.shape)
    for i in range(found.shape[0]):
        for j in range(found.shape[1]):
            reference = references[int(mapping.picture[i, j])]
            row, column = cells(mapping, *reference.shape[1:])
            partner = reference[:, row[i, j], column[i, j]]
            found[i, j] = F.cosine_similarity(target[:, i, j], partner, dim=0)
    return found


def test_identity_stays_identity() -> None:
    target = features(48, 64)
    refined = refine(identity(6, 8), target, [target])
    assert refined.similarity.shape == (24, 32)
    torch.testing.assert_close(refined.mapping.xy, identity(24, 32).xy)
    torch.testing.assert_close(refined.similarity, torch.ones(24, 32))
    assert not refined.mapping.picture.any()


@pytest.mark.parametrize(("down", "right"), [(1, 0), (0, -1), (-1, 1)])
def test_a_shift_below_the_coarse_grid_is_found(down: int, right: int) -> None:
    target = features(64, 80)
    # by one cell at stride 4, two cells at stride 2; the coarse map knows nothing of it
    shifted = [
        torch.roll(plane, (down * 4 // s, right * 4 // s), (1, 2))
        for plane, s in zip(target, STRIDES, strict=True)
    ]
    refined = refine(identity(8, 10), target, [shifted])
    row, column = cells(refined.mapping, 32, 40)
    inside = slice(4, -4)
    expected_row, expected_column = grid(32, 40)
    assert torch.equal(row[inside, inside], (expected_row + 2 * down)[inside, inside])
    assert torch.equal(column[inside, inside], (expected_column + 2 * right)[inside, inside])
    torch.testing.assert_close(refined.similarity[inside, inside], torch.ones(24, 32))


def test_a_wrong_coarse_cell_misleads_only_its_own_positions_and_looks_unlike() -> None:
    target, mapping = features(48, 48), identity(6, 6)
    mapping.xy[2, 3] = torch.tensor([-0.9, 0.9])
    refined = refine(mapping, target, [target])
    own = torch.zeros(24, 24, dtype=torch.bool)
    own[8:12, 12:16] = True
    torch.testing.assert_close(refined.mapping.xy[~own], identity(24, 24).xy[~own])
    assert refined.similarity[own].mean() < 0.7


def test_pictures_are_told_apart() -> None:
    target, other = features(32, 64), features(48, 32)
    mapping = identity(4, 8)
    mapping.picture[:, 4:] = 1
    right_half = [plane[..., plane.shape[2] // 2 :] for plane in target]
    mapping.xy[:, 4:] = identity(4, 4).xy
    left_half = [plane[..., : plane.shape[2] // 2] for plane in target]
    mapping.xy[:, :4] = identity(4, 4).xy
    refined = refine(mapping, target, [left_half, right_half, other])
    expected = torch.zeros(16, 32, dtype=torch.long)
    expected[:, 16:] = 1
    assert torch.equal(refined.mapping.picture, expected)
    torch.testing.assert_close(
        refined.mapping.xy, torch.cat((identity(16, 16).xy, identity(16, 16).xy), 1)
    )


def test_similarity_is_the_cosine_of_the_match() -> None:
    target, references = features(32, 32), [features(32, 48), features(48, 16)]
    mapping = PointMap(torch.randint(0, 2, (4, 4)), torch.rand(4, 4, 2) * 2 - 1)
    refined = refine(mapping, target[:1], [maps[:1] for maps in references])
    expected = similarity_by_loops(refined.mapping, target[0], [maps[0] for maps in references])
    np.testing.assert_allclose(refined.similarity.numpy(), expected.clip(0, 1), atol=1e-5)


def test_similarity_is_the_mean_of_the_levels() -> None:
    target = features(32, 32)
    # alike at stride 4; at stride 2 its opposite: cosine below 0 or little above it
    reference = [target[0], -target[1]]
    coarse = refine(identity(4, 4), target[:1], [reference[:1]])
    both = refine(identity(4, 4), target, [reference])
    torch.testing.assert_close(coarse.similarity, torch.ones(8, 8))
    fine = similarity_by_loops(both.mapping, target[1], [reference[1]])
    np.testing.assert_allclose(both.similarity.numpy(), ((1 + fine) / 2).clip(0, 1), atol=1e-5)
    assert both.similarity.mean() < 0.8


def test_the_search_never_ends_worse_than_the_moved_partner() -> None:
    target, reference = features(32, 48), features(48, 32)
    mapping = to_map(torch.randint(0, 6, (4, 6)), torch.randint(0, 4, (4, 6)), 6, 4)
    refined = refine(mapping, target[:1], [reference[:1]])
    row, column = cells(mapping, 6, 4)
    naive_row = torch.stack((2 * row, 2 * row + 1), 1).flatten(0, 1).repeat_interleave(2, 1)
    naive_column = (
        torch.stack((2 * column, 2 * column + 1), 2).flatten(1, 2).repeat_interleave(2, 0)
    )
    naive = similarity_by_loops(to_map(naive_row, naive_column, 12, 8), target[0], [reference[0]])
    found = similarity_by_loops(refined.mapping, target[0], [reference[0]])
    assert (found >= naive - 1e-5).all()
    assert found.mean() > naive.mean() + 0.2
    assert refined.mapping.xy.abs().max() < 1  # centres of cells, never outside


def test_a_moved_photograph_is_followed_to_the_pixel_pair(
    backbone: Backbone, gray_pictures: dict[str, np.ndarray]
) -> None:
    whole = torch.from_numpy(gray_pictures["motorcycle_left"].copy())[None, None].float() / 2.55
    # 6 cells of stride 2 down, 5 to the right
    target, reference = whole[..., 0:96, 16:112], whole[..., 12:108, 26:122]
    layers = backbone.layers
    names = tuple(dict.fromkeys((*layers.levels, *layers.detail)))
    ours, theirs = (
        unit_maps(backbone.standardised_maps(one, names), layers, (12, 12))
        for one in (target, reference)
    )
    mapping = map_target_to_reference(correlate(ours, [theirs]))
    refined = refine(mapping, [p[0] for p in ours.detail], [[p[0] for p in theirs.detail]])
    row, column = cells(refined.mapping, 48, 48)
    expected_row, expected_column = grid(48, 48)
    right = (row == expected_row - 6) & (column == expected_column - 5)
    inside = slice(14, 42), slice(14, 42)
    assert right[inside].float().mean() > 0.8
    assert refined.similarity[inside][right[inside]].mean() > refined.similarity[:4].mean()


def test_similarity_stays_within_0_and_1() -> None:
    target = features(16, 16)
    refined = refine(identity(2, 2), target, [[-plane for plane in target]])
    assert float(refined.similarity.min()) >= 0
    assert float(refined.similarity.max()) <= 1


def test_references_of_one_cell() -> None:
    """There is one place to go to, and all go there."""
    target, reference = features(16, 16), [F.normalize(torch.randn(24, 1, 1), dim=0)] * 2
    mapping = to_map(*(torch.zeros(2, 2, dtype=torch.long),) * 2, 1, 1)
    refined = refine(mapping, target, [reference])
    assert not refined.mapping.xy.any()
    wanted = similarity_by_loops(refined.mapping, target[1], [reference[1]])
    coarse = torch.einsum("chw,c->hw", target[0], reference[0].flatten())
    both = (wanted + resized(coarse[None], (8, 8))[0].numpy()) / 2
    np.testing.assert_allclose(refined.similarity, both.clip(0, 1), atol=1e-5)
