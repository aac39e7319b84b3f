import numpy as np
import pytest
import torch
import torch.nn.functional as F

from similarity.backbone.backbone import EFFICIENTNET_LAYERS, VGG_LAYERS, Backbone
from similarity.matching.unit_maps import NUM_JOINED, UnitMaps, on_grid, unit_maps

CHANNELS = {"stride2": 3, "stride4": 4, "stride8": 5, "stride16": 6, "stride32": 7}


def standardised(batch: int, height: int, width: int) -> dict[str, torch.Tensor]:
    """Random maps of pictures of that size."""
    return {
        name: torch.randn(batch, count, height // int(name[6:]), width // int(name[6:]))
        for name, count in CHANNELS.items()
    }


def made(batch: int = 2, height: int = 64, width: int = 96) -> UnitMaps:
    size, level = (height // 8, width // 8), torch.rand(batch, 1, height, width) * 100
    return unit_maps(standardised(batch, height, width), EFFICIENTNET_LAYERS, size, level)


# Grids


def test_a_finer_map_is_averaged() -> None:
    planes = torch.arange(16.0).view(1, 1, 4, 4)
    # the upper left two by two are 0, 1, 4 and 5
    found = on_grid(planes, (2, 2))
    assert found.flatten().tolist() == [2.5, 4.5, 10.5, 12.5]


def test_a_coarser_map_is_interpolated() -> None:
    """Two cells, 0 and 4, in four: outer ones lie beyond centres, inner ones a quarter between."""
    found = on_grid(torch.tensor([[[[0.0, 4.0]]]]), (2, 4))
    assert found[0, 0].tolist() == [[0.0, 1.0, 3.0, 4.0]] * 2


def test_the_same_grid_is_the_same() -> None:
    planes = torch.randn(2, 3, 4, 6)
    assert torch.equal(on_grid(planes, (4, 6)), planes)


# Unit maps


def test_levels_equal_numpy() -> None:
    maps = standardised(2, 64, 96)
    found = unit_maps(maps, EFFICIENTNET_LAYERS, (8, 12))
    assert len(found.levels) == 4
    for level, layer in zip(found.levels, EFFICIENTNET_LAYERS.levels, strict=True):
        values = maps[layer].numpy()
        if layer == "stride4":
            values = values.reshape(2, 4, 8, 2, 12, 2).mean((3, 5))
        for axis, target in ((2, 8), (3, 12)):
            while values.shape[axis] < target:  # bilinear by two: 3/4 own, 1/4 next, ends repeated
                count = values.shape[axis]
                places = np.arange(count)
                before, after = (
                    values.take(np.clip(places + d, 0, count - 1), axis) for d in (-1, 1)
                )
                if layer == "stride32":  # by four at once: eighths
                    before, after = (7 / 8 * values + 1 / 8 * n for n in (before, after))
                    far, back = (
                        5 / 8 * values
                        + 3 / 8 * values.take(np.clip(places + d, 0, count - 1), axis)
                        for d in (-1, 1)
                    )
                    parts = [far, before, after, back]
                else:
                    parts = [0.75 * values + 0.25 * n for n in (before, after)]
                stacked = np.stack(parts, axis + 1)
                shape = list(values.shape)
                shape[axis] *= len(parts)
                values = stacked.reshape(shape)
        wanted = values / np.linalg.norm(values, axis=1, keepdims=True)
        np.testing.assert_allclose(level.numpy(), wanted, atol=1e-5)


def test_every_position_has_unit_length() -> None:
    found = made()
    for values in (*found.levels, *found.detail, found.joined):
        torch.testing.assert_close(values.norm(dim=1), torch.ones_like(values[:, 0]))


def test_shapes() -> None:
    found = made()
    assert [level.shape[1:] for level in found.levels] == [(c, 8, 12) for c in (7, 6, 5, 4)]
    assert [tuple(detail.shape) for detail in found.detail] == [(2, 4, 16, 24), (2, 3, 32, 48)]
    assert found.joined.shape == (2, 7 + 6 + 5, 8, 12)


def test_fine_maps_only_where_they_are_asked_for() -> None:
    maps = standardised(2, 32, 32)
    assert len(unit_maps(maps, EFFICIENTNET_LAYERS, (4, 4)).detail) == 2
    del maps["stride2"]
    found = unit_maps(maps, EFFICIENTNET_LAYERS, (4, 4))
    assert [tuple(detail.shape) for detail in found.detail] == [(2, 4, 8, 8)]
    assert found.luminance is None


def test_luminance_is_averaged_over_quarters_of_cells() -> None:
    level = torch.rand(2, 1, 32, 64) * 100
    found = unit_maps(standardised(2, 32, 64), EFFICIENTNET_LAYERS, (4, 8), level)
    assert found.luminance is not None
    torch.testing.assert_close(found.luminance, F.avg_pool2d(level, 4))


def test_the_joined_cosine_is_the_mean_of_the_levels() -> None:
    """Three parts, each of length 3 ** -0.5: their dot products count a third each."""
    found = made()
    parts = [(level[0, :, 1, 2] @ level[1, :, 5, 3]) for level in found.levels[:NUM_JOINED]]
    cosine = found.joined[0, :, 1, 2] @ found.joined[1, :, 5, 3]
    torch.testing.assert_close(cosine, torch.stack(parts).mean())


def test_the_scale_of_a_map_does_not_matter() -> None:
    maps = standardised(1, 32, 32)
    larger = {name: values * (9.0 if name == "stride16" else 0.1) for name, values in maps.items()}
    ours, theirs = (unit_maps(m, EFFICIENTNET_LAYERS, (4, 4)).joined for m in (maps, larger))
    torch.testing.assert_close(ours, theirs)


def test_maps_of_vgg_are_joined_alike() -> None:
    """Its coarsest map has stride 16: names say which layer serves what, sizes give the strides."""
    strides = {"relu5_4": 16, "relu4_4": 8, "relu3_4": 4, "relu2_2": 2}
    maps = {name: torch.randn(1, 5, 64 // s, 96 // s) for name, s in strides.items()}
    found = unit_maps(maps, VGG_LAYERS, (8, 12))
    assert {tuple(level.shape) for level in found.levels} == {(1, 5, 8, 12)}
    assert [detail.shape[2:] for detail in found.detail] == [(16, 24), (32, 48)]
    wanted = F.normalize(F.avg_pool2d(maps["relu2_2"], 4), dim=1)
    torch.testing.assert_close(found.levels[3], wanted)


def test_a_batch_is_its_pictures() -> None:
    maps = standardised(3, 32, 64)
    together = unit_maps(maps, EFFICIENTNET_LAYERS, (4, 8))
    for i in range(3):
        own = {name: values[i : i + 1] for name, values in maps.items()}
        alone = unit_maps(own, EFFICIENTNET_LAYERS, (4, 8))
        for one, all_ in zip(
            (*alone.levels, *alone.detail, alone.joined),
            (*together.levels, *together.detail, together.joined),
            strict=True,
        ):
            torch.testing.assert_close(one[0], all_[i])


@pytest.mark.parametrize("rows", [[2], [2, 0], [1, 1, 1]], ids=str)
def test_some_pictures_of_a_batch(rows: list[int]) -> None:
    whole = made(batch=3)
    found = whole.take(torch.tensor(rows))
    assert found.detail == () and found.luminance is None
    for ours, theirs in zip(found.levels, whole.levels, strict=True):
        assert torch.equal(ours, theirs[rows])
    torch.testing.assert_close(found.joined, whole.joined[rows])


def test_on_a_device() -> None:
    found = made()
    there = found.to(torch.device("meta"))
    assert there.luminance is not None and there.coarsest is not None
    single = (there.luminance, there.coarsest)
    assert all(values.is_meta for values in (*there.levels, *there.detail, *single))
    assert [v.shape for v in there.detail] == [v.shape for v in found.detail]
    here = found.to(torch.device("cpu"))
    assert torch.equal(here.joined, found.joined)
    assert torch.equal(here.first_length, found.first_length)
    some = found.take(torch.tensor([0])).to(torch.device("meta"))
    assert (some.detail, some.luminance, some.coarsest) == ((), None, None)


def test_nothing_is_nothing() -> None:
    """A place whose map is zero matches nothing, and is not NaN."""
    maps = {name: torch.zeros_like(values) for name, values in standardised(1, 32, 32).items()}
    assert bool(unit_maps(maps, EFFICIENTNET_LAYERS, (4, 4)).joined.eq(0).all())


def test_the_length_of_the_first_level_turns_it_back_into_what_was_interpolated() -> None:
    maps = standardised(2, 64, 96)
    found = unit_maps(maps, EFFICIENTNET_LAYERS, (8, 12))
    interpolated = F.interpolate(maps["stride32"], size=(8, 12), mode="bilinear")
    torch.testing.assert_close(found.levels[0] * found.first_length, interpolated)


def test_a_length_of_what_is_not_known() -> None:
    some = made().take(torch.tensor([0]))
    with pytest.raises(ValueError, match="was interpolated from is not known"):
        _ = some.first_length


def test_gradients_are_finite() -> None:
    maps = {name: values.requires_grad_() for name, values in standardised(1, 32, 32).items()}
    unit_maps(maps, EFFICIENTNET_LAYERS, (4, 4)).joined.square().sum().backward()
    for name in ("stride8", "stride16", "stride32"):
        gradient = maps[name].grad
        assert gradient is not None and bool(gradient.isfinite().all())


def test_what_a_backbone_sees(backbone: Backbone) -> None:
    level = torch.rand(1, 1, 64, 32) * 100
    layers = backbone.layers
    maps = backbone.standardised_maps(level, (*layers.levels, "stride2"))
    found = unit_maps(maps, layers, (8, 4))
    assert [values.shape[1] for values in found.levels] == [320, 112, 40, 24]
    assert [values.shape[1] for values in found.detail] == [24, 16]
    assert bool(found.joined.isfinite().all())
