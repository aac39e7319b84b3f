"""The colorization sub-net: ten blocks, two heads, one network for references, hints and no help at all.

Blocks 1 to 4 go down, 5 and 6 are dilated, 8 to 10 come up again with shortcuts from 3, 2 and 1.
The default also reads features of the frozen backbone at strides 4, 8 and 16: they carry the
meaning that a training set of a few thousand photos cannot teach. ``HE2018`` is the layout of the
paper's release.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from colorization.network.color_bins import NUM_BINS
from colorization.network.sync_batch_norm import TeamBatchNorm2d

BACKBONE_LAYERS = ("relu3_4", "relu4_4", "relu5_4")  # strides 4, 8, 16
GLOBAL_SIZE = NUM_BINS + 9  # see colorization.network.hints.global_hints
AB_RANGE = 100.0  # of the tanh at the end


@dataclass(frozen=True)
class NetworkConfig:
    """Layout of the network.

    Attributes:
        planes: input planes.
        width: factor on the paper's channels.
        stride: working pixels a cell of the input planes; 1 in the paper.
        backbone_channels: channels of BACKBONE_LAYERS, or none if they are not read.
        num_bins: size of the classification head; 0 for none.
        global_size: length of the global-hint vector; 0 for none.
        affine: batch norm learns scale and shift.
    """

    planes: int = 16
    width: float = 0.375
    stride: int = 2
    backbone_channels: tuple[int, ...] = (96, 192, 256)
    num_bins: int = NUM_BINS
    global_size: int = GLOBAL_SIZE
    affine: bool = True

    def channels(self, paper: int) -> int:
        """The paper's number of channels at this width, a multiple of 4."""
        return max(4, round(paper * self.width / 4) * 4)


DEFAULT = NetworkConfig()
HE2018 = NetworkConfig(
    planes=13, width=1.0, stride=1, backbone_channels=(), num_bins=0, global_size=0, affine=False
)


@dataclass(frozen=True)
class Prediction:
    """What the network says.

    Attributes:
        ab: regressed colors on the grid of the planes, raw Lab units.
        logits: of the color bins at half that grid; None without that head.
    """

    ab: Float[Tensor, "batch 2 height width"]
    logits: Float[Tensor, "batch bins _height _width"] | None


