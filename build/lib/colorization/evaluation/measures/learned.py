"""LPIPS and the Inception network of FID, through torchmetrics; nothing is downloaded here.

Both are optional. LPIPS has AlexNet, version 0.1, at the picture's own size. FID has
torch-fidelity's Inception of 2015, pool of 2048, which resizes to 299 x 299 bilinearly as
TensorFlow 1 does; the distance is frechet_distance over the pictures at hand.
"""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from colorization.evaluation.measures import Rgb
from similarity.backbone.torchvision_import import import_torchvision

MIN_LPIPS_SIDE = 64  # pixels, the smallest that AlexNet takes


class MeasureUnavailableError(RuntimeError):
    """A measure cannot be taken on this machine; the message says in one line what is missing."""


def load_lpips() -> Callable[[Rgb, Rgb], float]:
    """Load LPIPS.

    Returns:
        A function of two pictures of one size: 0 for equal ones, NaN for sides below
        MIN_LPIPS_SIDE.

    Raises:
        MeasureUnavailableError: torchmetrics or AlexNet's weights are not on this machine.
    """
    module = _module("torchmetrics.image.lpip", "torchmetrics")
    _need_weights(
        "AlexNet", importlib.import_module("torchvision.models").AlexNet_Weights.IMAGENET1K_V1.url
    )
    network = module.LearnedPerceptualImagePatchSimilarity(net_type="alex", normalize=True)

    def lpips(truth: np.ndarray, result: np.ndarray) -> float:
        if min(truth.shape[:2]) < MIN_LPIPS_SIDE:
            return float("nan")
        with torch.inference_mode():
            return float(network(_batch(truth).float() / 255, _batch(result).float() / 255))

    return lpips


def load_inception() -> Callable[[Rgb], np.ndarray]:
    """Load the network of FID.

    Returns:
        A function of a picture: its embedding, (2048,).

    Raises:
        MeasureUnavailableError: torchmetrics, torch-fidelity or Inception's weights are not on this
            machine.
    """
    module = _module("torchmetrics.image.fid", "torchmetrics")
    inception = _module("torch_fidelity.feature_extractor_inceptionv3", "torch-fidelity")
    _need_weights("Inception", inception.URL_INCEPTION_V3)
    network = module.NoTrainInceptionV3(
        name="inception-v3-compat", features_list=["2048"], antialias=False
    )

    def embed(rgb: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            embedding: np.ndarray = network(_batch(rgb)).reshape(-1).float().numpy()
        return embedding

    return embed


def _module(name: str, package: str) -> Any:
    # torchmetrics imports it, too, and its CUDA build does not load beside CPU torch by itself
    import_torchvision()
    try:
        return importlib.import_module(name)
    except ImportError:
        raise MeasureUnavailableError(
            f'{package} is not installed (pip install -e ".[evaluate]")'
        ) from None


def _need_weights(network: str, url: str) -> None:
    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[-1]
    if not path.is_file():
        raise MeasureUnavailableError(
            f"{network}'s weights are not on this machine: download {url} to {path}"
        )


def _batch(rgb: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.array(rgb)).permute(2, 0, 1)[None]
