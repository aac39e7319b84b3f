"""A picture as the networks see it, computed once."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from colorization.inference.pictures.paper import within_border
from colorization.inference.pictures.working_size import working_lab
from colorization.network.colorization_network import ENCODER_MAPS, GRID_STRIDE
from retrieval.photos.prints.border import PrintBorder
from retrieval.stage_clock import stage
from similarity.backbone.backbone import Backbone
from similarity.color.tones import spread_tones
from similarity.matching.unit_maps import UnitMaps, unit_maps


@dataclass(frozen=True, eq=False)
class PictureFeatures:
    """A reference, a target, or a frame that has colors already.

    Attributes:
        luminance: L at the working size, with its tones spread; the picture is mirrored into a
            border.
        ab: chroma at the working size, raw Lab units.
        maps: what matching reads.
        encoder_maps: what the colorization network reads, by name; empty without a network.
        working_side: see ColorizeOptions.
        backbone: hash of the weights of what matches see through.
        border: of a print, around the picture; None where there is none.
    """

    luminance: Float[Tensor, "1 1 height width"]
    ab: Float[Tensor, "2 height width"]
    maps: UnitMaps
    encoder_maps: Mapping[str, Float[Tensor, "1 _channels _height _width"]]
    working_side: int
    backbone: str
    border: PrintBorder | None = None

    def on(self, device: torch.device) -> "PictureFeatures":
        """These features on a device, whichever they were computed on."""
        return replace(
            self,
            luminance=self.luminance.to(device),
            ab=self.ab.to(device),
            maps=self.maps.to(device),
            encoder_maps={name: values.to(device) for name, values in self.encoder_maps.items()},
        )


@dataclass(frozen=True)
class PictureDescriber:
    """The frozen networks that look at pictures.

    Attributes:
        backbone: what matches see through.
        encoder: what the colorization network looks through, perhaps the same; None without it.
    """

    backbone: Backbone
    encoder: Backbone | None

    @stage("describing")
    def features_of(
        self, picture: np.ndarray | PictureFeatures, working_side: int
    ) -> PictureFeatures:
        """Describe a picture of any size, unless it is described already.

        Args:
            picture: (height, width, 3), uint8 or uint16; or what was made of one.
            working_side: see ColorizeOptions.
        """
        if isinstance(picture, PictureFeatures):
            return picture.on(self.backbone.device)
        return self.features_of_lab(working_lab(picture, working_side), working_side)

    def features_of_lab(
        self, lab: Float[Tensor, "1 3 height width"], working_side: int
    ) -> PictureFeatures:
        """Describe a picture, within its border if it is a print that has one.

        Args:
            lab: at the working size, raw Lab units.
            working_side: see ColorizeOptions.
        """
        seen, border = within_border(lab)
        return replace(self(spread_tones(seen), working_side), border=border)

    @stage("describing")
    def __call__(
        self, lab: Float[Tensor, "1 3 height width"], working_side: int
    ) -> PictureFeatures:
        """Describe a picture.

        Args:
            lab: at the working size, with its tones spread; raw Lab units.
            working_side: see ColorizeOptions.
        """
        there = lab.to(self.backbone.device)
        luminance = there[:, :1]
        layers, names = self.backbone.layers, tuple(ENCODER_MAPS)
        wanted = dict.fromkeys((*layers.levels, *layers.detail))
        seen = self.backbone.standardised_maps(luminance, tuple(wanted))
        if self.encoder is None:
            encoder_maps = {}
        elif self.encoder is self.backbone:
            encoder_maps = {name: seen[name] for name in names}
        else:
            encoder_maps = self.encoder.standardised_maps(luminance, names)
        height, width = luminance.shape[-2:]
        maps = unit_maps(seen, layers, (height // GRID_STRIDE, width // GRID_STRIDE), luminance)
        return PictureFeatures(
            luminance,
            there[0, 1:],
            maps,
            encoder_maps,
            working_side,
            self.backbone.weights_hash,
        )
