from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import save_file

from similarity.backbone import backbone as module
from similarity.backbone.backbone import (
    BACKBONES,
    EFFICIENTNET_LAYERS,
    VGG_LAYERS,
    Backbone,
    load_backbone,
)
from similarity.backbone.efficientnet import LAYERS as EFFICIENTNET_NAMES
from similarity.backbone.map_statistics import SMALLEST, Moments, save_statistics
from similarity.backbone.normalisation import IMAGENET, SLIM
from similarity.backbone.pretrained import efficientnet_hash
from similarity.backbone.vgg19 import VGG19, VGG19Config
from similarity.backbone.weight_files import hash_tensors, load_bundled

SMALL = VGG19Config(widths=(4, 6, 8, 10, 12), pool_size=2, hidden=(20, 16))


@pytest.fixture
def small_full(monkeypatch: pytest.MonkeyPatch) -> dict[str, torch.Tensor]:
    """Makes ``vgg19`` a network of a few kilobytes; returns weights that fit it."""
    monkeypatch.setattr(module, "FULL", SMALL)
    return VGG19(SMALL).state_dict()


@pytest.fixture
def in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)


@pytest.fixture(scope="module", params=["efficientnet-lite0", "vgg19-slim"])
def installed(request: pytest.FixtureRequest) -> Backbone:
    """Each backbone that comes with the package."""
    return load_backbone(request.param)


def narrow(statistics: bool = False) -> Backbone:
    """A VGG-19 of a few kilobytes; with statistics that were measured on noise."""
    backbone = Backbone("vgg19", VGG19(SMALL), IMAGENET, VGG_LAYERS, "0" * 16)
    if statistics:
        moments = Moments()
        moments.add(backbone(torch.rand(4, 1, 64, 64) * 100, VGG_LAYERS.levels))
        backbone.statistics = moments.statistics()
    return backbone


# What is loaded


def test_installed_backbones(installed: Backbone) -> None:
    assert not any(part.training for part in installed.network.modules())
    # folded
    assert not any(isinstance(part, torch.nn.BatchNorm2d) for part in installed.modules())
    assert not any(p.requires_grad for p in installed.parameters())
    assert installed.device == torch.device("cpu")


def test_the_default_is_efficientnet(backbone: Backbone) -> None:
    assert BACKBONES == ("efficientnet-lite0", "vgg19-slim", "vgg19")
    assert backbone.name == load_backbone().name == "efficientnet-lite0"
    assert backbone.weights_hash == efficientnet_hash()
    assert backbone.layers == EFFICIENTNET_LAYERS
    slim = load_backbone("vgg19-slim")
    assert slim.layers == VGG_LAYERS
    assert slim.weights_hash == hash_tensors(load_bundled("vgg19-slim"))


def test_layers_name_maps_of_falling_stride(installed: Backbone) -> None:
    layers = installed.layers
    names = (*layers.levels, *layers.detail, layers.global_, layers.local, layers.classes)
    found = installed(torch.rand(2, 1, 224, 224) * 100, tuple(dict.fromkeys(names)))
    assert {value.dtype for value in found.values()} == {torch.float32}
    assert all(bool(value.isfinite().all()) and value.std() > 0 for value in found.values())
    strides = [224 // found[name].shape[2] for name in layers.levels]
    halves = [32, 16, 8, 4] if installed.name == "efficientnet-lite0" else [16, 8, 4, 2]
    assert strides == halves
    assert [224 // found[name].shape[2] for name in layers.detail] == [4, 2]
    assert found[layers.local].shape[2:] == (7, 7)
    assert found[layers.classes].shape == (2, 1000)


def test_networks_know_a_picture_again(
    installed: Backbone, gray_pictures: dict[str, np.ndarray]
) -> None:
    scenes = [
        Image.fromarray(gray_pictures[name])
        for name in ("astronaut", "chelsea", "coffee", "motorcycle_left", "hubble")
    ]
    views = scenes + [
        scene.transpose(Image.Transpose.FLIP_LEFT_RIGHT).crop((10, 6, 118, 116)) for scene in scenes
    ]
    planes = (
        np.stack([np.asarray(view.resize((224, 224)), np.float32) for view in views])[:, None]
        / 2.55
    )
    whole = installed(torch.from_numpy(planes), (installed.layers.global_,))
    described = whole[installed.layers.global_]
    described = described.mean((2, 3)) if described.ndim == 4 else described
    units = F.normalize(described - described.mean(0), dim=1)
    assert (units[:5] @ units[5:].T).argmax(1).tolist() == [0, 1, 2, 3, 4]


def test_a_cat_is_a_cat(backbone: Backbone, gray_pictures: dict[str, np.ndarray]) -> None:
    """ImageNet's classes 281 to 285 are cats, 504 is a coffee mug, 967 espresso."""
    planes = np.stack(
        [
            np.asarray(Image.fromarray(gray_pictures[name]).resize((224, 224)), np.float32)
            for name in ("chelsea", "coffee")
        ]
    )
    label = backbone(torch.from_numpy(planes)[:, None] / 2.55, ("logits",))["logits"].argmax(1)
    assert 281 <= int(label[0]) <= 285
    assert int(label[1]) in (504, 967)


# Luminance in, float32 out


@pytest.mark.usefixtures("in_float32")
def test_luminance_is_normalised_once_and_copied_to_the_channels() -> None:
    luminance = torch.rand(1, 1, 32, 48) * 100
    backbone = narrow()
    rgb = (luminance / 100).expand(1, 3, 32, 48)
    mean, std = (
        torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1),
        torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1),
    )
    wanted = backbone.network((rgb - mean) / std, ("fc6",))
    torch.testing.assert_close(backbone(luminance, ("fc6",)), wanted)
    slim = VGG19(VGG19Config(widths=(4, 6, 8, 10, 12), in_channels=1, pool_size=1, hidden=(20,)))
    backbone = Backbone("vgg19-slim", slim, SLIM, VGG_LAYERS, "0" * 16)
    # (L / 100 - 1/2) / (1/4)
    torch.testing.assert_close(backbone(luminance, ("fc6",)), slim(luminance / 25 - 2, ("fc6",)))


