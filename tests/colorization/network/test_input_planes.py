from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from colorization.inference.working_size import working_lab
from colorization.network.input_planes import (
    REFERENCE_LAYERS,
    TARGET_LAYERS,
    ReferencePlanes,
    input_planes,
    reference_planes,
)
from similarity.backbone.backbone import Backbone
from similarity.backbone.vgg19 import STRIDES

Features = dict[str, Tensor]
Match = Callable[..., ReferencePlanes]
HEIGHT, WIDTH = 64, 96


@pytest.fixture(scope="module")
def labs(pictures: dict[str, np.ndarray]) -> dict[str, Tensor]:
    return {
        name: working_lab(pictures[name], 96)
        for name in ("motorcycle_left", "motorcycle_right", "chelsea")
    }


@pytest.fixture(scope="module")
def match(backbone: Backbone) -> Match:
    """``match(target, references, **more)`` on Lab pictures, with features of the bundled backbone."""

    def call(target: Tensor, references: list[Tensor], **more: object) -> ReferencePlanes:
        with torch.inference_mode():
            own, *theirs = (backbone(lab[:, :1], REFERENCE_LAYERS) for lab in (target, *references))
            return reference_planes(own, theirs, [lab[0, 1:] for lab in references], **more)  # type: ignore[arg-type]

    return call