class ColorizationNetwork(nn.Module):
    """Planes in, ab and a distribution over colors out.

    Unlike in Zhang et al. 2017, the gradient of the bins reaches the blocks too: here their colors
        are shown.

    Source: He et al. 2018, section 3.2 and its released prototxt; Zhang et al. 2017, section 2.3
        (hints, two heads).
    """

    prior: Tensor

    def __init__(self, config: NetworkConfig = DEFAULT) -> None:
        super().__init__()
        self.config = config
        c1, c2, c3, c4 = (config.channels(n) for n in (64, 128, 256, 512))
        up8, up9, up10 = config.channels(256), config.channels(128), config.channels(128)
        self.conv1 = self._block((config.planes, config.channels(32), c1, c1))
        self.conv2 = self._block((c1, c2, c2))
        self.conv3 = self._block((c2, c3, c3, c3))
        self.conv4 = self._block((c3, c4, c4, c4))
        self.conv5 = self._block((c4, c4, c4, c4), dilation=2)
        self.conv6 = self._block((c4, c4, c4, c4), dilation=2)
        self.conv7 = self._block((c4, c4, c4, c4))
        self.down = nn.ModuleList(
            nn.Conv2d(c, c, 1, stride=2, groups=c, bias=False) for c in (c1, c2, c3)
        )
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(a, b, 4, 2, 1) for a, b in ((c4, up8), (up8, up9), (up9, up10))
        )
        self.shortcut = nn.ModuleList(
            nn.Conv2d(a, b, 3, padding=1) for a, b in ((c3, up8), (c2, up9), (c1, up10))
        )
        self.conv8 = self._block((up8, up8, up8))
        self.conv9 = self._block((up9, up9))
        self.conv10 = nn.Sequential(nn.Conv2d(up10, up10, 3, padding=1), nn.LeakyReLU(0.2))
        self.ab = nn.Conv2d(up10, 2, 1)
        if config.backbone_channels:
            self.norms = nn.ModuleList(TeamBatchNorm2d(c) for c in config.backbone_channels)
            into = (c2, c3, c4)
            self.adapters = nn.ModuleList(
                nn.Conv2d(a, b, 1) for a, b in zip(config.backbone_channels, into, strict=True)
            )
            self.direct = nn.Conv2d(config.backbone_channels[-1], c4, 1)
            nn.init.zeros_(self.direct.weight)
            nn.init.zeros_(self.direct.bias)  # type: ignore[arg-type]
        if config.global_size:
            sizes = (config.global_size, c4, c4, c4, c4)
            layers: list[nn.Module] = []
            for a, b in pairwise(sizes):
                layers += [nn.Conv2d(a, b, 1), nn.ReLU()]
            self.global_hints = nn.Sequential(*layers[:-1])
        if config.num_bins:
            self.hypercolumn = nn.ModuleList(nn.Conv2d(c, up9 * 2, 1) for c in (c4, up8, up9))
            self.bins = nn.Conv2d(up9 * 2, config.num_bins, 1)
            # share of each bin in the corpus it was trained on; kept beside the weights
            self.register_buffer(
                "prior", torch.full((config.num_bins,), 1 / config.num_bins), persistent=False
            )

    def _block(self, channels: Sequence[int], dilation: int = 1) -> nn.Sequential:
        layers: list[nn.Module] = []
        for a, b in pairwise(channels):
            layers += [nn.Conv2d(a, b, 3, padding=dilation, dilation=dilation), nn.ReLU()]
        return nn.Sequential(*layers, TeamBatchNorm2d(channels[-1], affine=self.config.affine))

    def forward(
        self,
        planes: Float[Tensor, "batch planes height width"],
        backbone: Sequence[Float[Tensor, "_batch _channels _height _width"]] = (),
        global_hints: Float[Tensor, "_batch size"] | None = None,
    ) -> Prediction:
        """Colorize.

        Args:
            planes: normalised inputs, see colorization.network.input_planes; sides are multiples of
                8.
            backbone: the target's BACKBONE_LAYERS, if the configuration reads them; of one picture,
                if all planes are its.
            global_hints: see colorization.network.hints, one for all or for each; None is zeros,
                which says that nothing is given.

        Raises:
            ValueError: the backbone's features are missing or not wanted, or sides are no multiple
                of 8.
        """
        if len(backbone) != len(self.config.backbone_channels):
            raise ValueError(
                f"the network reads {len(self.config.backbone_channels)} backbone layers, got {len(backbone)}"
            )
        if planes.shape[-1] % 8 or planes.shape[-2] % 8:
            raise ValueError(f"sides must be multiples of 8, got {tuple(planes.shape[-2:])}")
        normal = (
            [norm(features) for norm, features in zip(self.norms, backbone, strict=True)]
            if backbone
            else []
        )
        extra = (
            [adapter(n) for adapter, n in zip(self.adapters, normal, strict=True)]
            if backbone
            else [0.0, 0.0, 0.0]
        )
        block1 = self.conv1(planes)
        block2 = self.conv2(self.down[0](block1)) + extra[0]
        block3 = self.conv3(self.down[1](block2)) + extra[1]
        block4 = self.conv4(self.down[2](block3)) + extra[2]
        if self.config.global_size:
            hints = (
                planes.new_zeros(len(planes), self.config.global_size)
                if global_hints is None
                else global_hints
            )
            block4 = block4 + self.global_hints(hints[:, :, None, None])
        block7 = self.conv7(self.conv6(self.conv5(block4)))
        # nine convolutions for a single task forget what things are: past them, they are told once
        # more
        if normal:
            block7 = block7 + self.direct(normal[-1])
        block8 = self.conv8(F.relu(self.up[0](block7) + self.shortcut[0](block3)))
        block9 = self.conv9(F.relu(self.up[1](block8) + self.shortcut[1](block2)))
        block10 = self.conv10(F.relu(self.up[2](block9) + self.shortcut[2](block1)))
        ab = torch.tanh(self.ab(block10).float()) * AB_RANGE
        return Prediction(
            ab, self._logits(block7, block8, block9) if self.config.num_bins else None
        )

    def _logits(self, *blocks: Tensor) -> Tensor:
        size = blocks[-1].shape[-2:]
        parts = [
            F.interpolate(layer(block), size=size, mode="bilinear", align_corners=False)
            for layer, block in zip(self.hypercolumn, blocks, strict=True)
        ]
        return self.bins(F.relu(torch.stack(parts).sum(0))).float()  # type: ignore[no-any-return]
