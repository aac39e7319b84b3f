import hashlib
import pickle
import shutil
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file, save_file

from similarity.backbone import backbone as module
from similarity.backbone.backbone import (
    IMAGENET_NORMALISATION,
    SLIM_NORMALISATION,
    Backbone,
    load_backbone,
    load_torchvision_vgg19,
)
from similarity.backbone.pretrained import WEIGHTS_DIR
from similarity.backbone.torchvision_import import import_torchvision
from similarity.backbone.vgg19 import LAYERS, VGG19, VGG19Config
from similarity.backbone.weight_files import hash_tensors, load_bundled, write_bundled

SMALL = VGG19Config(widths=(4, 6, 8, 10, 12), pool_size=2, hidden=(20, 16))


@pytest.fixture
def small_full(monkeypatch: pytest.MonkeyPatch) -> dict[str, torch.Tensor]:
    """Makes ``vgg19`` a network of a few kilobytes; returns weights that fit it."""
    monkeypatch.setattr(module, "FULL", SMALL)
    return VGG19(SMALL).state_dict()


@pytest.fixture
def in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)


def test_bundled_backbone(backbone: Backbone) -> None:
    assert backbone.name == "vgg19-slim"
    assert backbone.weights_hash == hash_tensors(load_bundled("vgg19-slim"))
    assert not any(module.training for module in backbone.network.modules())
    # folded
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in backbone.modules())
    assert not any(p.requires_grad for p in backbone.parameters())
    assert backbone.device == torch.device("cpu")


def test_layers_come_in_float32_at_their_strides(backbone: Backbone) -> None:
    found = backbone(torch.rand(2, 1, 64, 96) * 100, (*LAYERS, "pool5", "fc6", "logits"))
    for name in LAYERS:
        stride = 2 ** (int(name[4]) - 1)
        assert found[name].shape[2:] == (64 // stride, 96 // stride)
        assert found[name].min() >= 0
    assert found["fc6"].shape == (2, 1024)
    assert found["logits"].shape == (2, 1000)
    assert {value.dtype for value in found.values()} == {torch.float32}
    assert all(torch.isfinite(value).all() and value.std() > 0 for value in found.values())


def test_bundled_weights_know_a_picture_again(
    backbone: Backbone, gray_pictures: dict[str, np.ndarray]
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
    fc6 = backbone(torch.from_numpy(planes), ("fc6",))["fc6"]
    units = F.normalize(fc6 - fc6.mean(0), dim=1)
    assert (units[:5] @ units[5:].T).argmax(1).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.usefixtures("in_float32")
def test_luminance_is_normalised_once_and_copied_to_the_channels() -> None:
    luminance = torch.rand(1, 1, 32, 48) * 100
    network = VGG19(SMALL).eval()
    backbone = Backbone("vgg19", network, IMAGENET_NORMALISATION, "0" * 16)
    rgb = (luminance / 100).expand(1, 3, 32, 48)
    mean, std = (
        torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1),
        torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1),
    )
    torch.testing.assert_close(backbone(luminance, ("fc6",)), network((rgb - mean) / std, ("fc6",)))
    slim = VGG19(VGG19Config(widths=(4, 6, 8, 10, 12), in_channels=1, pool_size=1, hidden=(20,)))
    backbone = Backbone("vgg19-slim", slim, SLIM_NORMALISATION, "0" * 16)
    # (L / 100 - 1/2) / (1/4)
    torch.testing.assert_close(backbone(luminance, ("fc6",)), slim(luminance / 25 - 2, ("fc6",)))


@pytest.mark.parametrize("fast", [True, False])
def test_bfloat16_only_where_the_processor_has_it(
    monkeypatch: pytest.MonkeyPatch, fast: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: fast)
    with module.autocast(torch.device("cpu")):
        assert F.conv2d(torch.ones(1, 1, 4, 4), torch.ones(1, 1, 3, 3)).dtype == (
            torch.bfloat16 if fast else torch.float32
        )
    assert not torch.is_autocast_enabled("cpu")


