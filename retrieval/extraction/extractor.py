"""Describe photos with a backbone and the projections of its features.

All of it is computed from the luminance alone, so a gray photo and a color photo of the same scene
agree.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float16, UInt8
from PIL import Image

from retrieval.extraction.pca import WEIGHTS_DIR, Projection, find_projections
from retrieval.photos.print_detection import color_beyond_tone
from retrieval.storage.descriptors import BINS, GRID, SIDE, Descriptors
from similarity.backbone.backbone import Backbone, inference
from similarity.color.lab import luminance_of_bytes
from similarity.color.tones import spread_tones

# pool5 at 224 is conv5 pooled to 7x7
GLOBAL_LAYER, LOCAL_LAYER, CLASS_LAYER = "fc6", "pool5", "logits"


@dataclass(frozen=True)
class Glance:
    """A photo as the descriptors see it.

    Attributes:
        luminance: L as 0..255, with its tones spread.
        chroma: see color_beyond_tone.
    """

    luminance: UInt8[np.ndarray, "224 224"]
    chroma: float


def glance(rgb: UInt8[np.ndarray, "height width 3"]) -> Glance:
    """Reduce a photo to the square that is described.

    The sides are scaled independently: descriptors of portrait and landscape pictures then cover
        the same 7x7 cells.

    Args:
        rgb: sRGB of any size.
    """
    square = Image.fromarray(rgb).resize(
        (SIDE, SIDE),
        Image.Resampling.BOX if min(rgb.shape[:2]) > 3 * SIDE else Image.Resampling.BICUBIC,
    )
    luminance = luminance_of_bytes(np.asarray(square))
    seen = spread_tones(torch.from_numpy(luminance)[None, None])[0, 0].numpy()
    return Glance(
        np.clip(np.rint(seen * 2.55), 0, 255).astype(np.uint8),
        color_beyond_tone(np.asarray(square)),
    )


def luminance_histograms(luminance: UInt8[np.ndarray, "224 224"]) -> Float16[np.ndarray, "49 10"]:
    """Histograms of L in ten equal bins for each of the 7x7 cells, each summing to 1.

    Source: He et al. 2018, section 4 (the released code trims border cells by mistake; these are
        all equal).
    """
    cell = SIDE // GRID
    bins = np.minimum(luminance.astype(np.int64) * BINS // 255, BINS - 1)
    cells = bins.reshape(GRID, cell, GRID, cell).transpose(0, 2, 1, 3).reshape(GRID * GRID, -1)
    counts = np.bincount(
        (cells + BINS * np.arange(GRID * GRID)[:, None]).ravel(), minlength=GRID * GRID * BINS
    )
    return (counts.reshape(GRID * GRID, BINS) / cell**2).astype(np.float16)


@dataclass(frozen=True)
class RawFeatures:
    """Backbone outputs before projection: ``fc6`` (photos, size), ``local`` (photos, 49, channels), ``label`` (photos)."""

    fc6: np.ndarray
    local: np.ndarray
    label: np.ndarray


def raw_features(backbone: Backbone, luminance: UInt8[np.ndarray, "photos 224 224"]) -> RawFeatures:
    """Run the backbone on squares of luminance (0..255)."""
    with inference():
        planes = torch.from_numpy(luminance)[:, None].to(backbone.device).float() / 2.55
        found = backbone(planes, (GLOBAL_LAYER, LOCAL_LAYER, CLASS_LAYER))
        local = found[LOCAL_LAYER].flatten(2).transpose(1, 2)
    label = found[CLASS_LAYER].argmax(1).to(torch.int16)
    return RawFeatures(found[GLOBAL_LAYER].cpu().numpy(), local.cpu().numpy(), label.cpu().numpy())


@dataclass(frozen=True)
class Extractor:
    """A backbone with the projections of its features.

    Attributes:
        backbone: see Backbone.
        global_projection: fc6 to 128.
        local_projection: conv5 to 64.
    """

    backbone: Backbone
    global_projection: Projection
    local_projection: Projection

    @classmethod
    def bundled(cls, backbone: Backbone) -> "Extractor | None":
        """The extractor of a backbone that brings its projections; None where they must be fitted to a corpus."""
        loaded = find_projections(WEIGHTS_DIR, backbone.weights_hash)
        return cls(backbone, *loaded) if loaded else None

    def describe(self, glances: list[Glance]) -> Descriptors:
        """Describe photos; batches of 16 to 64 are fastest."""
        luminance = np.stack([g.luminance for g in glances])
        raw = raw_features(self.backbone, luminance)
        return Descriptors(
            global_=self.global_projection.apply(raw.fc6).astype(np.float16),
            local=self.local_projection.apply(raw.local).astype(np.float16),
            histogram=np.stack([luminance_histograms(x) for x in luminance]),
            label=raw.label,
            chroma=np.array([g.chroma for g in glances], np.float16),
        )
