import hashlib
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from similarity.backbone.pretrained import WEIGHTS_DIR
from similarity.backbone.weight_files import hash_tensors, load_bundled, read_state, write_bundled


@pytest.fixture
def state() -> dict[str, torch.Tensor]:
    return {"a.weight": torch.randn(40, 30), "a.bias": torch.randn(40)}


# Weights of other programs


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".safetensors"])
def test_state_dicts_of_both_formats(
    state: dict[str, torch.Tensor], tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"net{suffix}"
    save_file(state, path) if suffix == ".safetensors" else torch.save(state, path)
    found = read_state(path)
    assert found.keys() == state.keys()
    assert all(torch.equal(found[key], state[key]) for key in state)


@pytest.mark.parametrize("name", ["missing.pth", "folder"])
def test_missing_weights_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(FileNotFoundError, match=rf"{name}: no such weights file"):
        read_state(tmp_path / name)


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
def test_unreadable_weights_file(state: dict[str, torch.Tensor], tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind
    if kind.startswith("cut"):
        torch.save(state, path) if path.suffix == ".pth" else save_file(state, path)
        path.write_bytes(path.read_bytes()[:2000])
    else:
        path.write_bytes(
            {"empty": b"", "text": b"not weights\n" * 9, "evil": pickle.dumps(Evil())}[path.stem]
        )
    with pytest.raises(ValueError, match=rf"{kind}: not a readable weights file") as caught:
        read_state(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [[torch.ones(2)], {"state_dict": {"a": torch.ones(2)}}, torch.ones(2), {1: torch.ones(2)}],
    ids=["list", "nested", "tensor", "numbered"],
)
def test_file_without_state_dict(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "odd.pth")
    with pytest.raises(ValueError, match=r"odd\.pth: holds no state dict"):
        read_state(tmp_path / "odd.pth")


# Bundled weights


def test_incomplete_and_damaged_installation(tmp_path: Path) -> None:
    shards = sorted(WEIGHTS_DIR.glob("vgg19-slim-*.safetensors"))
    assert len(shards) > 1
    for shard in shards[1:]:
        shutil.copy(shard, tmp_path)
    with pytest.raises(FileNotFoundError, match="weights vgg19-slim are incomplete; reinstall"):
        load_bundled("vgg19-slim", tmp_path)
    (tmp_path / shards[0].name).write_bytes(shards[0].read_bytes()[:-10_000])
    damaged = r"vgg19-slim-1-of-3\.safetensors: damaged .*; reinstall rechroma"
    with pytest.raises(ValueError, match=damaged):
        load_bundled("vgg19-slim", tmp_path)
    shutil.copy(shards[0], tmp_path)
    assert load_bundled("vgg19-slim", tmp_path).keys() == load_bundled("vgg19-slim").keys()
    assert load_bundled("vgg19-slim").keys() >= {"features.0.weight", "classifier.0.weight"}


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
        "conv.weight": torch.float16,
        "conv.bias": torch.float32,
        "norm.num_batches_tracked": torch.int64,
        "turned": torch.float16,
    }
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


def test_a_write_that_fails_keeps_the_weights_that_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_bundled("net", {"a": torch.ones(2)}, tmp_path)

    def full(*given: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("similarity.backbone.weight_files.save_file", full)
    with pytest.raises(OSError, match="No space"):
        write_bundled("net", {"a": torch.zeros(2)}, tmp_path)
    assert load_bundled("net", tmp_path)["a"].tolist() == [1, 1]


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
