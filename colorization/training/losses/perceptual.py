"""The perceptual loss: how far a frozen network's view of the result is from its view of the truth."""

from collections.abc import Callable, Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from similarity.color.lab import lab_to_rgb_unclipped

FeatureNetwork = Callable[[Tensor], Mapping[object, Tensor]]  # RGB in 0..1 to named maps


def perceptual_loss(
    network: FeatureNetwork,
    predicted_lab: Float[Tensor, "batch 3 height width"],
    target_lab: Float[Tensor, "batch 3 height width"],
) -> Float[Tensor, " batch"]:
    """Squared distance of feature maps, relative to the energy of the target's, averaged over the maps.

    He et al. take the squared distance on relu5_1 of VGG-19 as it is; relative to the energy, any
    network's maps weigh alike.

    Args:
        network: frozen, differentiable; answers that are not four-dimensional maps are ignored.
        predicted_lab: result, L in 0..100, raw ab.
        target_lab: truth.

    Source: He et al. 2018, equation 5.
    """
    with torch.no_grad():
        wanted = _maps(network, target_lab)
    found = _maps(network, predicted_lab)
    pairs = list(zip(found, wanted, strict=True))
    parts = [_energy(ours - theirs) / _energy(theirs).clamp(min=1e-6) for ours, theirs in pairs]
    return torch.stack(parts).mean(0)


def _energy(maps: Tensor) -> Tensor:
    return maps.square().sum((1, 2, 3))


def _maps(network: FeatureNetwork, lab: Tensor) -> list[Tensor]:
    rgb = lab_to_rgb_unclipped(lab).clamp(0.0, 1.0).contiguous(memory_format=torch.channels_last)
    return [value.float() for value in network(rgb).values() if value.ndim == 4]
