import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import similarity
from similarity.backbone.backbone import Backbone
from similarity.backbone.pretrained import (
    DEFAULT_BACKBONE,
    WEIGHTS_DIR,
    bundled_hash,
    hash_weights,
    weight_files,
)
from similarity.backbone.weight_files import hash_tensors, load_bundled, write_bundled


def test_hash_by_hand() -> None:
    weights = [("a", "torch.float16", b"1234"), ("b", "torch.int64", b"56")]
    assert (
        hash_weights(weights)
        == hashlib.sha256(b"a torch.float161234b torch.int6456").hexdigest()[:16]
    )


def test_hash_of_the_bundled_backbone_is_the_loaded_ones(backbone: Backbone) -> None:
    assert bundled_hash() == backbone.weights_hash


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
    assert bundled_hash("net", tmp_path) == hash_tensors(load_bundled("net", tmp_path))


def test_shards_in_order_and_all_of_them(tmp_path: Path) -> None:
    found = weight_files(DEFAULT_BACKBONE)
    assert found == sorted(WEIGHTS_DIR.glob("vgg19-slim-*.safetensors"))
    for shard in found[1:]:
        (tmp_path / shard.name).write_bytes(shard.read_bytes())
    with pytest.raises(FileNotFoundError, match="weights vgg19-slim are incomplete; reinstall"):
        bundled_hash(weights_dir=tmp_path)


@pytest.mark.parametrize(
    "load",
    [
        lambda folder: bundled_hash(weights_dir=folder),
        lambda folder: load_bundled("vgg19-slim", folder),
    ],
)
def test_a_damaged_shard_is_told(tmp_path: Path, load: Callable[[Path], object]) -> None:
    for shard in weight_files(DEFAULT_BACKBONE):
        (tmp_path / shard.name).write_bytes(shard.read_bytes()[:-10_000])
    with pytest.raises(
        ValueError, match=r"vgg19-slim-1-of-3\.safetensors: damaged .*; reinstall rechroma"
    ):
        load(tmp_path)


def test_torch_is_not_needed() -> None:
    code = "import sys; from similarity.backbone.pretrained import bundled_hash; bundled_hash(); assert 'torch' not in sys.modules"
    root = Path(similarity.__file__).parents[1]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root)
