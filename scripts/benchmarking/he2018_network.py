"""The colorization sub-net as He et al. released it: ten blocks, to compare with.

Blocks 1 to 4 go down, 5 and 6 are dilated, 8 to 10 come up again with shortcuts from 3, 2 and 1.
Rechroma's own network is in colorization/network/colorization_network.py; this one was never
trained here. It gives the benchmark the cost of the paper's network.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

# L, warped ab, five similarity maps there and five back, at full working size
NUM_PLANES = 13
AB_RANGE = 100.0  # of the tanh at the end


class He2018Network(nn.Module):
    """Planes in, ab out: 34,065,666 parameters.

    Source: He et al. 2018, section 3.2 and its released prototxt.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = _block((NUM_PLANES, 32, 64, 64))
        self.conv2 = _block((64, 128, 128))
        self.conv3 = _block((128, 256, 256, 256))
        self.conv4 = _block((256, 512, 512, 512))
        self.conv5 = _block((512, 512, 512, 512), dilation=2)
        self.conv6 = _block((512, 512, 512, 512), dilation=2)
        self.conv7 = _block((512, 512, 512, 512))
        self.down = nn.ModuleList(
            nn.Conv2d(c, c, 1, stride=2, groups=c, bias=False) for c in (64, 128, 256)
        )
        ways = ((512, 256), (256, 128), (128, 128))
        self.up = nn.ModuleList(nn.ConvTranspose2d(a, b, 4, 2, 1) for a, b in ways)
        ways = ((256, 256), (128, 128), (64, 128))
        self.shortcut = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in ways)
        self.conv8 = _block((256, 256, 256))
        self.conv9 = _block((128, 128))
        self.conv10 = nn.Sequential(nn.Conv2d(128, 128, 3, padding=1), nn.LeakyReLU(0.2))
        self.ab = nn.Conv2d(128, 2, 1)

    def forward(
        self, planes: Float[Tensor, "batch 13 height width"]
    ) -> Float[Tensor, "batch 2 height width"]:
        """Colorize.

        Args:
            planes: L - 50, warped ab and the ten maps; sides are multiples of 8.

        Returns:
            Chroma in raw Lab units.
        """
        block1 = self.conv1(planes)
        block2 = self.conv2(self.down[0](block1))
        block3 = self.conv3(self.down[1](block2))
        block4 = self.conv4(self.down[2](block3))
        block7 = self.conv7(self.conv6(self.conv5(block4)))
        block8 = self.conv8(F.relu(self.up[0](block7) + self.shortcut[0](block3)))
        block9 = self.conv9(F.relu(self.up[1](block8) + self.shortcut[1](block2)))
        block10 = self.conv10(F.relu(self.up[2](block9) + self.shortcut[2](block1)))
        return torch.tanh(self.ab(block10)) * AB_RANGE


def _block(channels: Sequence[int], dilation: int = 1) -> nn.Sequential:
    layers: list[nn.Module] = []
    for a, b in pairwise(channels):
        layers += [nn.Conv2d(a, b, 3, padding=dilation, dilation=dilation), nn.ReLU()]
    return nn.Sequential(*layers, nn.BatchNorm2d(channels[-1], affine=False))
