"""The perceptual loss: how differently a frozen network sees the result and the truth."""

from collections.abc import Callable, Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from similarity.color.lab import lab_to_rgb_unclipped

FeatureNetwork = Callable[[Tensor], Mapping[str, Tensor]]  # RGB in 0..1 to named maps
Maps = Sequence[Float[Tensor, "batch _channels _height _width"]]


def perceptual_loss(found: Maps, wanted: Maps) -> Float[Tensor, " batch"]:
    """Squared distance of maps, relative to the energy of the truth's, averaged over the maps.

    He et al. take the squared distance on relu5_1 of VGG-19 as it is; relative to the energy, any
    network's maps weigh alike.

    Args:
        found: a frozen network's maps of the result.
        wanted: its maps of the truth.

    Source: He et al. 2018, equation 5.
    """
    pairs = zip(found, wanted, strict=True)
    parts = [_energy(ours - theirs) / _energy(theirs).clamp(min=1e-6) for ours, theirs in pairs]
    return torch.stack(parts).mean(0)


def maps_of(network: FeatureNetwork, lab: Float[Tensor, "batch 3 height width"]) -> list[Tensor]:
    """What a frozen network sees in pictures.

    Args:
        network: frozen, differentiable; answers that are not four-dimensional maps are ignored.
        lab: L in 0..100, raw ab; colors that a screen cannot show are clipped.
    """
    rgb = lab_to_rgb_unclipped(lab).clamp(0.0, 1.0).contiguous(memory_format=torch.channels_last)
    return [value.float() for value in network(rgb).values() if value.ndim == 4]


def _energy(maps: Tensor) -> Tensor:
    return maps.square().sum((1, 2, 3))
