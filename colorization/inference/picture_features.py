"""A picture as the backbone sees it, once: a reference for any number of targets, or a target."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from similarity.backbone.backbone import Backbone
from similarity.matching.correlation import Correlation, correlate_pictures


@dataclass(frozen=True)
class Described:
    """A reference, a target, or a frame that has colors already.

    Attributes:
        luminance: L at the working size, with its tones spread.
        features: of it, by layer.
        ab: chroma at the working size, raw Lab units.
        working_side: see ColorizeOptions.
    """

    luminance: Float[Tensor, "1 1 height width"]
    features: Mapping[str, Tensor]
    ab: Float[Tensor, "2 height width"]
    working_side: int

    def only(self, layers: Sequence[str]) -> "Described":
        """The same with some of its layers, to free the memory of the others."""
        return replace(self, features={layer: self.features[layer] for layer in layers})

    def on(self, device: torch.device) -> "Described":
        """The same on a device, whichever it was described on."""
        features = {layer: planes.to(device) for layer, planes in self.features.items()}
        return replace(
            self, luminance=self.luminance.to(device), features=features, ab=self.ab.to(device)
        )


def describe(
    backbone: Backbone,
    lab: Float[Tensor, "1 3 height width"],
    layers: Sequence[str],
    working_side: int,
) -> Described:
    """Describe a picture.

    Args:
        backbone: what sees it.
        lab: at the working size, with its tones spread; raw Lab units.
        layers: of the backbone that are kept.
        working_side: see ColorizeOptions.
    """
    there = lab.to(backbone.device)
    return Described(there[:, :1], backbone(there[:, :1], layers), there[0, 1:], working_side)


def correlate_described(target: Described, references: Sequence[Described]) -> Correlation:
    """Correlate a picture with others, see correlate_pictures."""
    return correlate_pictures(target.features, [one.features for one in references])
