import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from similarity.backbone.backbone import EFFICIENTNET_LAYERS, Backbone
from similarity.matching.correlation import (
    Correlation,
    PointMap,
    coherence,
    correlate,
    map_target_to_reference,
)
from similarity.matching.unit_maps import UnitMaps, unit_maps


def maps(batch: int, height: int, width: int) -> UnitMaps:
    """Random unit maps on a grid of that size."""
    levels = (torch.randn(batch, 6, height, width) for _ in range(4))
    return UnitMaps(tuple(level / level.norm(dim=1, keepdim=True) for level in levels))


def centre(row: int, column: int, height: int, width: int) -> tuple[float, float]:
    """Where a cell lies in -1..1, as (x, y)."""
    return (2 * column + 1) / width - 1, (2 * row + 1) / height - 1


def identity(height: int, width: int) -> PointMap:
    xy = [[centre(row, column, height, width) for column in range(width)] for row in range(height)]
    return PointMap(torch.zeros(height, width, dtype=torch.long), torch.tensor(xy))


def random_correlation(batch: int = 1) -> Correlation:
    """Targets of 3x4 and references of 2x5 and 4x1."""
    return Correlation(torch.rand(batch, 12, 14) * 2 - 1, (3, 4), ((2, 5), (4, 1)))


# Correlation


@pytest.fixture
def in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)


@pytest.mark.usefixtures("in_float32")
@pytest.mark.parametrize("width", [3, 9])  # fewer positions than channels, and more
def test_of_the_coarsest_level_positions_are_multiplied(width: int) -> None:
    """What is interpolated from few positions is as if all of it had been multiplied."""
    layers = ("stride32", "stride16", "stride8", "stride4")
    ours, theirs = (
        unit_maps(
            {
                name: torch.randn(2, 40, rows * 2**i, columns * 2**i)
                for i, name in enumerate(layers)
            },
            EFFICIENTNET_LAYERS,
            (4 * rows, 4 * columns),
        )
        for rows, columns in ((2, 4), (5, width))
    )
    found, plain = (
        correlate(target, [reference]).values
        for target, reference in (
            (ours, theirs),
            (replace(ours, coarsest=None), replace(theirs, coarsest=None)),
        )
    )
    torch.testing.assert_close(found, plain, atol=1e-5, rtol=0)