def distinct() -> Features:
    """Made features whose positions at stride 8 all differ, so that every match is certain."""
    features = {
        layer: torch.ones(1, 4, HEIGHT // STRIDES[int(layer[4])], WIDTH // STRIDES[int(layer[4])])
        for layer in REFERENCE_LAYERS
    }
    return features | {"relu4_4": torch.randn(1, 256, HEIGHT // 8, WIDTH // 8)}


def mirrored(features: Features) -> Features:
    return {layer: plane.flip(3) for layer, plane in features.items()}


def at_stride_8(ab: Tensor) -> Tensor:
    return F.avg_pool2d(ab[None], 8)[0]


# Colors carried over


def test_shapes(match: Match, labs: dict[str, Tensor]) -> None:
    target = labs["motorcycle_left"]
    found = match(target, [labs["chelsea"], labs["motorcycle_right"]])
    size = (target.shape[2] // 8, target.shape[3] // 8)
    assert found.warped_ab.shape == (2, *size)
    assert found.similarity.shape == (10, *size)
    assert found.round_trip_ab is None
    assert bool(found.warped_ab.isfinite().all())
    assert 0 <= float(found.similarity.min()) <= float(found.similarity.max()) <= 1 + 1e-5


@pytest.mark.parametrize("name", ["motorcycle_left", "chelsea"])
def test_a_target_that_is_its_own_reference_gets_its_own_colors(
    match: Match, labs: dict[str, Tensor], name: str
) -> None:
    lab = labs[name]
    own = at_stride_8(lab[0, 1:])
    found = match(lab, [lab], target_ab=lab[0, 1:])
    spread = (own - own.mean((1, 2), keepdim=True)).norm(dim=0).mean()
    assert float((found.warped_ab - own).norm(dim=0).mean()) < 0.35 * float(spread)
    assert found.round_trip_ab is not None
    # there and back is nowhere else
    torch.testing.assert_close(found.round_trip_ab, found.warped_ab)
    torch.testing.assert_close(
        found.similarity, torch.ones_like(found.similarity), atol=1e-3, rtol=0
    )


def test_colors_follow_the_correspondence() -> None:
    target, reference_ab = distinct(), torch.randn(2, HEIGHT, WIDTH) * 30
    found = reference_planes(target, [mirrored(target)], [reference_ab])
    torch.testing.assert_close(
        found.warped_ab, at_stride_8(reference_ab).flip(2), atol=1e-3, rtol=1e-4
    )


def test_each_position_takes_its_color_from_the_reference_that_fits() -> None:
    target, stranger = distinct(), distinct()
    own = torch.randn(2, HEIGHT, WIDTH) * 30
    found = reference_planes(
        target, [stranger, target], [torch.full((2, HEIGHT, WIDTH), 99.0), own]
    )
    torch.testing.assert_close(found.warped_ab, at_stride_8(own), atol=1e-3, rtol=1e-4)


def test_one_color_is_carried_over_as_it_is(match: Match, labs: dict[str, Tensor]) -> None:
    painted = labs["chelsea"].clone()
    painted[:, 1:] = torch.tensor([25.0, -40.0]).view(2, 1, 1)
    found = match(labs["motorcycle_left"], [painted])
    torch.testing.assert_close(
        found.warped_ab,
        painted[0, 1:, :1, :1].expand_as(found.warped_ab).contiguous(),
        atol=1e-3,
        rtol=0,
    )


def test_a_handicap_holds_a_reference_back() -> None:
    target = distinct()
    red, blue = (
        torch.tensor(color).view(2, 1, 1).expand(2, HEIGHT, WIDTH).contiguous()
        for color in ([60.0, 40.0], [20.0, -70.0])
    )
    fair, held = (
        reference_planes(target, [target, target], [red, blue], handicaps)
        for handicaps in (None, [-0.5, 0.0])
    )
    torch.testing.assert_close(fair.warped_ab, at_stride_8((red + blue) / 2), atol=1e-3, rtol=0)
    torch.testing.assert_close(held.warped_ab, at_stride_8(blue), atol=1e-3, rtol=0)


# The round trip of training


def test_the_round_trip_brings_every_color_home() -> None:
    target, target_ab = distinct(), torch.randn(2, HEIGHT, WIDTH) * 30
    for reference in (target, mirrored(target)):
        found = reference_planes(
            target, [reference], [torch.zeros(2, HEIGHT, WIDTH)], target_ab=target_ab
        )
        assert found.round_trip_ab is not None
        torch.testing.assert_close(
            found.round_trip_ab, at_stride_8(target_ab), atol=1e-3, rtol=1e-4
        )


def test_the_round_trip_knows_the_targets_colors_only(
    match: Match, labs: dict[str, Tensor]
) -> None:
    target, reference = labs["motorcycle_left"], labs["chelsea"]
    gray = torch.cat((reference[:, :1], torch.zeros_like(reference[:, 1:])), 1)
    found, from_gray = (
        match(target, [r], target_ab=target[0, 1:]).round_trip_ab for r in (reference, gray)
    )
    assert found is not None and from_gray is not None
    torch.testing.assert_close(found, from_gray)
    nothing = match(target, [reference], target_ab=torch.zeros_like(target[0, 1:])).round_trip_ab
    assert nothing is not None and not nothing.any()


def test_a_good_reference_brings_more_colors_home_than_a_strange_one(
    match: Match, labs: dict[str, Tensor]
) -> None:
    target = labs["motorcycle_left"]
    own, errors = at_stride_8(target[0, 1:]), []
    for name in ("motorcycle_right", "chelsea"):
        home = match(target, [labs[name]], target_ab=target[0, 1:]).round_trip_ab
        assert home is not None
        errors.append(float((home - own).norm(dim=0).mean()))
    assert errors[0] < errors[1]


# The network's planes


def test_order_and_normalisation_by_hand() -> None:
    luminance = torch.full((2, 1, 32, 48), 75.0)
    warped = torch.stack((torch.full((2, 4, 6), 25.0), torch.full((2, 4, 6), -50.0)), 1)
    similarity = (torch.arange(10.0) / 10).view(1, 10, 1, 1).expand(2, 10, 4, 6).contiguous()
    hints = torch.tensor([100.0, -10.0, 1.0]).view(1, 3, 1, 1).expand(2, 3, 16, 24).contiguous()
    found = input_planes(luminance, warped, similarity, hints, 2)
    assert found.shape == (2, 16, 16, 24)
    # L: (75 - 50) / 50; ab / 50; ten similarities; hinted ab / 50; mask
    expected = torch.tensor([0.5, 0.5, -1.0, *(i / 10 for i in range(10)), 2.0, -0.2, 1.0])
    torch.testing.assert_close(found, expected.view(1, 16, 1, 1).expand(2, 16, 16, 24).contiguous())


def test_no_references_and_no_hints_are_zero_planes() -> None:
    found = input_planes(torch.rand(1, 1, 16, 16) * 100, None, None, None, 2)
    assert found.shape == (1, 16, 8, 8)
    assert not found[:, 1:].any()
    zeros = input_planes(
        torch.full((1, 1, 16, 16), 80.0),
        torch.zeros(1, 2, 2, 2),
        torch.zeros(1, 10, 2, 2),
        torch.zeros(1, 3, 8, 8),
        2,
    )
    assert torch.equal(zeros[:, 1:], found[:, 1:])


def test_black_and_white_are_minus_one_and_one() -> None:
    luminance = torch.tensor([0.0, 100.0]).view(2, 1, 1, 1).expand(2, 1, 8, 8).contiguous()
    assert input_planes(luminance, None, None, None, 1)[:, 0, 0, 0].tolist() == [-1.0, 1.0]


def test_luminance_is_averaged_over_the_cells_of_the_grid() -> None:
    luminance = torch.zeros(1, 1, 4, 4)
    luminance[..., 0, 0], luminance[..., 3, 2] = 100.0, 40.0
    # means over 2 x 2 pixels: 25 and 10, to (L - 50) / 50
    expected = torch.tensor([[-0.5, -1.0], [-1.0, -0.8]])
    torch.testing.assert_close(input_planes(luminance, None, None, None, 2)[0, 0], expected)
    assert input_planes(luminance, None, None, None, 1).shape == (1, 16, 4, 4)


def test_reference_planes_are_enlarged_without_a_shift() -> None:
    ramp = torch.linspace(-40, 40, 6).view(1, 1, 1, 6).expand(1, 2, 4, 6).contiguous()
    found = (
        input_planes(torch.zeros(1, 1, 32, 48), ramp, torch.zeros(1, 10, 4, 6), None, 2)[0, 1] * 50
    )
    torch.testing.assert_close(F.avg_pool2d(found[None], 4)[0][:, 1:-1], ramp[0, 0][:, 1:-1])
    torch.testing.assert_close(found, -found.flip(1), atol=1e-4, rtol=0)


def test_layers_hold_what_matching_and_the_network_read() -> None:
    assert set(REFERENCE_LAYERS) >= {
        "relu3_4",
        "relu4_4",
        "relu5_4",
        "relu1_1",
        "relu2_1",
        "relu3_1",
        "relu4_1",
        "relu5_1",
    }
    assert set(TARGET_LAYERS) >= set(REFERENCE_LAYERS)
    assert len(set(TARGET_LAYERS)) == len(TARGET_LAYERS)
