import re
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from similarity.backbone.backbone import Backbone
from similarity.color.lab import rgb_to_lab
from similarity.matching.correlation import (
    Correlation,
    PointMap,
    correlate,
    map_target_to_reference,
)
from similarity.matching.unit_maps import UnitMaps, unit_maps
from similarity.matching.warp import soft_weights, warp_hard, warp_soft


def point_map(picture: list[list[int]], xy: list[list[list[float]]]) -> PointMap:
    return PointMap(torch.tensor(picture), torch.tensor(xy))


def random_correlation(batch: int = 2) -> Correlation:
    """Targets of 3x4 and references of 2x5 and 4x1."""
    return Correlation(torch.rand(batch, 12, 14) * 2 - 1, (3, 4), ((2, 5), (4, 1)))


def random_values(batch: int = 2) -> list[torch.Tensor]:
    """Two planes of each reference."""
    return [torch.randn(batch, 2, 2, 5), torch.randn(batch, 2, 4, 1)]


# Hard


def test_nearest_equals_brute_force() -> None:
    values = [torch.rand(2, 3, 5), torch.rand(2, 6, 4)]
    mapping = PointMap(torch.randint(0, 2, (7, 8)), torch.rand(7, 8, 2) * 2 - 1)
    warped = warp_hard(values, mapping, "nearest")
    assert warped.shape == (2, 7, 8)
    for row in range(7):
        for column in range(8):
            plane = values[int(mapping.picture[row, column])]
            x, y = mapping.xy[row, column].tolist()
            source = plane[:, int((y + 1) / 2 * plane.shape[1]), int((x + 1) / 2 * plane.shape[2])]
            assert torch.equal(warped[:, row, column], source)


def test_bilinear_by_hand() -> None:
    values = torch.tensor([[[10.0, 20.0], [30.0, 50.0]]])
    # cells of a 2x2 picture have their centres at -0.5 and 0.5; beyond them the border is repeated
    mapping = point_map([[0, 0, 0, 0]], [[[-0.5, -0.5], [0.0, -0.5], [0.0, 0.0], [1.0, 0.25]]])
    # (20 + 50) at y = 0.25 is three quarters of the way from -0.5 to 0.5: 20 / 4 + 50 * 3 / 4 =
    # 42.5
    torch.testing.assert_close(
        warp_hard([values], mapping), torch.tensor([[[10.0, 15.0, 27.5, 42.5]]])
    )


def test_a_reference_that_nothing_maps_to_is_ignored() -> None:
    mapping = point_map([[1, 1]], [[[0.0, 0.0], [0.0, 0.0]]])
    warped = warp_hard([torch.full((1, 2, 2), torch.nan), torch.ones(1, 3, 3)], mapping)
    assert torch.equal(warped, torch.ones(1, 1, 2))


def test_type_of_the_values_is_kept() -> None:
    mapping = point_map([[0]], [[[0.0, 0.0]]])
    assert warp_hard([torch.ones(1, 2, 2, dtype=torch.float64)], mapping).dtype == torch.float64


def test_hard_warp_passes_gradients_to_the_values() -> None:
    values = torch.rand(2, 4, 4, requires_grad=True)
    warp_hard(
        [values], PointMap(torch.zeros(3, 3, dtype=torch.long), torch.rand(3, 3, 2) - 0.5)
    ).sum().backward()
    # 3 * 3 positions of 2 channels, bilinear weights sum to 1
    assert float(values.grad.sum()) == pytest.approx(18)


# Soft


def test_weights_equal_numpy() -> None:
    correlation = random_correlation()
    weights = soft_weights(correlation, 0.3)
    logits = correlation.values.numpy().astype(np.float64) / 0.3
    wanted_by_all = np.exp(logits / 2).sum(1, keepdims=True)
    expected = np.exp(logits) / wanted_by_all
    expected /= expected.sum(2, keepdims=True)
    np.testing.assert_allclose(weights.numpy(), expected, atol=1e-6)


def test_what_else_speaks_for_a_pair_multiplies_its_odds() -> None:
    """Odds are e to 1, as below; a prior of 1 to e evens them."""
    correlation = Correlation(torch.tensor([[[0.3, 0.1]]]), (1, 1), ((1, 1), (1, 1)))
    found = soft_weights(correlation, 0.1, torch.tensor([[[-5.0, -4.0]]]))
    torch.testing.assert_close(found, torch.tensor([[[0.5, 0.5]]]))


@pytest.mark.parametrize("constant", [-500.0, 500.0])
def test_what_speaks_for_all_pairs_alike_changes_nothing(constant: float) -> None:
    correlation = random_correlation()
    prior = torch.randn(2, 12, 14)
    found = soft_weights(correlation, 0.1, prior + constant)
    torch.testing.assert_close(found, soft_weights(correlation, 0.1, prior), atol=1e-4, rtol=1e-3)


def test_weights_are_shares() -> None:
    for temperature in (1e-3, 0.02, 1.0, 100.0):
        weights = soft_weights(random_correlation(), temperature)
        assert (weights >= 0).all()
        torch.testing.assert_close(weights.sum(2), torch.ones(2, 12))


def test_weights_by_hand() -> None:
    # cosines 0.3 and 0.1 at temperature 0.1: odds e^2 to 1, of which each is wanted e to 1
    correlation = Correlation(torch.tensor([[[0.3, 0.1]]]), (1, 1), ((1, 1), (1, 1)))
    wanted = torch.tensor([[[0.731059, 0.268941]]])
    torch.testing.assert_close(soft_weights(correlation, 0.1), wanted)


