"""VGG-19 by layer name, at any width.

One topology serves both sets of weights: 16 convolutions ``relu1_1`` .. ``relu5_4``, ``pool5``,
``fc6`` and 1000 logits. Module names follow torchvision (``features.0``, ``classifier.0``), so that
its state dict loads as it is.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from similarity.backbone.pretrained import DEFAULT_BACKBONE
from similarity.backbone.torchvision_import import import_torchvision

CONVS_PER_BLOCK = (2, 2, 4, 4, 4)
LAYERS = tuple(
    f"relu{block}_{i}" for block, n in enumerate(CONVS_PER_BLOCK, 1) for i in range(1, n + 1)
)
KNOWN = (*LAYERS, *(f"pool{block}" for block in range(1, 6)), "fc6", "logits")


def check_layers(names: Sequence[str]) -> None:
    """Refuse unknown names of layers.

    Args:
        names: see VGG19.forward.

    Raises:
        ValueError: a name is not a layer of VGG-19.
    """
    unknown = set(names) - set(KNOWN)
    if unknown:
        raise ValueError(
            f"not layers of VGG-19: {', '.join(sorted(unknown))}; known: {', '.join(KNOWN)}"
        )


@dataclass(frozen=True)
class VGG19Config:
    """Layout of a VGG-19.

    Attributes:
        widths: channels of the five blocks.
        in_channels: 1 for luminance, 3 for RGB.
        batch_norm: batch norm after each convolution.
        pool_size: side of the pooled map that ``fc6`` sees.
        hidden: sizes of the fully connected layers before the logits; the first is ``fc6``.
    """

    widths: tuple[int, int, int, int, int] = (64, 128, 256, 512, 512)
    in_channels: int = 3
    batch_norm: bool = False
    pool_size: int = 7
    hidden: tuple[int, ...] = (4096, 4096)


FULL = VGG19Config()
SLIM = VGG19Config(
    widths=(16, 48, 96, 192, 256), in_channels=1, batch_norm=True, pool_size=1, hidden=(1024,)
)


class VGG19(nn.Module):
    """VGG-19 whose activations are asked for by name.

    Source: Simonyan and Zisserman 2014, configuration E.
    """

    def __init__(self, config: VGG19Config = FULL) -> None:
        super().__init__()
        self.config = config
        layers: list[nn.Module] = []
        self._names: dict[int, str] = {}
        channels = config.in_channels
        for block, (width, count) in enumerate(zip(config.widths, CONVS_PER_BLOCK, strict=True), 1):
            for i in range(1, count + 1):
                layers.append(nn.Conv2d(channels, width, 3, padding=1))
                if config.batch_norm:
                    layers.append(nn.BatchNorm2d(width))
                layers.append(nn.ReLU(inplace=True))
                self._names[len(layers) - 1] = f"relu{block}_{i}"
                channels = width
            layers.append(nn.MaxPool2d(2))
            self._names[len(layers) - 1] = f"pool{block}"
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(config.pool_size)
        sizes = (channels * config.pool_size**2, *config.hidden)
        head: list[nn.Module] = []
        for fan_in, fan_out in pairwise(sizes):
            head += [nn.Linear(fan_in, fan_out), nn.ReLU(inplace=False), nn.Dropout(0.0)]
        self.classifier = nn.Sequential(*head, nn.Linear(sizes[-1], 1000))
        for module in self.modules():
            if isinstance(module, nn.Conv2d) and not module.weight.is_meta:
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]

    def forward(
        self, picture: Float[Tensor, "batch channels height width"], layers: Sequence[str]
    ) -> dict[str, Tensor]:
        """Compute the asked layers, and nothing deeper than the deepest of them.

        Args:
            picture: normalised input with ``config.in_channels`` channels; sides of at least 16, or
                32 when ``pool5``, ``fc6`` or ``logits`` is asked for.
            layers: names among ``relu1_1`` .. ``relu5_4``, ``pool1`` .. ``pool5``, ``fc6`` (before
                its ReLU), ``logits``.

        Returns:
            The activations by name: (batch, channels, height / stride, width / stride), or
            (batch, size) for ``fc6`` and ``logits``.

        Raises:
            ValueError: see check_layers.
        """
        check_layers(layers)
        wanted, found = set(layers), {}
        x = picture
        for i, module in enumerate(self.features):
            x = module(x)
            name = self._names.get(i)
            if name in wanted:
                found[name] = x
                if len(found) == len(wanted):
                    return found
        x = self.avgpool(x).flatten(1)
        for i, module in enumerate(self.classifier):
            x = module(x)
            if i == 0 and "fc6" in wanted:
                found["fc6"] = x
                if len(found) == len(wanted):
                    return found
        found["logits"] = x
        return found

    @torch.no_grad()
    def folded(self) -> "VGG19":
        """Return a copy that computes the same, batch norm folded into the convolutions."""
        with torch.device("meta"):  # without weights: they are all given
            plain = VGG19(replace(self.config, batch_norm=False))
        places = (i for i, module in enumerate(plain.features) if isinstance(module, nn.Conv2d))
        state = {
            f"classifier.{key}": value.clone()
            for key, value in self.classifier.state_dict().items()
        }
        for module, after in pairwise(copy.deepcopy(self.features).eval()):
            if isinstance(module, nn.Conv2d):
                fused, i = (
                    fuse_conv_bn_eval(module, after)
                    if isinstance(after, nn.BatchNorm2d)
                    else module,
                    next(places),
                )
                state |= {f"features.{i}.{key}": value for key, value in fused.state_dict().items()}
        plain.load_state_dict(state, assign=True)
        return plain.eval()


def load_vgg19(
    config: VGG19Config, state: Mapping[str, Tensor], where: Path | str, wanted: str
) -> VGG19:
    """Build a VGG-19 and fill it with weights.

    Args:
        config: its layout.
        state: tensors by torchvision's names.
        where: where they come from, to name it in errors.
        wanted: what they should be, to say so in errors.

    Raises:
        ValueError: they are of another layout.
    """
    with torch.device("meta"):  # drawing weights at random takes longer than reading them
        network = VGG19(config).float()
    own = network.state_dict()
    try:
        if missing := own.keys() ^ state.keys():
            raise KeyError(f"missing or unexpected: {', '.join(sorted(missing)[:3])}")
        network.load_state_dict({k: v.to(own[k].dtype) for k, v in state.items()}, assign=True)
    except (RuntimeError, KeyError) as error:
        cause = " ".join(str(error).split())[:200]
        raise ValueError(f"{where}: not the weights of {wanted} ({cause})") from error
    return network


def torchvision_state() -> dict[str, Tensor]:
    """Torchvision's ImageNet weights of VGG-19, from its cache or its server.

    Raises:
        FileNotFoundError: they are in no cache and cannot be downloaded.
    """
    import_torchvision()
    from torchvision.models import VGG19_Weights

    weights = VGG19_Weights.IMAGENET1K_V1
    try:
        state: dict[str, Tensor] = weights.get_state_dict(progress=True, check_hash=True)
    except OSError as error:
        cache = Path(torch.hub.get_dir()) / "checkpoints"
        raise FileNotFoundError(
            f"torchvision's VGG-19 weights are not in {cache} and cannot be downloaded ({error}):"
            f" fetch {weights.url} on another machine and pass it with --vgg-weights FILE, or use"
            f" --backbone {DEFAULT_BACKBONE}"
        ) from error
    return state
