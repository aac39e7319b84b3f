"""The weights that come with the package, and the hash that tells weights apart; without torch, whose import takes seconds."""

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from safetensors import SafetensorError
from safetensors.numpy import load_file

DEFAULT_BACKBONE = "vgg19-slim"
WEIGHTS_DIR = Path(__file__).parents[1] / "weights"
Array = TypeVar("Array")


def weight_files(stem: str, weights_dir: Path = WEIGHTS_DIR) -> list[Path]:
    """The safetensors shards ``<stem>-*.safetensors``.

    Raises:
        FileNotFoundError: one of them is missing.
    """
    shards = sorted(weights_dir.glob(f"{stem}-*-of-*.safetensors"))
    if not shards or len(shards) != int(shards[0].stem.rpartition("-")[2]):
        raise FileNotFoundError(
            f"{weights_dir}: the weights {stem} are incomplete; reinstall rechroma"
        )
    return shards


def read_shards(
    stem: str, weights_dir: Path, load: Callable[[Path], dict[str, Array]]
) -> dict[str, Array]:
    """All tensors of the shards, by name.

    Args:
        stem: see weight_files.
        weights_dir: likewise.
        load: reads one shard, as safetensors does for torch or for numpy.

    Raises:
        FileNotFoundError: see weight_files.
        ValueError: a shard is damaged.
    """
    state: dict[str, Array] = {}
    for shard in weight_files(stem, weights_dir):
        try:
            state |= load(shard)
        except SafetensorError as error:
            raise ValueError(f"{shard}: damaged ({error}); reinstall rechroma") from error
    return state


def bundled_hash(stem: str = DEFAULT_BACKBONE, weights_dir: Path = WEIGHTS_DIR) -> str:
    """What hash_tensors gives for the weights in the shards.

    Raises:
        FileNotFoundError, ValueError: see read_shards.
    """
    state = read_shards(stem, weights_dir, load_file)
    return hash_weights(
        (key, f"torch.{state[key].dtype}", state[key].tobytes()) for key in sorted(state)
    )


def hash_weights(weights: Iterable[tuple[str, str, bytes]]) -> str:
    """First 16 hexadecimal digits of the SHA-256 over names, types and values.

    Args:
        weights: of each tensor its name, its type as torch writes it (``torch.float16``) and its
            bytes; in name order.
    """
    digest = hashlib.sha256()
    for name, kind, data in weights:
        digest.update(f"{name} {kind}".encode())
        digest.update(data)
    return digest.hexdigest()[:16]
