"""The frozen RGB network that the perceptual loss and the measures look with."""

import importlib.util
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from similarity.backbone.backbone import IMAGENET_NORMALISATION, load_torchvision_vgg19

JUDGE_LAYER = "relu5_1"


class Vgg19Judge(nn.Module):
    """Torchvision's VGG-19 up to relu5_1, as in the paper.

    Source: He et al. 2018, equation 5.
    """

    def __init__(self, weights_path: Path | None = None) -> None:
        super().__init__()
        self.network = load_torchvision_vgg19(weights_path).eval().requires_grad_(False)
        self.register_buffer(
            "mean", torch.tensor(IMAGENET_NORMALISATION.mean).view(1, 3, 1, 1), persistent=False
        )
        self.register_buffer(
            "std", torch.tensor(IMAGENET_NORMALISATION.std).view(1, 3, 1, 1), persistent=False
        )

    def forward(self, rgb: Float[Tensor, "batch 3 height width"]) -> dict[str, Tensor]:
        """Map sRGB in 0..1 to the features of relu5_1."""
        return self.network((rgb - self.mean) / self.std, (JUDGE_LAYER,))  # type: ignore[no-any-return,operator]


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
        return Vgg19Judge(path)
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
            f"{path}: {own[0].__name__} cannot be made without arguments ({type(error).__name__}: {error})"
        ) from error
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]
