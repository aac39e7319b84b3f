"""The frozen feature network, by name: luminance in, maps at several strides out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from similarity.backbone.efficientnet import load_efficientnet
from similarity.backbone.map_statistics import SMALLEST, MapStatistics, load_statistics
from similarity.backbone.normalisation import (
    EFFICIENTNET,
    IMAGENET,
    Normalisation,
)
from similarity.backbone.normalisation import (
    SLIM as SLIM_NORMALISATION,
)
from similarity.backbone.precision import autocast, usable_device
from similarity.backbone.pretrained import DEFAULT_BACKBONE, WEIGHTS_DIR, efficientnet_hash
from similarity.backbone.vgg19 import FULL, SLIM, VGG19, load_vgg19, torchvision_state
from similarity.backbone.weight_files import hash_tensors, load_bundled, read_state

BACKBONES = ("efficientnet-lite0", "vgg19-slim", "vgg19")


@dataclass(frozen=True)
class Layers:
    """Which maps of a backbone serve what, by their names.

    Attributes:
        levels: four maps, coarse to fine. The first three are joined to match, all four are
            compared in the similarity maps.
        detail: two maps of strides 4 and 2, for exact matches.
        global_: the photo as a whole, for the index; a map is averaged.
        local: a map of 7 x 7 cells of a square of 224 pixels, for the index.
        classes: logits of ImageNet's classes.
    """

    levels: tuple[str, str, str, str]
    detail: tuple[str, str]
    global_: str
    local: str
    classes: str


VGG_LAYERS = Layers(
    levels=("relu5_4", "relu4_4", "relu3_4", "relu2_2"),
    detail=("relu3_4", "relu2_2"),
    global_="fc6",
    local="pool5",
    classes="logits",
)
EFFICIENTNET_LAYERS = Layers(
    levels=("stride32", "stride16", "stride8", "stride4"),
    detail=("stride4", "stride2"),
    global_="stride32",
    local="stride32",
    classes="logits",
)


class Backbone(nn.Module):
    """A frozen network that reads luminance.

    Attributes:
        name: one of BACKBONES.
        weights_hash: 16 hexadecimal digits that tell its weights from others.
        layers: which of its maps serve what.
        statistics: mean and deviation of its maps over photos; None where nobody has measured them,
            and each picture's own are taken.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        name: str,
        network: nn.Module,
        normalisation: Normalisation,
        layers: Layers,
        weights_hash: str,
        statistics: MapStatistics | None = None,
    ) -> None:
        super().__init__()
        self.name, self.layers, self.weights_hash = name, layers, weights_hash
        frozen = network.eval().requires_grad_(False)
        self.network = frozen.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.statistics = statistics
        for key in ("mean", "std"):
            values = torch.tensor(getattr(normalisation, key), dtype=torch.float32, device="cpu")
            self.register_buffer(key, values.view(1, -1, 1, 1), persistent=False)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.mean.device

    def forward(
        self, luminance: Float[Tensor, "batch 1 height width"], layers: Sequence[str]
    ) -> dict[str, Float[Tensor, "..."]]:
        """Compute activations by name, in float32.

        Args:
            luminance: L in 0..100; sides are multiples of 32.
            layers: names of the network's layers.

        Returns:
            Activations by name, computed in bfloat16 where the processor has instructions for it.
        """
        x = (luminance.to(self.device) / 100.0 - self.mean) / self.std
        with autocast(self.device):
            found = self.network(x.contiguous(memory_format=torch.channels_last), layers)
        return {name: value.float() for name, value in found.items()}

    def standardised(self, values: Tensor, layer: str) -> Tensor:
        """A map with each channel centred and scaled to deviation 1, as it has over photos.

        Args:
            values: of the map, (batch, channels, height, width).
            layer: its name.
        """
        if self.statistics is not None:
            mean, deviation = self.statistics[layer]
            return (values - mean.to(values)) / deviation.to(values)
        mean, deviation = (
            values.mean((2, 3), keepdim=True),
            values.std((2, 3), correction=0, keepdim=True),
        )
        return (values - mean) / deviation.clamp(min=SMALLEST)

    def standardised_maps(
        self, luminance: Float[Tensor, "batch 1 height width"], layers: Sequence[str]
    ) -> dict[str, Float[Tensor, "batch _channels _height _width"]]:
        """Compute maps, each channel centred and scaled.

        Args:
            luminance: L in 0..100; sides are multiples of 32.
            layers: names of maps.
        """
        found = self(luminance, layers)
        return {layer: self.standardised(values, layer) for layer, values in found.items()}


def load_backbone(
    name: str = DEFAULT_BACKBONE,
    weights_path: Path | str | None = None,
    device: torch.device | str = "cpu",
    weights_dir: Path = WEIGHTS_DIR,
) -> Backbone:
    """Load a backbone with its weights.

    Args:
        name: ``efficientnet-lite0`` (weights of an installed package), ``vgg19-slim`` (bundled) or
            ``vgg19`` (torchvision's ImageNet weights).
        weights_path: for ``vgg19``, a file of torchvision's layout (.pth or .safetensors) instead
            of its download.
        device: where to put it.
        weights_dir: folder of the bundled weights and statistics.

    Returns:
        The backbone, frozen.

    Raises:
        ValueError: unknown name or device, weights of another layout, or weights_path given for
            another backbone than vgg19.
        FileNotFoundError: weights_path does not exist, the package of efficientnet-lite0 is not
            installed, or torchvision's weights are neither cached nor downloadable.
    """
    place = usable_device(device)
    if name not in BACKBONES:
        raise ValueError(f"unknown backbone {name!r}; known: {', '.join(BACKBONES)}")
    if name != "vgg19" and weights_path is not None:
        raise ValueError(f"weights of one's own belong to the backbone vgg19; {name} has its own")
    statistics = load_statistics(name, weights_dir)
    if name == "efficientnet-lite0":
        backbone = Backbone(
            name,
            load_efficientnet(),
            EFFICIENTNET,
            EFFICIENTNET_LAYERS,
            efficientnet_hash(),
            statistics,
        )
    elif name == "vgg19-slim":
        state = load_bundled(name, weights_dir)
        network = load_vgg19(SLIM, state, weights_dir, name).folded()
        backbone = Backbone(
            name, network, SLIM_NORMALISATION, VGG_LAYERS, hash_tensors(state), statistics
        )
    else:
        state = read_state(Path(weights_path)) if weights_path else torchvision_state()
        network = load_vgg19(FULL, state, weights_path or name, "torchvision's vgg19")
        backbone = Backbone(name, network, IMAGENET, VGG_LAYERS, hash_tensors(state), statistics)
    return backbone.to(place)


def load_torchvision_vgg19(weights_path: Path | None = None) -> VGG19:
    """Load the RGB VGG-19 of torchvision itself, for what looks at colors.

    Args:
        weights_path: a file of torchvision's layout instead of its download.

    Raises:
        ValueError: the file cannot be read, or holds other weights.
        FileNotFoundError: it does not exist, or nothing can be downloaded.
    """
    state = read_state(weights_path) if weights_path else torchvision_state()
    return load_vgg19(FULL, state, weights_path or "vgg19", "torchvision's vgg19")
