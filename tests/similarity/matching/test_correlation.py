import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from similarity.backbone.backbone import Backbone
from similarity.matching.correlation import (
    LEVELS,
    STRIDE,
    Correlation,
    PointMap,
    coherence,
    compose,
    correlate,
    handicapped,
    join_levels,
    map_reference_to_target,
    map_target_to_reference,
)

STRIDES = {"relu3_4": 4, "relu4_4": 8, "relu5_4": 16}


def features(height: int, width: int) -> dict[str, torch.Tensor]:
    """Random features of a picture of that size."""
    return {layer: torch.rand(1, 6, height // s, width // s) for layer, s in STRIDES.items()}


def centre(row: int, column: int, height: int, width: int) -> tuple[float, float]:
    """Where a cell lies in -1..1, as (x, y)."""
    return (2 * column + 1) / width - 1, (2 * row + 1) / height - 1


def identity(height: int, width: int) -> PointMap:
    xy = [[centre(row, column, height, width) for column in range(width)] for row in range(height)]
    return PointMap(torch.zeros(height, width, dtype=torch.long), torch.tensor(xy))


def random_correlation() -> Correlation:
    """A 3x4 target and references of 2x5 and 4x1."""
    return Correlation(torch.rand(12, 14) * 2 - 1, (3, 4), ((2, 5), (4, 1)))


# Joined features


def test_join_levels_equals_numpy() -> None:
    pictures = [features(32, 48), features(64, 32)]
    joined = join_levels(pictures)
    expected: list[list[np.ndarray]] = [[], []]
    for layer, weight in (("relu3_4", 0.5), ("relu4_4", 1.0), ("relu5_4", 1.0)):
        planes = []
        for picture in pictures:
            plane = picture[layer][0].numpy()
            channels, height, width = plane.shape
            if layer == "relu3_4":
                plane = plane.reshape(channels, height // 2, 2, width // 2, 2).mean((2, 4))
            # bilinear by two: 3/4 of the own cell, 1/4 of the next, ends repeated
            if layer == "relu5_4":
                for axis in (1, 2):
                    before = np.concatenate((plane.take([0], axis), plane), axis).take(
                        range(plane.shape[axis]), axis
                    )
                    after = np.concatenate((plane, plane.take([-1], axis)), axis).take(
                        range(1, plane.shape[axis] + 1), axis
                    )
                    pair = np.stack(
                        (0.75 * plane + 0.25 * before, 0.75 * plane + 0.25 * after), axis + 1
                    )
                    plane = pair.reshape(
                        [n * 2 if i == axis else n for i, n in enumerate(plane.shape)]
                    )
            planes.append(plane)
        mean = np.concatenate([p.reshape(len(p), -1) for p in planes], 1).mean(1)[:, None, None]
        for parts, plane in zip(expected, planes, strict=True):
            parts.append((plane - mean) / np.linalg.norm(plane - mean, axis=0) * weight**0.5)
    for ours, parts, size in zip(joined, expected, ((4, 6), (8, 4)), strict=True):
        assert ours.shape == (18, *size)
        wanted = np.concatenate(parts)
        np.testing.assert_allclose(ours.numpy(), wanted / np.linalg.norm(wanted, axis=0), atol=1e-5)


def test_joined_cosine_is_the_weighted_mean_of_the_levels() -> None:
    pictures = [features(32, 32), features(32, 32)]
    a, b = (plane[:, 1, 2] for plane in join_levels(pictures))
    parts = [
        (F.cosine_similarity(x, y, dim=0), w)
        for x, y, w in zip(a.split(6), b.split(6), LEVELS.values(), strict=True)
    ]
    # each level has length weight ** 0.5, so the dot product weighs its cosine by weight; 0.5 + 1 +
    # 1 = 2.5
    torch.testing.assert_close(a @ b, sum(cosine * w for cosine, w in parts) / 2.5)


def test_stride_is_that_of_the_middle_level() -> None:
    assert join_levels([features(48, 80)])[0].shape[1:] == (48 // STRIDE, 80 // STRIDE)


# Correlation and hard mappings


def test_correlate_equals_loops() -> None:
    target, references = torch.rand(5, 2, 3), [torch.rand(5, 1, 2), torch.rand(5, 3, 2)]
    correlation = correlate(target, references)
    assert correlation.counts == [2, 6]
    assert correlation.target_size == (2, 3)
    for i in range(6):
        column = 0
        for reference in references:
            for row in range(reference.shape[1]):
                for col in range(reference.shape[2]):
                    expected = sum(
                        float(target[c, i // 3, i % 3] * reference[c, row, col]) for c in range(5)
                    )
                    assert float(correlation.values[i, column]) == pytest.approx(expected, abs=1e-5)
                    column += 1


def test_correlate_needs_a_reference() -> None:
    with pytest.raises(ValueError, match="at least one reference"):
        correlate(torch.rand(5, 2, 3), [])


def test_handicaps_are_added_to_each_references_cosines() -> None:
    correlation = random_correlation()
    changed = handicapped(correlation, [0.25, -0.5])
    torch.testing.assert_close(changed.values[:, :10], correlation.values[:, :10] + 0.25)
    torch.testing.assert_close(changed.values[:, 10:], correlation.values[:, 10:] - 0.5)
    assert (changed.target_size, changed.reference_sizes) == (
        correlation.target_size,
        correlation.reference_sizes,
    )
    # cosines differ by 2 at most
    assert (map_target_to_reference(handicapped(correlation, [0.0, -3.0])).picture == 0).all()
    assert (map_target_to_reference(handicapped(correlation, [-3.0, 0.0])).picture == 1).all()


def test_map_target_to_reference_equals_brute_force() -> None:
    correlation = random_correlation()
    mapping = map_target_to_reference(correlation)
    seen = set()
    for i in range(12):
        column = int(np.argmax(correlation.values[i].numpy()))
        picture, cell, (height, width) = (
            (0, column, (2, 5)) if column < 10 else (1, column - 10, (4, 1))
        )
        assert int(mapping.picture[i // 4, i % 4]) == picture
        expected = centre(cell // width, cell % width, height, width)
        assert mapping.xy[i // 4, i % 4].tolist() == pytest.approx(expected, abs=1e-6)
        seen.add(picture)
    assert seen == {0, 1}


def test_map_reference_to_target_equals_brute_force() -> None:
    correlation = random_correlation()
    maps = map_reference_to_target(correlation)
    assert [m.picture.shape for m in maps] == [(2, 5), (4, 1)]
    for start, mapping in zip((0, 10), maps, strict=True):
        height, width = mapping.picture.shape
        for cell in range(height * width):
            best = int(np.argmax(correlation.values[:, start + cell].numpy()))
            expected = centre(best // 4, best % 4, 3, 4)
            assert mapping.xy[cell // width, cell % width].tolist() == pytest.approx(
                expected, abs=1e-6
            )
        assert not mapping.picture.any()


def test_a_picture_maps_to_itself_there_and_back() -> None:
    joined = join_levels([features(64, 96), features(64, 96)])
    correlation = correlate(joined[0], [joined[0]])
    there, back = map_target_to_reference(correlation), map_reference_to_target(correlation)
    for mapping in (there, *back, compose(there, back)):
        torch.testing.assert_close(mapping.xy, identity(8, 12).xy)
        assert not mapping.picture.any()


def test_the_right_one_of_several_references_is_found() -> None:
    target = features(64, 64)
    joined = join_levels([target, features(32, 64), target, features(64, 32)])
    mapping = map_target_to_reference(correlate(joined[0], joined[1:]))
    assert (mapping.picture == 1).all()
    torch.testing.assert_close(mapping.xy, identity(8, 8).xy)


def test_a_moved_picture_is_followed(
    backbone: Backbone, gray_pictures: dict[str, np.ndarray]
) -> None:
    whole = torch.from_numpy(gray_pictures["motorcycle_left"].copy())[None, None].float() / 2.55
    # the same scene, 2 cells down and 4 to the right
    target, reference = whole[..., 0:96, 16:112], whole[..., 16:112, 48:144]
    layers = tuple(LEVELS)
    joined = join_levels([backbone(target, layers), backbone(reference, layers)])
    mapping = map_target_to_reference(correlate(joined[0], joined[1:]))
    column = ((mapping.xy[..., 0] + 1) / 2 * 12).long()
    row = ((mapping.xy[..., 1] + 1) / 2 * 12).long()
    overlap = slice(4, 10), slice(6, 10)  # away from the borders, which look different
    right = (row == torch.arange(12)[:, None] - 2) & (column == torch.arange(12) - 4)
    assert right[overlap].float().mean() > 0.9


# Maps


def test_compose_takes_the_nearest_entry_of_the_right_picture() -> None:
    first = PointMap(
        torch.tensor([[0, 1, 1]]), torch.tensor([[[0.9, -0.9], [-0.6, 0.2], [0.1, 0.2]]])
    )
    # 0.9, -0.9 in a 2x2 map is column 1, row 0; in a 1x4 map x = -0.6 is column 0 (-1..-0.5) and
    # 0.1 column 2 (0..0.5)
    onward = [
        PointMap(
            torch.tensor([[0, 0], [0, 0]]),
            torch.tensor([[[0.1, 0.1], [0.2, 0.2]], [[0.3, 0.3], [0.4, 0.4]]]),
        ),
        PointMap(
            torch.tensor([[0, 0, 1, 0]]),
            torch.tensor([[[0.5, 0.5], [0.6, 0.6], [0.7, 0.7], [0.8, 0.8]]]),
        ),
    ]
    result = compose(first, onward)
    torch.testing.assert_close(result.xy, torch.tensor([[[0.2, 0.2], [0.5, 0.5], [0.7, 0.7]]]))
    assert result.picture.tolist() == [[0, 0, 1]]


def test_compose_stays_inside_at_the_very_edge() -> None:
    corners = PointMap(
        torch.zeros(1, 2, dtype=torch.long), torch.tensor([[[-1.0, -1.0], [1.0, 1.0]]])
    )
    result = compose(corners, [identity(3, 5)])
    assert result.xy[0, 0].tolist() == pytest.approx(centre(0, 0, 3, 5))
    assert result.xy[0, 1].tolist() == pytest.approx(centre(2, 4, 3, 5))


# --- coherence


def grid_map(
    rows: torch.Tensor,
    columns: torch.Tensor,
    size: tuple[int, int],
    picture: torch.Tensor | None = None,
) -> PointMap:
    """A map to the centres of some cells, of pictures of one size."""
    xy = torch.stack(((columns + 0.5) * 2 / size[1] - 1, (rows + 0.5) * 2 / size[0] - 1), -1)
    return PointMap(torch.zeros(rows.shape, dtype=torch.long) if picture is None else picture, xy)


@pytest.mark.parametrize(
    ("turn", "scale", "least", "most"),
    [
        (0.0, 1.0, 1, 1),
        (0.3, 1.0, 0.95, 1),
        (0.0, 2.0, 1, 1),
        (0.7, 1.2, 0.95, 1),
        (0.7, 2.0, 0.75, 1),
        (0.0, 0.5, 0.45, 0.6),
    ],
)
@pytest.mark.parametrize("flip", [1, -1])
def test_the_same_thing_is_coherent_however_it_lies(
    turn: float, scale: float, least: float, most: float, flip: int
) -> None:
    """Matches are cells: at half the size, every other pair of neighbours shares one."""
    y, x = torch.meshgrid(torch.arange(24.0), torch.arange(32.0), indexing="ij")
    rows, columns = (
        scale * (math.cos(turn) * y + math.sin(turn) * x),
        scale * flip * (math.cos(turn) * x - math.sin(turn) * y),
    )
    mean = float(coherence(grid_map(rows.round(), columns.round(), (80, 80)), [(80, 80)]).mean())
    assert least <= mean <= most


def test_matches_at_random_are_not_coherent() -> None:
    generator = torch.Generator().manual_seed(0)
    rows, columns = (torch.randint(0, 30, (30, 30), generator=generator).float() for _ in range(2))
    assert coherence(grid_map(rows, columns, (30, 30)), [(30, 30)]).mean() < 0.05


def test_one_place_for_all_is_not_coherent() -> None:
    assert (
        coherence(grid_map(torch.zeros(5, 6), torch.zeros(5, 6), (30, 30)), [(30, 30)]).max() == 0.0
    )


def test_equal_pictures_may_take_turns() -> None:
    rows, columns = torch.meshgrid(torch.arange(3.0), torch.arange(4.0), indexing="ij")
    turns = ((rows + columns) % 2).long()
    assert coherence(grid_map(rows, columns, (3, 4), turns), [(3, 4), (3, 4)]).min() == 1.0


def test_borders_count_the_neighbours_that_they_have() -> None:
    """Of four columns the right two lie far off: the inner positions lose one neighbour of four, or of three."""
    rows, columns = torch.meshgrid(torch.arange(3.0), torch.arange(4.0), indexing="ij")
    found = coherence(grid_map(rows, columns + 9 * (columns >= 2), (3, 20)), [(3, 20)])
    wanted = torch.tensor([[1, 2 / 3, 2 / 3, 1], [1, 3 / 4, 3 / 4, 1], [1, 2 / 3, 2 / 3, 1]])
    torch.testing.assert_close(found, wanted)


def test_a_single_position_has_no_neighbours() -> None:
    assert coherence(grid_map(torch.zeros(1, 1), torch.zeros(1, 1), (3, 3)), [(3, 3)]).tolist() == [
        [0.0]
    ]
