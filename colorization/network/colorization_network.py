"""The colorization sub-net: a decoder on frozen maps, for references, hints and no help.

Its encoder is a frozen ImageNet network that knows what things are. Three stages at strides 32, 16
and 8 go from what is there to where it is; each joins the encoder's map of its stride, what the
references and the user say, and what the coarser stage found. The paper's ten blocks at the size of
the picture (scripts/benchmarking/he2018_network.py) learn their own encoder: from tens of thousands
of photos they never learn as much, and colors need no finer grid.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from colorization.network.color_bins import NUM_BINS
from colorization.network.hints import GLOBAL_SIZE
from colorization.network.sync_batch_norm import SyncBatchNorm2d
from similarity.backbone.fused_convolution import convolve
from similarity.matching.similarity_maps import NUM_MAPS
from similarity.resize import resized

ENCODER = "efficientnet-lite0"
ENCODER_MAPS = {"stride4": 24, "stride8": 40, "stride16": 112, "stride32": 320}  # channels
COARSEST = 32  # stride; sides of pictures are multiples of it
# warped ab of the four quarters of each cell, similarity maps, whether there is a reference
REFERENCE_PLANES = 2 * 4 + NUM_MAPS + 1
HINT_PLANES = 3  # hinted ab and how strongly
LUMINANCE_STRIDE, HINT_STRIDE, GRID_STRIDE = 2, 4, 8
REGRESSION_SCALE = 20.0  # in Lab units


@dataclass(frozen=True)
class NetworkConfig:
    """Layout of the network.

    Attributes:
        channels: of the stages at strides 32, 16 and 8.
        blocks: residual blocks of each stage.
        dropout: share of the encoder's channels at strides 16 and 32 that a training sample is not
            shown.
    """

    channels: tuple[int, int, int] = (256, 192, 128)
    blocks: tuple[int, int, int] = (2, 3, 2)
    dropout: float = 0.1


@dataclass(frozen=True)
class NetworkInputs:
    """What the network reads, of a batch of pictures whose sides are multiples of COARSEST.

    Attributes:
        maps: the encoder's ENCODER_MAPS of the luminance, standardised.
        luminance: at stride 2, scaled to about -1..1.
        references: REFERENCE_PLANES at stride 8; zeros where there is no reference.
        hints: HINT_PLANES at stride 4; zeros without.
        global_hints: see colorization.network.hints.
    """

    maps: Mapping[str, Float[Tensor, "batch _channels _height _width"]]
    luminance: Float[Tensor, "batch 1 _height _width"]
    references: Float[Tensor, "batch 17 height width"]
    hints: Float[Tensor, "batch 3 _height _width"]
    global_hints: Float[Tensor, "batch size"]


@dataclass(frozen=True)
class Prediction:
    """What the network says.

    Attributes:
        ab: regressed colors at stride 4, raw Lab units.
        logits: of the color bins at stride 8.
    """

    ab: Float[Tensor, "batch 2 _height _width"]
    logits: Float[Tensor, "batch bins height width"]


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions beside the identity, which is all that it is before training."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.first_norm = SyncBatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.second_norm = SyncBatchNorm2d(channels)
        nn.init.zeros_(self.second_norm.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channels, height, width) to the same shape."""
        inner = convolve(self.first, x, "relu", self.first_norm)
        return convolve(self.second, inner, "relu", self.second_norm, add=x)