@pytest.mark.usefixtures("in_float32")
def test_efficientnet_reads_bytes_less_127(backbone: Backbone) -> None:
    """L = 100 is byte 255: (255 - 127) / 128 = 1; L = 0 is -127/128."""
    for level, seen in ((100.0, 1.0), (0.0, -127 / 128)):
        luminance = torch.full((1, 1, 32, 32), level)
        wanted = backbone.network(torch.full_like(luminance, seen), ("stride8",))
        torch.testing.assert_close(backbone(luminance, ("stride8",)), wanted, rtol=1e-4, atol=1e-4)


def test_bfloat16_hardly_turns_features(
    installed: Backbone, gray_pictures: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    luminance = (
        torch.from_numpy(gray_pictures["astronaut"][:96, :96].copy())[None, None].float() / 2.55
    )
    found = []
    for fast in (True, False):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda fast=fast: fast)
        found.append(installed(luminance, installed.layers.levels))
    for name in found[0]:
        low, high = (f[name].flatten(2) for f in found)
        assert F.cosine_similarity(low, high, dim=1).mean() > 0.99


def test_pictures_of_a_batch_do_not_see_each_other(installed: Backbone) -> None:
    luminance, layer = torch.rand(3, 1, 32, 32) * 100, installed.layers.levels[1]
    together = installed(luminance, (layer,))[layer]
    alone = torch.cat([installed(x[None], (layer,))[layer] for x in luminance])
    torch.testing.assert_close(together, alone, rtol=0.05, atol=0.05 * float(alone.max()))
    assert (together[0] - together[1]).abs().max() > 0.05 * alone.max()


# Standardised maps


def test_standardised_by_statistics_by_hand() -> None:
    """(9 - 3) / 2 = 3 and (9 - 10) / 4 = -1/4."""
    backbone = narrow()
    pair = torch.tensor([3.0, 10.0]).view(1, 2, 1, 1), torch.tensor([2.0, 4.0]).view(1, 2, 1, 1)
    backbone.statistics = {"relu2_2": pair}
    found = backbone.standardised(torch.full((1, 2, 1, 1), 9.0), "relu2_2")
    assert found.flatten().tolist() == [3.0, -0.25]


def test_without_statistics_each_pictures_own_are_taken() -> None:
    backbone, values = narrow(), torch.randn(2, 3, 8, 8) * 5 + 7
    found = backbone.standardised(values, "relu2_2")
    torch.testing.assert_close(found.mean((2, 3)), torch.zeros(2, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(found.std((2, 3), correction=0), torch.ones(2, 3))
    # a batch is its pictures
    torch.testing.assert_close(found[1:], backbone.standardised(values[1:], "relu2_2"))


def test_a_channel_that_never_changes_stays_small() -> None:
    backbone, values = narrow(), torch.zeros(1, 1, 8, 8)
    values[..., 0, 0] = SMALLEST / 100
    assert float(backbone.standardised(values, "relu2_2").abs().max()) < 0.02
    one_cell = backbone.standardised(torch.full((1, 1, 1, 1), 4.0), "relu5_4")
    assert bool(one_cell.isfinite().all())


@pytest.mark.parametrize("statistics", [True, False])
def test_standardised_maps_are_the_maps_standardised(statistics: bool) -> None:
    backbone, luminance = narrow(statistics), torch.rand(2, 1, 64, 32) * 100
    plain = backbone(luminance, VGG_LAYERS.levels)
    found = backbone.standardised_maps(luminance, VGG_LAYERS.levels)
    assert set(found) == set(VGG_LAYERS.levels)
    for layer in VGG_LAYERS.levels:
        assert torch.equal(found[layer], backbone.standardised(plain[layer], layer))


def test_bundled_statistics_are_of_photos(
    backbone: Backbone, gray_pictures: dict[str, np.ndarray]
) -> None:
    layers = tuple(name for name in EFFICIENTNET_NAMES if name.startswith("stride"))
    assert backbone.statistics is not None and set(backbone.statistics) == set(layers)
    moments = Moments()
    for gray in gray_pictures.values():
        level = torch.from_numpy(gray[:128, :128].copy())[None, None].float() / 2.55
        moments.add(backbone.standardised_maps(level, layers))
    for mean, deviation in moments.statistics().values():
        assert float(mean.abs().mean()) < 0.5
        assert 0.5 < float(deviation.mean()) < 2


def test_statistics_come_from_the_folder_of_weights(
    tmp_path: Path, small_full: dict[str, torch.Tensor]
) -> None:
    save_file(small_full, tmp_path / "vgg.safetensors")
    assert load_backbone("vgg19", tmp_path / "vgg.safetensors").statistics is None
    pair = torch.ones(1, 6, 1, 1), torch.full((1, 6, 1, 1), 2.0)
    save_statistics("vgg19", {"relu2_2": pair}, tmp_path)
    backbone = load_backbone("vgg19", tmp_path / "vgg.safetensors", weights_dir=tmp_path)
    assert backbone.statistics is not None
    found = backbone.standardised(torch.full((1, 6, 2, 2), 5.0), "relu2_2")
    assert torch.equal(found, torch.full((1, 6, 2, 2), 2.0))
