"""Frozen networks that look at colors: for the perceptual loss, and to measure with."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from similarity.backbone.backbone import load_torchvision_vgg19
from similarity.backbone.efficientnet import load_efficientnet
from similarity.backbone.normalisation import EFFICIENTNET, IMAGENET, Normalisation
from similarity.backbone.weight_files import hash_tensors

# what is given by name, and the layer that it is
EFFICIENTNET_ANSWERS = {name: name for name in ("stride8", "stride16", "stride32")}
VGG_ANSWERS = {"embedding": "fc6", "logits": "logits"}


class RgbNetwork(nn.Module):
    """A network and what of it colors are judged by.

    Attributes:
        answers: layers of the network by the names under which they are given.
        weights_hash: tells its weights from others.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, network: nn.Module, normalisation: Normalisation, answers: Mapping[str, str]
    ) -> None:
        super().__init__()
        self.network = network.eval().requires_grad_(False)
        self.answers, self.weights_hash = answers, hash_tensors(network.state_dict())
        for key in ("mean", "std"):
            values = torch.tensor(getattr(normalisation, key)).view(1, -1, 1, 1)
            self.register_buffer(key, values, persistent=False)

    def forward(self, rgb: Float[Tensor, "batch 3 height width"]) -> dict[str, Tensor]:
        """Map sRGB in 0..1 to the answers by name."""
        layers = tuple(self.answers.values())
        found: dict[str, Tensor] = self.network((rgb - self.mean) / self.std, layers)
        return {name: found[layer] for name, layer in self.answers.items()}

    def channels(self) -> list[int]:
        """How many channels each of the answers has."""
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
    return RgbNetwork(network, EFFICIENTNET, EFFICIENTNET_ANSWERS)


def load_judge(path: Path) -> nn.Module:
    """Load the network that judges colors.

    Args:
        path: a ``.pth`` or ``.safetensors`` file of torchvision's VGG-19; or a ``.py`` file that
            defines one torch module class of no required arguments, which maps RGB in 0..1 to a
            dictionary, of its "embedding" and its "logits" where results are measured.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: the file holds no such network.
    """
    if path.suffix != ".py":
        return RgbNetwork(load_torchvision_vgg19(path), IMAGENET, VGG_ANSWERS)
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
        return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]
    except Exception as error:
        raise ValueError(
            f"{path}: {own[0].__name__} cannot be made without arguments"
            f" ({type(error).__name__}: {error})"
        ) from error
