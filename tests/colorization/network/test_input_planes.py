from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from colorization.inference.pictures.working_size import working_lab
from colorization.network.colorization_network import ENCODER_MAPS, NetworkInputs
from colorization.network.hints import GLOBAL_SIZE
from colorization.network.input_planes import (
    ReferencePlanes,
    network_inputs,
    reference_planes,
    round_trip,
)
from similarity.backbone.backbone import Backbone
from similarity.matching.unit_maps import UnitMaps, unit_maps

Match = Callable[[Tensor, list[Tensor]], ReferencePlanes]
ROWS, COLUMNS = 8, 12
HEIGHT, WIDTH = 8 * ROWS, 8 * COLUMNS


@pytest.fixture(scope="module")
def labs(pictures: dict[str, np.ndarray]) -> dict[str, Tensor]:
    return {
        name: working_lab(pictures[name], 128)
        for name in ("motorcycle_left", "motorcycle_right", "chelsea")
    }


@pytest.fixture(scope="module")
def match(backbone: Backbone) -> Match:
    """``match(target, references)`` on Lab pictures, as the default backbone sees them."""

    def seen(lab: Tensor) -> UnitMaps:
        size = lab.shape[2] // 8, lab.shape[3] // 8
        layers = backbone.layers
        maps = backbone.standardised_maps(lab[:, :1], layers.levels)
        return unit_maps(maps, layers, size, lab[:, :1])

    def call(target: Tensor, references: list[Tensor]) -> ReferencePlanes:
        with torch.inference_mode():
            maps = [seen(lab) for lab in references]
            return reference_planes(seen(target), maps, [lab[:, 1:] for lab in references])

    return call


def distinct(batch: int = 1) -> UnitMaps:
    """Made maps whose positions all differ, so that every match is certain."""
    levels = [torch.randn(batch, 256, ROWS, COLUMNS) for _ in range(4)]
    near = torch.randn(batch, 256, 2 * ROWS, 2 * COLUMNS)
    seen = [F.normalize(planes, dim=1) for planes in (*levels, near)]
    return UnitMaps(tuple(seen[:4]), (seen[4],), torch.rand(batch, 1, 2 * ROWS, 2 * COLUMNS) * 100)


def mirrored(maps: UnitMaps) -> UnitMaps:
    assert maps.luminance is not None
    levels, near = ([planes.flip(3) for planes in some] for some in (maps.levels, maps.detail))
    return UnitMaps(tuple(levels), tuple(near), maps.luminance.flip(3))


def member(maps: UnitMaps, number: int) -> UnitMaps:
    """One picture of a batch."""
    row = slice(number, number + 1)
    levels, near = ([planes[row] for planes in some] for some in (maps.levels, maps.detail))
    assert maps.luminance is not None
    return UnitMaps(tuple(levels), tuple(near), maps.luminance[row])


def random_ab(batch: int = 1) -> Tensor:
    return torch.randn(batch, 2, HEIGHT, WIDTH) * 30


def at_stride_4(ab: Tensor) -> Tensor:
    return F.avg_pool2d(ab, 4)


# Colors carried over