def test_what_resembles_everything_lends_less_to_each() -> None:
    """A cloud resembles a wall as much as stone does, and a second cloud more."""
    values = torch.tensor([[[0.5, 0.5], [0.9, 0.1]]])  # wall and cloud, to a cloud and stone
    found = soft_weights(Correlation(values, (1, 2), ((1, 2),)), 0.1)
    assert float(found[0, 0, 1]) > 0.8 and float(found[0, 1, 0]) > 0.9


@pytest.mark.parametrize("temperature", [0.0, -0.1])
def test_temperature_must_be_positive(temperature: float) -> None:
    with pytest.raises(ValueError, match=f"temperature must be positive, not {temperature}"):
        soft_weights(random_correlation(), temperature)


def test_cold_soft_warp_is_the_hard_warp() -> None:
    correlation, values = random_correlation(1), random_values(1)
    cold = warp_soft(values, correlation, soft_weights(correlation, 1e-5))
    wanted = correlation.values - correlation.values.amax(1, keepdim=True) / 2
    best = map_target_to_reference(replace(correlation, values=wanted))
    hard = warp_hard([v[0] for v in values], best, "nearest")
    torch.testing.assert_close(cold[0], hard, atol=1e-4, rtol=0)


def test_hot_soft_warp_is_the_mean() -> None:
    correlation, values = random_correlation(), random_values()
    hot = warp_soft(values, correlation, soft_weights(correlation, 1e6))
    mean = torch.cat([v.flatten(2) for v in values], 2).mean(2)
    torch.testing.assert_close(hot, mean[..., None, None].expand(2, 2, 3, 4), atol=1e-4, rtol=0)


def test_soft_warp_equals_loops() -> None:
    correlation, values = random_correlation(), random_values()
    weights = soft_weights(correlation, 0.2)
    warped = warp_soft(values, correlation, weights)
    assert warped.shape == (2, 2, 3, 4)
    for member in range(2):
        flat = [
            float(v[member, 1, r, c])
            for v in values
            for r in range(v.shape[2])
            for c in range(v.shape[3])
        ]
        for i in range(12):
            expected = sum(float(w) * v for w, v in zip(weights[member, i], flat, strict=True))
            assert float(warped[member, 1, i // 4, i % 4]) == pytest.approx(expected, abs=1e-5)


def test_soft_warp_invents_no_color() -> None:
    correlation, values = random_correlation(), random_values()
    warped = warp_soft(values, correlation, soft_weights(correlation, 0.1)).flatten(2)
    flat = torch.cat([v.flatten(2) for v in values], 2)
    assert (warped <= flat.amax(2, keepdim=True) + 1e-5).all()
    assert (warped >= flat.amin(2, keepdim=True) - 1e-5).all()


def test_a_gray_reference_lends_gray() -> None:
    correlation = random_correlation()
    values = [torch.zeros_like(v) for v in random_values()]
    assert not warp_soft(values, correlation, soft_weights(correlation, 0.1)).any()


def test_a_batch_is_its_pictures() -> None:
    correlation, values = random_correlation(3), random_values(3)
    together = warp_soft(values, correlation, soft_weights(correlation, 0.1))
    for i in range(3):
        own = Correlation(correlation.values[i : i + 1], (3, 4), correlation.reference_sizes)
        alone = warp_soft([v[i : i + 1] for v in values], own, soft_weights(own, 0.1))
        torch.testing.assert_close(alone[0], together[i])


def test_planes_of_another_grid_are_refused() -> None:
    correlation = random_correlation()
    message = "reference planes are ((5, 2), (4, 1)), the correspondence grids ((2, 5), (4, 1))"
    with pytest.raises(ValueError, match=re.escape(message)):
        warp_soft(
            [torch.rand(2, 2, 5, 2), torch.rand(2, 2, 4, 1)],
            correlation,
            soft_weights(correlation, 0.1),
        )


def test_soft_warp_is_differentiable_in_the_features() -> None:
    features = [torch.randn(1, 4, *size, requires_grad=True) for size in ((2, 3), (3, 3))]
    target, reference = (UnitMaps((F.normalize(one, dim=1),) * 4) for one in features)
    correlation = correlate(target, [reference])
    warp_soft(
        [torch.randn(1, 2, 3, 3)], correlation, soft_weights(correlation, 0.1)
    ).square().sum().backward()
    for one in features:
        assert one.grad is not None and bool(one.grad.isfinite().all())
        assert one.grad.abs().sum() > 0


# A target that is its own reference


def test_target_as_reference_returns_its_colors(
    backbone: Backbone, pictures: dict[str, np.ndarray]
) -> None:
    rgb = (
        torch.from_numpy(pictures["astronaut"][:128, :96].copy()).permute(2, 0, 1)[None].float()
        / 255
    )
    lab = rgb_to_lab(rgb)
    layers = backbone.layers
    seen = unit_maps(backbone.standardised_maps(lab[:, :1], layers.levels), layers, (16, 12))
    correlation = correlate(seen, [seen])
    reference_ab = F.avg_pool2d(lab[:, 1:], 8)
    warped_ab = warp_soft([reference_ab], correlation, soft_weights(correlation, 1e-5))
    torch.testing.assert_close(warped_ab, reference_ab, atol=0.05, rtol=0)
    mapping = map_target_to_reference(correlation)
    hard = warp_hard([reference_ab[0]], mapping)
    torch.testing.assert_close(hard, reference_ab[0], atol=1e-3, rtol=0)