@pytest.mark.usefixtures("in_float32")
def test_correlate_equals_loops() -> None:
    target, references = maps(2, 2, 3), [maps(2, 1, 2), maps(2, 3, 2)]
    correlation = correlate(target, references)
    assert correlation.counts == [2, 6]
    assert (correlation.target_size, correlation.reference_sizes) == ((2, 3), ((1, 2), (3, 2)))
    for member in range(2):
        for i in range(6):
            column = 0
            for reference in references:
                _, _, height, width = reference.joined.shape
                for cell in range(height * width):
                    ours = target.joined[member, :, i // 3, i % 3]
                    theirs = reference.joined[member, :, cell // width, cell % width]
                    expected = sum(float(a * b) for a, b in zip(ours, theirs, strict=True))
                    found = float(correlation.values[member, i, column])
                    assert found == pytest.approx(expected, abs=1e-5)
                    column += 1


def test_correlate_needs_a_reference() -> None:
    with pytest.raises(ValueError, match="at least one reference"):
        correlate(maps(1, 2, 3), [])


@pytest.mark.usefixtures("in_float32")
def test_a_batch_is_its_pictures() -> None:
    target, references = maps(3, 2, 3), [maps(3, 1, 2), maps(3, 3, 2)]
    together = correlate(target, references)
    for i in range(3):
        row = torch.tensor([i])
        alone = correlate(target.take(row), [one.take(row) for one in references])
        torch.testing.assert_close(alone.values[0], together.values[i])
        torch.testing.assert_close(alone.best[0], together.best[i])
        assert torch.equal(alone.to_reference[0], together.to_reference[i])
        assert torch.equal(alone.to_target[0], together.to_target[i])


# Hard mappings


def test_best_matches_equal_brute_force() -> None:
    correlation = random_correlation(batch=2)
    assert correlation.best.shape == (2, 1, 3, 4)
    for member, values in enumerate(correlation.values.numpy()):
        for i in range(12):
            assert int(correlation.to_reference[member, i]) == values[i].argmax()
            wanted = min(max(values[i].max(), 0), 1)
            found = float(correlation.best[member, 0, i // 4, i % 4])
            assert found == pytest.approx(wanted, abs=1e-6)
        for j in range(14):
            assert int(correlation.to_target[member, j]) == values[:, j].argmax()


def test_how_well_things_match_is_within_0_and_1() -> None:
    values = torch.tensor([[[-0.3, -0.2], [0.4, 0.1], [1.2, 0.9]]])
    found = Correlation(values, (1, 3), ((1, 2),)).best
    torch.testing.assert_close(found, torch.tensor([[[[0.0, 0.4, 1.0]]]]))


def test_map_target_to_reference_equals_brute_force() -> None:
    correlation = random_correlation()
    mapping = map_target_to_reference(correlation)
    seen = set()
    for i in range(12):
        column = int(np.argmax(correlation.values[0, i].numpy()))
        picture, cell, (height, width) = (
            (0, column, (2, 5)) if column < 10 else (1, column - 10, (4, 1))
        )
        assert int(mapping.picture[i // 4, i % 4]) == picture
        expected = centre(cell // width, cell % width, height, width)
        assert mapping.xy[i // 4, i % 4].tolist() == pytest.approx(expected, abs=1e-6)
        seen.add(picture)
    assert seen == {0, 1}


def test_a_picture_maps_to_itself_there_and_back() -> None:
    picture = maps(1, 8, 12)
    correlation = correlate(picture, [picture])
    mapping = map_target_to_reference(correlation)
    torch.testing.assert_close(mapping.xy, identity(8, 12).xy)
    assert not mapping.picture.any()
    assert correlation.to_reference[0].tolist() == list(range(96))
    assert correlation.to_target[0].tolist() == list(range(96))
    torch.testing.assert_close(correlation.best, torch.ones(1, 1, 8, 12), atol=0.01, rtol=0)


def test_the_right_one_of_several_references_is_found() -> None:
    target = maps(1, 8, 8)
    mapping = map_target_to_reference(correlate(target, [maps(1, 4, 8), target, maps(1, 8, 4)]))
    assert (mapping.picture == 1).all()
    torch.testing.assert_close(mapping.xy, identity(8, 8).xy)


@pytest.mark.parametrize("scale", [1, 2])
def test_a_moved_picture_is_followed(
    backbone: Backbone, gray_pictures: dict[str, np.ndarray], scale: int
) -> None:
    gray = gray_pictures["motorcycle_left"].repeat(scale, 0).repeat(scale, 1)
    whole = torch.from_numpy(gray)[None, None].float() / 2.55
    side, step, across = 96 * scale, 16 * scale, 32 * scale
    # the same scene, 2 cells down and 4 to the right at the first scale
    target = whole[..., 0:side, step : step + side]
    reference = whole[..., step : step + side, step + across : step + across + side]
    layers, cells = backbone.layers, side // 8
    seen = [
        unit_maps(backbone.standardised_maps(one, layers.levels), layers, (cells, cells))
        for one in (target, reference)
    ]
    mapping = map_target_to_reference(correlate(seen[0], seen[1:]))
    column = ((mapping.xy[..., 0] + 1) / 2 * cells).long()
    row = ((mapping.xy[..., 1] + 1) / 2 * cells).long()
    down, right = row - torch.arange(cells)[:, None], column - torch.arange(cells)
    overlap = slice(4 * scale, 10 * scale), slice(6 * scale, 10 * scale)
    near = ((down + 2 * scale).abs() <= 1) & ((right + 4 * scale).abs() <= 1)
    assert near[overlap].float().mean() > 0.8


# Coherence


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
    """Of four columns the right two lie far off: inner positions lose one neighbour of 4 or 3."""
    rows, columns = torch.meshgrid(torch.arange(3.0), torch.arange(4.0), indexing="ij")
    found = coherence(grid_map(rows, columns + 9 * (columns >= 2), (3, 20)), [(3, 20)])
    wanted = torch.tensor([[1, 2 / 3, 2 / 3, 1], [1, 3 / 4, 3 / 4, 1], [1, 2 / 3, 2 / 3, 1]])
    torch.testing.assert_close(found, wanted)


def test_a_single_position_has_no_neighbours() -> None:
    assert coherence(grid_map(torch.zeros(1, 1), torch.zeros(1, 1), (3, 3)), [(3, 3)]).tolist() == [
        [0.0]
    ]


@pytest.mark.parametrize("rows", [1, 7, 12, 48, 90])
def test_of_equal_matches_the_first_counts(rows: int) -> None:
    values = torch.randint(0, 4, (2, rows, 30)).float()
    found = Correlation(values, (1, rows), ((1, 30),)).to_target
    assert torch.equal(found, torch.from_numpy(values.numpy().argmax(1)))