def test_bfloat16_hardly_turns_features(
    backbone: Backbone, gray_pictures: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    luminance = (
        torch.from_numpy(gray_pictures["astronaut"][:96, :96].copy())[None, None].float() / 2.55
    )
    found = []
    for fast in (True, False):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda fast=fast: fast)
        found.append(backbone(luminance, ("relu3_4", "relu5_4", "fc6")))
    for name in found[0]:
        low, high = (f[name].flatten(2) if f[name].ndim == 4 else f[name] for f in found)
        assert F.cosine_similarity(low, high, dim=1).mean() > 0.995


def test_pictures_of_a_batch_do_not_see_each_other(backbone: Backbone) -> None:
    luminance = torch.rand(3, 1, 32, 32) * 100
    together = backbone(luminance, ("relu5_4",))["relu5_4"]
    alone = torch.cat([backbone(x[None], ("relu5_4",))["relu5_4"] for x in luminance])
    torch.testing.assert_close(together, alone, rtol=0.05, atol=0.05 * float(alone.max()))
    assert (together[0] - together[1]).abs().max() > 0.05 * alone.max()


# Loading vgg19


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_weights_file_of_torchvisions_layout(
    small_full: dict[str, torch.Tensor], tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"vgg{suffix}"
    torch.save(small_full, path) if suffix == ".pth" else save_file(small_full, path)
    backbone = load_backbone("vgg19", path)
    assert backbone.name == "vgg19"
    assert backbone.weights_hash == hash_tensors(small_full)
    torch.testing.assert_close(dict(backbone.network.state_dict()), dict(small_full))
    assert backbone(torch.rand(1, 1, 32, 32) * 100, ("logits",))["logits"].shape == (1, 1000)


def test_half_precision_weights_are_widened(
    small_full: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    save_file(
        {key: value.half() for key, value in small_full.items()}, tmp_path / "half.safetensors"
    )
    backbone = load_backbone("vgg19", tmp_path / "half.safetensors")
    assert {p.dtype for p in backbone.parameters()} == {torch.float32}


def test_torchvisions_own_weights(
    small_full: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    import_torchvision()
    import torchvision.models._api as api

    asked = []

    def load(url: str, **options: object) -> dict[str, torch.Tensor]:
        asked.append((url, options))
        return small_full

    monkeypatch.setattr(api, "load_state_dict_from_url", load)
    assert load_backbone("vgg19").weights_hash == hash_tensors(small_full)
    [(url, options)] = asked
    assert url.startswith("https://download.pytorch.org/models/vgg19-")
    assert options["check_hash"] is True


@pytest.mark.parametrize(
    "error",
    [URLError("no route to host"), TimeoutError("timed out"), ConnectionResetError("reset")],
)
def test_without_network_the_error_names_the_fix(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    import_torchvision()
    import torchvision.models._api as api

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(api, "load_state_dict_from_url", fail)
    with pytest.raises(FileNotFoundError) as caught:
        load_backbone("vgg19")
    message = str(caught.value)
    for part in (
        str(error),
        "checkpoints",
        "https://download.pytorch.org/models/vgg19-",
        "--vgg-weights",
        "--backbone vgg19-slim",
    ):
        assert part in message
    assert "\n" not in message


# Refusals


def test_unknown_name() -> None:
    with pytest.raises(ValueError, match="unknown backbone 'resnet'; known: vgg19-slim, vgg19"):
        load_backbone("resnet")


def test_slim_takes_no_weights_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="weights of one's own belong to the backbone vgg19"):
        load_backbone("vgg19-slim", tmp_path / "vgg.pth")


@pytest.mark.parametrize("name", ["missing.pth", "folder"])
def test_missing_weights_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(FileNotFoundError, match=rf"{name}: no such weights file"):
        load_backbone("vgg19", tmp_path / name)


class Evil:
    """Would run code when unpickled."""

    def __reduce__(self) -> tuple:
        return (pytest.fail, ("the pickle was executed",))


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize(
    "kind",
    [
        "empty.pth",
        "text.pth",
        "evil.pth",
        "cut.pth",
        "empty.safetensors",
        "text.safetensors",
        "cut.safetensors",
    ],
)
def test_unreadable_weights_file(
    small_full: dict[str, torch.Tensor], tmp_path: Path, kind: str
) -> None:
    path = tmp_path / kind
    if kind.startswith("cut"):
        torch.save(small_full, path) if path.suffix == ".pth" else save_file(small_full, path)
        path.write_bytes(path.read_bytes()[:2000])
    else:
        path.write_bytes(
            {"empty": b"", "text": b"not weights\n" * 9, "evil": pickle.dumps(Evil())}[path.stem]
        )
    with pytest.raises(ValueError, match=rf"{kind}: not a readable weights file") as caught:
        load_backbone("vgg19", path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [[torch.ones(2)], {"state_dict": {"a": torch.ones(2)}}, torch.ones(2)],
    ids=["list", "nested", "tensor"],
)
def test_file_without_state_dict(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "odd.pth")
    with pytest.raises(ValueError, match=r"odd\.pth: holds no state dict"):
        load_backbone("vgg19", tmp_path / "odd.pth")


@pytest.mark.parametrize("damage", ["missing", "unexpected", "shape"])
def test_weights_of_another_layout_name_what_differs(
    small_full: dict[str, torch.Tensor], tmp_path: Path, damage: str
) -> None:
    state = dict(small_full)
    value = state.pop("features.2.weight")
    if damage != "missing":
        state["features.2.weight" if damage == "shape" else "features.2.kernel"] = value[
            :2
        ].contiguous()
    save_file(state, tmp_path / "other.safetensors")
    with pytest.raises(
        ValueError, match=r"other\.safetensors: not the weights of torchvision's vgg19"
    ) as caught:
        load_backbone("vgg19", tmp_path / "other.safetensors")
    assert "features.2" in str(caught.value)


def test_bundled_weights_of_another_layout(
    small_full: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    write_bundled("vgg19-slim", small_full, tmp_path)
    with pytest.raises(ValueError, match=rf"{tmp_path}: not the weights of vgg19-slim \("):
        load_backbone(weights_dir=tmp_path)


def test_incomplete_installation(tmp_path: Path) -> None:
    shards = sorted(WEIGHTS_DIR.glob("vgg19-slim-*.safetensors"))
    assert len(shards) > 1
    for shard in shards[1:]:
        shutil.copy(shard, tmp_path)
    with pytest.raises(FileNotFoundError, match="weights vgg19-slim are incomplete; reinstall"):
        load_bundled("vgg19-slim", tmp_path)
    shutil.copy(shards[0], tmp_path)
    assert load_bundled("vgg19-slim", tmp_path).keys() == load_bundled("vgg19-slim").keys()
    assert load_bundled("vgg19-slim").keys() >= {"features.0.weight", "classifier.0.weight"}


# The RGB network


def test_torchvisions_vgg19_for_colors(small_full: dict[str, torch.Tensor], tmp_path: Path) -> None:
    save_file(small_full, tmp_path / "vgg.safetensors")
    network = load_torchvision_vgg19(tmp_path / "vgg.safetensors")
    assert isinstance(network, VGG19)
    torch.testing.assert_close(dict(network.state_dict()), dict(small_full))
    rgb = torch.rand(1, 3, 32, 48)
    assert not torch.allclose(
        network(rgb, ("relu5_1",))["relu5_1"], network(rgb.flip(1), ("relu5_1",))["relu5_1"]
    )


def test_vgg19_for_colors_is_refused_like_the_backbone(
    small_full: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    with pytest.raises(FileNotFoundError, match=r"vgg\.pth: no such weights file"):
        load_torchvision_vgg19(tmp_path / "vgg.pth")
    del small_full["features.2.weight"]
    save_file(small_full, tmp_path / "other.safetensors")
    with pytest.raises(
        ValueError,
        match=r"other\.safetensors: not the weights of torchvision's vgg19 .*features\.2",
    ):
        load_torchvision_vgg19(tmp_path / "other.safetensors")


# Writing


def test_bundled_weights_round_trip(tmp_path: Path) -> None:
    state = {
        "conv.weight": torch.randn(6, 4, 3, 3),
        "conv.bias": torch.randn(6) / 3,
        "norm.num_batches_tracked": torch.tensor(70_001),
    }
    state["turned"] = torch.randn(3, 5).T  # not contiguous
    assert write_bundled("net", state, tmp_path / "new" / "folder") == 1
    assert [p.name for p in (tmp_path / "new" / "folder").iterdir()] == ["net-1-of-1.safetensors"]
    found = load_bundled("net", tmp_path / "new" / "folder")
    assert {key: value.dtype for key, value in found.items()} == {
        "conv.weight": torch.float16, "conv.bias": torch.float32, "norm.num_batches_tracked": torch.int64, "turned": torch.float16,
    }  # fmt: skip
    for key, value in state.items():
        assert torch.equal(found[key], value.half() if value.ndim > 1 else value)


def test_shards_stay_below_4_mb_and_hold_everything_once(tmp_path: Path) -> None:
    # in half precision 1.6 MB each: two fit a shard of 3.9 MB, three do not
    state = {f"layer{i}.weight": torch.full((800, 1000), float(i)) for i in range(5)}
    assert write_bundled("net", state, tmp_path) == 3
    shards = sorted(tmp_path.iterdir())
    assert [p.name for p in shards] == [f"net-{i}-of-3.safetensors" for i in (1, 2, 3)]
    assert max(p.stat().st_size for p in shards) < 4_000_000
    assert sum(len(load_file(p)) for p in shards) == 5
    found = load_bundled("net", tmp_path)
    assert {key: float(value.float().mean()) for key, value in found.items()} == {
        f"layer{i}.weight": i for i in range(5)
    }


def test_writing_again_replaces_all_shards_of_that_name_only(tmp_path: Path) -> None:
    write_bundled("net", {str(i): torch.ones(800, 1000) for i in range(5)}, tmp_path)
    write_bundled("other", {"a": torch.ones(2)}, tmp_path)
    assert write_bundled("net", {"a": torch.zeros(2)}, tmp_path) == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "net-1-of-1.safetensors",
        "other-1-of-1.safetensors",
    ]
    assert load_bundled("net", tmp_path)["a"].tolist() == [0, 0]
    assert load_bundled("other", tmp_path)["a"].tolist() == [1, 1]


# Hash


def test_hash_by_hand() -> None:
    digest = hashlib.sha256(
        b"a torch.float32"
        + np.float32([1, 2]).tobytes()
        + b"b torch.int64"
        + np.int64([3]).tobytes()
    )
    state = {"b": torch.tensor(3), "a": torch.tensor([1.0, 2.0])}
    assert hash_tensors(state) == digest.hexdigest()[:16]


def test_hash_sees_names_types_and_values_but_not_order_or_strides() -> None:
    a, b = torch.rand(3, 4), torch.rand(2)
    reference = hash_tensors({"a": a, "b": b})
    assert hash_tensors({"b": b, "a": a.T.contiguous().T}) == reference
    others = [{"a": a, "c": b}, {"a": a.double(), "b": b}, {"a": a + 1e-6, "b": b}, {"a": a}]
    assert len({hash_tensors(other) for other in others} | {reference}) == 5


def test_missing_device() -> None:
    for device in ("cuda:99", "no such device"):
        with pytest.raises(ValueError, match=rf"device {device} cannot be used here") as caught:
            load_backbone(device=device)
        assert "\n" not in str(caught.value)