class ColorizationNetwork(nn.Module):
    """Frozen maps, reference planes and hints in; ab and a distribution over colors out.

    Unlike in Zhang et al. 2017, the gradient of the bins reaches the stages too: here their colors
    are shown.

    Source: He et al. 2018, section 3.2 (one network for warped colors and none); Zhang et al. 2017,
    section 2 (hints, two heads).
    """

    prior: Tensor

    def __init__(self, config: NetworkConfig = NetworkConfig()) -> None:
        super().__init__()
        self.config = config
        coarse, middle, fine = config.channels
        planes, maps = REFERENCE_PLANES + HINT_PLANES, ENCODER_MAPS
        self.maps32 = nn.Conv2d(maps["stride32"], coarse, 1)
        self.maps16 = nn.Conv2d(maps["stride16"], middle, 1)
        self.maps8 = nn.Conv2d(maps["stride8"], fine, 1)
        self.maps4 = nn.Conv2d(maps["stride4"], fine, 2, stride=2)
        self.planes32 = nn.Conv2d(planes, coarse, 1)
        self.planes16 = nn.Conv2d(planes, middle, 3, padding=1)
        self.planes8 = nn.Conv2d(planes, fine, 3, padding=1)
        self.luminance = nn.Conv2d((GRID_STRIDE // LUMINANCE_STRIDE) ** 2, fine, 1)
        self.fine_hints = nn.Conv2d(
            HINT_PLANES * (GRID_STRIDE // HINT_STRIDE) ** 2, fine, 1, bias=False
        )
        self.from32 = nn.Conv2d(coarse, middle, 1)
        self.from16 = nn.Conv2d(middle, fine, 1)
        size = maps["stride32"] + maps["stride16"] + REFERENCE_PLANES + GLOBAL_SIZE
        self.context = nn.Sequential(
            nn.Linear(size, 2 * coarse), nn.ReLU(), nn.Linear(2 * coarse, coarse + middle)
        )
        self.stage32, self.stage16, self.stage8 = (
            nn.Sequential(*(ResidualBlock(width) for _ in range(count)))
            for width, count in zip(config.channels, config.blocks, strict=True)
        )
        self.ab = nn.Conv2d(fine, 2 * (GRID_STRIDE // HINT_STRIDE) ** 2, 1)
        self.bins = nn.Sequential(
            nn.Conv2d(fine, 2 * fine, 1), nn.ReLU(), nn.Conv2d(2 * fine, NUM_BINS, 1)
        )
        # share of each bin in the corpus it was trained on; kept beside the weights
        self.register_buffer("prior", torch.full((NUM_BINS,), 1 / NUM_BINS), persistent=False)

    def forward(self, inputs: NetworkInputs) -> Prediction:
        """Colorize a batch of pictures of one size.

        Args:
            inputs: maps, planes and hints, which belong together, see network_inputs.
        """
        maps16, maps32 = inputs.maps["stride16"], inputs.maps["stride32"]
        if self.training and self.config.dropout:
            maps16, maps32 = (F.dropout2d(m, self.config.dropout) for m in (maps16, maps32))
        planes8 = torch.cat((inputs.references, F.avg_pool2d(inputs.hints, 2)), 1)
        planes16 = F.avg_pool2d(planes8, 2)
        planes32 = F.avg_pool2d(planes16, 2)
        means = [m.mean((2, 3)) for m in (maps32, maps16, inputs.references)]
        context = self.context(torch.cat((*means, inputs.global_hints), 1))[:, :, None, None]
        context32, context16 = context.split(self.config.channels[:2], 1)
        x = convolve(self.planes32, planes32, add=convolve(self.maps32, maps32))
        x = self.stage32(F.relu(x + context32))
        x = convolve(self.maps16, maps16, add=_twice(convolve(self.from32, x)))
        x = self.stage16(F.relu(convolve(self.planes16, planes16, add=x) + context16))
        luminance = F.pixel_unshuffle(inputs.luminance, GRID_STRIDE // LUMINANCE_STRIDE)
        hints = F.pixel_unshuffle(inputs.hints, GRID_STRIDE // HINT_STRIDE)
        x = convolve(self.maps8, inputs.maps["stride8"], add=_twice(convolve(self.from16, x)))
        x = convolve(self.maps4, inputs.maps["stride4"], add=x)
        x = convolve(self.luminance, luminance, add=x)
        x = convolve(self.fine_hints, hints, add=x)
        x = self.stage8(convolve(self.planes8, planes8, "relu", add=x))
        ab = convolve(self.ab, x).float()
        ab = F.pixel_shuffle(ab, GRID_STRIDE // HINT_STRIDE) * REGRESSION_SCALE
        inner, last = (layer for layer in self.bins if isinstance(layer, nn.Conv2d))
        return Prediction(ab, convolve(last, convolve(inner, x, "relu")))


def _twice(planes: Tensor) -> Tensor:
    return resized(planes, [2 * side for side in planes.shape[-2:]])
