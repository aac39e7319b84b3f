"""Weights as files: safetensors shards in the package, and state dicts of other programs."""

import hashlib
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from similarity.backbone.pretrained import WEIGHTS_DIR

SHARD_BYTES = 3_900_000


def load_bundled(stem: str, weights_dir: Path = WEIGHTS_DIR) -> dict[str, Tensor]:
    """Read the safetensors shards ``<stem>-*.safetensors`` that come with the package.

    Args:
        stem: the beginning of their names.
        weights_dir: the folder that they are in.

    Raises:
        FileNotFoundError: a shard is missing.
        ValueError: a shard is damaged.
    """
    shards = sorted(weights_dir.glob(f"{stem}-*-of-*.safetensors"))
    if not shards or len(shards) != int(shards[0].stem.rpartition("-")[2]):
        raise FileNotFoundError(
            f"{weights_dir}: the weights {stem} are incomplete; reinstall rechroma"
        )
    state: dict[str, Tensor] = {}
    for shard in shards:
        try:
            state |= load_file(shard)
        except SafetensorError as error:
            raise ValueError(f"{shard}: damaged ({error}); reinstall rechroma") from error
    return state


def write_bundled(stem: str, state: dict[str, Tensor], weights_dir: Path) -> int:
    """Write weights as safetensors shards of less than 4 MB.

    Convolutions are written in half precision, all else as it is. A single tensor that is larger
    gets a shard of its own, above the limit.

    Args:
        stem: the beginning of the shards' names; older shards of this name are removed when the new
            ones are there.
        state: tensors by name.
        weights_dir: the folder that they are written to.

    Returns:
        How many shards.
    """
    # batch norm and biases stay exact
    small = {k: (v.half() if v.ndim > 1 else v).contiguous() for k, v in state.items()}
    shards: list[dict[str, Tensor]] = [{}]
    for key, value in small.items():
        full = sum(v.nbytes for v in shards[-1].values()) + value.nbytes > SHARD_BYTES
        if shards[-1] and full:
            shards.append({})
        shards[-1][key] = value
    weights_dir.mkdir(parents=True, exist_ok=True)
    older = set(weights_dir.glob(f"{stem}-*-of-*.safetensors"))
    names = [f"{stem}-{i}-of-{len(shards)}.safetensors" for i in range(1, len(shards) + 1)]
    files = {weights_dir / name: weights_dir / f"{name}.tmp" for name in names}
    for shard, temporary in zip(shards, files.values(), strict=True):
        save_file(shard, temporary)
        temporary.chmod(0o644)  # safetensors writes files that only their owner can read
    for path, temporary in files.items():
        temporary.replace(path)
    for path in older - files.keys():
        path.unlink()
    return len(shards)


def read_state(path: Path) -> dict[str, Tensor]:
    """Read a state dict that another program wrote: safetensors, or torch's own format.

    Args:
        path: ``.safetensors``, or anything that ``torch.load`` reads without running code.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it cannot be read, or holds something else.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such weights file")
    try:
        state = (
            load_file(path)
            if path.suffix == ".safetensors"
            else torch.load(path, map_location="cpu", weights_only=True)
        )
    except Exception as error:  # torch raises whatever the bytes of another file lead it to
        raise ValueError(f"{path}: not a readable weights file, of safetensors or torch") from error
    if not isinstance(state, dict) or not all(
        isinstance(name, str) and isinstance(values, Tensor) for name, values in state.items()
    ):
        raise ValueError(f"{path}: holds no state dict")
    return state


def hash_tensors(state: dict[str, Tensor]) -> str:
    """First 16 hexadecimal digits of the SHA-256 over names, types and values, in name order."""
    digest = hashlib.sha256()
    for name in sorted(state):
        digest.update(f"{name} {state[name].dtype}".encode())
        digest.update(_bytes(state[name]))
    return digest.hexdigest()[:16]


def _bytes(value: Tensor) -> bytes:
    return value.cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes()
