"""The adversarial loss: colors must not be told from those of photographs.

A mean of all colors that are possible is brown. A discriminator that sees pictures through the
frozen network learns where results are still paler, browner or less even than photographs, place by
place and at three scales.

Source: Goodfellow et al. 2014; Isola et al. 2017 (patches); Sauer et al. 2021, Projected GANs (a
discriminator on a frozen network's maps); the hinge is that of Lim and Ye 2017.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call

from colorization.training.losses.perceptual import Maps

WIDTH = 64  # channels of each head


class Discriminator(nn.Module):
    """A small head on each map of a frozen network; it scores every place, high for photographs."""

    def __init__(self, channels: Sequence[int]) -> None:
        """Make a head for each map.

        Args:
            channels: of the maps.
        """
        super().__init__()
        self.heads = nn.ModuleList(
            nn.Sequential(
                nn.BatchNorm2d(count, affine=False),
                nn.Conv2d(count, WIDTH, 1),
                nn.LeakyReLU(0.2),
                nn.Conv2d(WIDTH, WIDTH, 3, padding=1),
                nn.LeakyReLU(0.2),
                nn.Conv2d(WIDTH, 1, 1),
            )
            for count in channels
        )

    def forward(self, maps: Maps) -> list[Float[Tensor, "batch 1 _height _width"]]:
        """Score maps of pictures.

        Args:
            maps: as many as there are heads.
        """
        return [head(values) for head, values in zip(self.heads, maps, strict=True)]


def adversarial_losses(
    discriminator: Discriminator, found: Maps, wanted: Maps
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """What the network and what the discriminator are to minimise.

    Args:
        discriminator: scores maps.
        found: a frozen network's maps of results, with gradients.
        wanted: its maps of photographs.

    Returns:
        The network's loss, whose gradient does not reach the discriminator, and the
        discriminator's, whose gradient does not reach the network.
    """
    count = len(found[0])
    both = [torch.cat((ours.detach(), theirs)) for ours, theirs in zip(found, wanted, strict=True)]
    judged = discriminator(both)
    hinges = [F.relu(1 + s[:count]).mean() + F.relu(1 - s[count:]).mean() for s in judged]
    fixed = {name: value.detach() for name, value in discriminator.state_dict().items()}
    mixed = [torch.cat((ours, theirs)) for ours, theirs in zip(found, wanted, strict=True)]
    scores = functional_call(discriminator, fixed, (mixed,))
    fooled = [-s[:count].mean() for s in scores]
    return torch.stack(fooled).mean(), torch.stack(hinges).mean()