def test_shapes(match: Match, labs: dict[str, Tensor]) -> None:
    target = labs["motorcycle_left"]
    found = match(target, [labs["chelsea"], labs["motorcycle_right"]])
    size = (target.shape[2] // 8, target.shape[3] // 8)
    assert found.warped_ab.shape == (1, 2, 2 * size[0], 2 * size[1])
    assert found.similarity.shape == (1, 8, *size)
    assert found.planes.shape == (1, 17, *size)
    assert found.weights.shape == found.correlation.values.shape
    assert bool(found.warped_ab.isfinite().all())
    assert float(found.similarity.abs().max()) <= 1 + 1e-5


@pytest.mark.parametrize("name", ["motorcycle_left", "chelsea"])
def test_a_target_that_is_its_own_reference_gets_its_own_colors(
    match: Match, labs: dict[str, Tensor], name: str
) -> None:
    lab = labs[name]
    own = at_stride_4(lab[:, 1:])
    found = match(lab, [lab])
    spread = (own - own.mean((2, 3), keepdim=True)).norm(dim=1).mean()
    assert float((found.warped_ab - own).norm(dim=1).mean()) < 0.35 * float(spread)
    # there and back is nowhere else
    torch.testing.assert_close(round_trip(own, found), found.warped_ab)
    torch.testing.assert_close(
        found.similarity, torch.ones_like(found.similarity), atol=1e-3, rtol=0
    )


def test_colors_follow_the_correspondence() -> None:
    target, ab = distinct(), random_ab()
    found = reference_planes(target, [mirrored(target)], [ab])
    # within a cell the cosine from near, 1 and about 0, weighs by e to the 5th
    torch.testing.assert_close(found.warped_ab, at_stride_4(ab).flip(3), atol=2.0, rtol=0)


def test_each_position_takes_its_color_from_the_reference_that_fits() -> None:
    target, own = distinct(), random_ab()
    strange = torch.full((1, 2, HEIGHT, WIDTH), 99.0)
    found = reference_planes(target, [distinct(), target], [strange, own])
    torch.testing.assert_close(found.warped_ab, at_stride_4(own), atol=2.0, rtol=0)


def test_one_color_is_carried_over_as_it_is(match: Match, labs: dict[str, Tensor]) -> None:
    painted = labs["chelsea"].clone()
    painted[:, 1:] = torch.tensor([25.0, -40.0]).view(2, 1, 1)
    found = match(labs["motorcycle_left"], [painted]).warped_ab
    wanted = painted[:, 1:, :1, :1].expand_as(found).contiguous()
    torch.testing.assert_close(found, wanted, atol=1e-3, rtol=0)


def test_gray_references_lend_gray(match: Match, labs: dict[str, Tensor]) -> None:
    gray = labs["chelsea"] * torch.tensor([1.0, 0.0, 0.0]).view(3, 1, 1)
    assert not match(labs["motorcycle_left"], [gray]).warped_ab.any()


def test_chroma_may_come_at_a_stride_of_its_own() -> None:
    """As it is stored for training: 4 cells of stride 2 a cell of stride 8."""
    target, ab = distinct(), random_ab()
    whole = reference_planes(target, [target], [ab])
    stored = reference_planes(target, [target], [F.avg_pool2d(ab, 2)], stride=4)
    torch.testing.assert_close(stored.warped_ab, whole.warped_ab, atol=1e-4, rtol=1e-4)


def test_a_batch_is_its_pictures() -> None:
    target, one, other = distinct(3), distinct(3), distinct(3)
    ab = [random_ab(3), random_ab(3)]
    together = reference_planes(target, [one, other], ab)
    for i in range(3):
        maps = [member(maps, i) for maps in (target, one, other)]
        own = [planes[i : i + 1] for planes in ab]
        alone = reference_planes(maps[0], maps[1:], own)
        torch.testing.assert_close(alone.planes[0], together.planes[i], atol=1e-2, rtol=1e-2)


def test_planes_by_hand() -> None:
    """Warped ab of four quarters over 50, eight similarities, and a plane of ones."""
    target, ab = distinct(), torch.full((1, 2, HEIGHT, WIDTH), 25.0)
    found = reference_planes(target, [target], [ab]).planes
    wanted = torch.tensor([0.5] * 8 + [1.0] * 8 + [1.0]).view(1, 17, 1, 1).expand_as(found)
    torch.testing.assert_close(found, wanted.contiguous(), atol=1e-3, rtol=0)


# The round trip of training


def test_the_round_trip_brings_every_color_home() -> None:
    target, own = distinct(), at_stride_4(random_ab())
    said = reference_planes(target, [target], [torch.zeros(1, 2, HEIGHT, WIDTH)])
    torch.testing.assert_close(round_trip(own, said), own, atol=2.0, rtol=0)


def test_the_round_trip_equals_loops() -> None:
    target, reference, own = distinct(2), distinct(2), at_stride_4(random_ab(2))
    said = reference_planes(target, [reference], [random_ab(2)])
    found = round_trip(own, said)
    for number in range(2):
        lent = [
            own[number, :, 2 * (home // COLUMNS) + i // 2, 2 * (home % COLUMNS) + i % 2]
            for cell in range(ROWS * COLUMNS)
            for home in [int(said.correlation.to_target[number, cell])]
            for i in range(4)
        ]
        for place in range(0, ROWS * COLUMNS, 7):
            cells = said.quarters.cells[number, place].tolist()
            chosen = [lent[4 * cell + i] for cell in cells for i in range(4)]
            for i in range(4):
                weights = said.quarters.weights[number, place, i]
                wanted = sum(w * color for w, color in zip(weights, chosen, strict=True))
                row, column = 2 * (place // COLUMNS) + i // 2, 2 * (place % COLUMNS) + i % 2
                color = found[number, :, row, column]
                torch.testing.assert_close(color, wanted, atol=1e-3, rtol=1e-4)


def test_a_good_reference_brings_more_colors_home_than_a_strange_one(
    match: Match, labs: dict[str, Tensor]
) -> None:
    target = labs["motorcycle_left"]
    own, errors = at_stride_4(target[:, 1:]), []
    for name in ("motorcycle_right", "chelsea"):
        said = match(target, [labs[name]])
        home = round_trip(own, said)
        errors.append(float((home - own).norm(dim=1).mean()))
    assert errors[0] < errors[1]


# What the network reads


def read(luminance: Tensor, references: Tensor | None, hints: Tensor | None) -> NetworkInputs:
    return network_inputs(
        {}, luminance, references, hints, torch.zeros(len(luminance), GLOBAL_SIZE)
    )


def test_hints_are_normalised_by_hand() -> None:
    hints = torch.tensor([100.0, -10.0, 1.0]).view(1, 3, 1, 1).expand(2, 3, 8, 16).contiguous()
    found = read(torch.full((2, 1, 32, 64), 75.0), torch.full((2, 17, 4, 8), 7.0), hints)
    assert found.hints[1, :, 5, 3].tolist() == pytest.approx([2.0, -0.2, 1.0])
    assert torch.equal(found.references, torch.full((2, 17, 4, 8), 7.0))
    # (75 - 50) / 50 at stride 2
    assert torch.equal(found.luminance, torch.full((2, 1, 16, 32), 0.5))


def test_no_references_and_no_hints_are_zero_planes() -> None:
    found = read(torch.rand(3, 1, 32, 64) * 100, None, None)
    assert found.references.shape == (3, 17, 4, 8)
    assert found.hints.shape == (3, 3, 8, 16)
    assert not found.references.any() and not found.hints.any()


def test_black_and_white_are_minus_one_and_one() -> None:
    luminance = torch.tensor([0.0, 100.0]).view(2, 1, 1, 1).expand(2, 1, 32, 32).contiguous()
    assert read(luminance, None, None).luminance[:, 0, 0, 0].tolist() == [-1.0, 1.0]


def test_luminance_is_averaged_over_the_cells_of_the_grid() -> None:
    luminance = torch.zeros(1, 1, 32, 32)
    luminance[..., 0, 0], luminance[..., 3, 2] = 100.0, 40.0
    # means over 2 x 2 pixels: 25 and 10, to (L - 50) / 50
    found = read(luminance, None, None).luminance[0, 0, :2, :2]
    torch.testing.assert_close(found, torch.tensor([[-0.5, -1.0], [-1.0, -0.8]]))


def test_maps_and_global_hints_pass_as_they_are(backbone: Backbone) -> None:
    level = torch.rand(1, 1, 64, 64) * 100
    maps = backbone.standardised_maps(level, tuple(ENCODER_MAPS))
    vector = torch.rand(1, GLOBAL_SIZE)
    found = network_inputs(maps, level, None, None, vector)
    assert all(torch.equal(found.maps[name], maps[name]) for name in ENCODER_MAPS)
    assert torch.equal(found.global_hints, vector)


@pytest.mark.parametrize("size", [(32, 40), (16, 32), (33, 64)], ids=str)
def test_sides_must_be_multiples_of_32(size: tuple[int, int]) -> None:
    with pytest.raises(
        ValueError, match=f"sides must be multiples of 32, got {size[0]} x {size[1]}"
    ):
        read(torch.zeros(1, 1, *size), None, None)
