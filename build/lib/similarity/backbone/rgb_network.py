"""Frozen networks that look at colors: for the perceptual loss, and to measure with."""

import importlib.util
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from similarity.backbone.backbone import load_torchvision_vgg19
from similarity.backbone.efficientnet import load_efficientnet
from similarity.backbone.normalisation import EFFICIENTNET, IMAGENET, Normalisation
from similarity.backbone.weight_files import hash_tensors

EFFICIENTNET_LAYERS = ("stride8", "stride16", "stride32")
VGG_LAYERS = ("relu5_1",)  # of the paper


class RgbNetwork(nn.Module):
    """A network and the maps of it that colors are judged by.

    Attributes:
        layers: their names.
        weights_hash: tells its weights from others.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, network: nn.Module, normalisation: Normalisation, layers: tuple[str, ...]
    ) -> None:
        super().__init__()
        self.network = network.eval().requires_grad_(False)
        self.layers, self.weights_hash = layers, hash_tensors(network.state_dict())
        for key in ("mean", "std"):
            values = torch.tensor(getattr(normalisation, key)).view(1, -1, 1, 1)
            self.register_buffer(key, values, persistent=False)

    def forward(self, rgb: Float[Tensor, "batch 3 height width"]) -> dict[str, Tensor]:
        """Map sRGB in 0..1 to feature maps by name."""
        found: dict[str, Tensor] = self.network((rgb - self.mean) / self.std, self.layers)
        return found

    def channels(self) -> list[int]:
        """How many channels each of the maps has."""
        picture = self.mean.new_zeros(1, 3, 64, 64)
        with torch.no_grad():
            return [values.shape[1] for values in self(picture).values()]


def efficientnet_judge() -> RgbNetwork:
    """EfficientNet-Lite0 on colors: its weights come with a dependency, so that anyone can train.

    Raises:
        FileNotFoundError: the package is not installed.
        ValueError: its weights are damaged.
    """
    network = load_efficientnet(in_channels=3).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return RgbNetwork(network, EFFICIENTNET, EFFICIENTNET_LAYERS)


def vgg19_judge(weights_path: Path | None = None) -> RgbNetwork:
    """Torchvision's VGG-19 up to relu5_1, as in the paper.

    Args:
        weights_path: a file of torchvision's layout instead of its download.

    Raises:
        FileNotFoundError: the file does not exist, or torchvision's weights cannot be downloaded.
        ValueError: the file holds other weights.

    Source: He et al. 2018, equation 5.
    """
    return RgbNetwork(load_torchvision_vgg19(weights_path), IMAGENET, VGG_LAYERS)


def load_judge(path: Path | None = None) -> nn.Module:
    """Load the network that judges colors.

    Args:
        path: None takes torchvision's VGG-19; a ``.pth`` or ``.safetensors`` file is its weights; a
            ``.py`` file defines one torch module class of no required arguments that maps RGB in
            0..1 to a dictionary of feature maps.

    Raises:
        FileNotFoundError: the file does not exist, or torchvision's weights cannot be downloaded.
        ValueError: the file holds no such network.
    """
    if path is None or path.suffix != ".py":
        return vgg19_judge(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    spec = importlib.util.spec_from_file_location("judge", path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # it is the user's code
        raise ValueError(f"{path}: cannot be run ({type(error).__name__}: {error})") from error
    own = [
        c
        for c in vars(module).values()
        if isinstance(c, type) and issubclass(c, nn.Module) and c.__module__ == "judge"
    ]
    if len(own) != 1:
        raise ValueError(f"{path}: expected one torch module class, found {len(own)}")
    try:
        network: nn.Module = own[0]().eval().requires_grad_(False)
    except Exception as error:
        raise ValueError(
            f"{path}: {own[0].__name__} cannot be made without arguments"
            f" ({type(error).__name__}: {error})"
        ) from error
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]
