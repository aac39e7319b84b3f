"""Describe photos with a backbone and the projections of its features.

What photos are compared by is computed from the luminance alone, so a gray photo and a color photo
of the same scene agree. The colors of the cells are what the photo could lend.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float16, Int8, Int16, UInt8
from PIL import Image

from retrieval.extraction.pca import WEIGHTS_DIR, Projection, find_projections
from retrieval.photos.prints.border import border_of
from retrieval.photos.prints.detection import color_beyond_tone
from retrieval.storage.descriptors import BINS, GRID, SIDE, Descriptors
from similarity.backbone.backbone import Backbone
from similarity.backbone.precision import inference
from similarity.color.lab import lab_of_bytes, luminance_of_bytes
from similarity.color.tones import spread_tones

CPU_BATCH = 4  # photos whose maps fit the caches of a processor
COLORS_A_SIDE = 4  # of a cell, whose Lab colors are averaged


@dataclass(frozen=True)
class Glance:
    """A photo as the descriptors see it.

    Attributes:
        luminance: L as 0..255, with its tones spread.
        color: mean ab of the 7x7 cells, rounded to Lab units.
        chroma: see color_beyond_tone.
    """

    luminance: UInt8[np.ndarray, "224 224"]
    color: Int8[np.ndarray, "49 2"]
    chroma: float


def glance(rgb: UInt8[np.ndarray, "height width 3"]) -> Glance:
    """Reduce a photo to the square that is described.

    The sides are scaled independently: so descriptors of portrait and landscape pictures cover the
    same 7x7 cells. The border of a print is left out.

    Args:
        rgb: sRGB of any size.
    """
    square = _square(rgb)
    luminance = luminance_of_bytes(np.asarray(square))
    border = border_of(luminance, rgb.shape[0] / rgb.shape[1])
    if border is not None:
        square = _square(border.cropped(rgb))
        luminance = luminance_of_bytes(np.asarray(square))
    seen = spread_tones(torch.from_numpy(luminance)[None, None])[0, 0].numpy()
    return Glance(
        np.clip(np.rint(seen * 2.55), 0, 255).astype(np.uint8),
        cell_colors(square),
        color_beyond_tone(np.asarray(square)),
    )


def _square(rgb: UInt8[np.ndarray, "height width 3"]) -> Image.Image:
    method = Image.Resampling.BOX if min(rgb.shape[:2]) > 3 * SIDE else Image.Resampling.BICUBIC
    return Image.fromarray(rgb).resize((SIDE, SIDE), method)


def cell_colors(square: Image.Image) -> Int8[np.ndarray, "49 2"]:
    """Mean ab of the 7x7 cells of a picture, rounded to Lab units.

    Args:
        square: sRGB.
    """
    small = np.asarray(square.resize((GRID * COLORS_A_SIDE,) * 2, Image.Resampling.BOX))
    ab = lab_of_bytes(small)[1:].reshape(2, GRID, COLORS_A_SIDE, GRID, COLORS_A_SIDE).mean((2, 4))
    cells: np.ndarray = np.rint(ab.reshape(2, -1).T).astype(np.int8)
    return cells


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
    """Backbone outputs before projection.

    Attributes:
        global_: each photo as a whole.
        local: the 7 x 7 cells of each photo, row by row.
        label: top-1 ImageNet class.
    """

    global_: Float[np.ndarray, "photos size"]
    local: Float[np.ndarray, "photos 49 channels"]
    label: Int16[np.ndarray, " photos"]


def raw_features(
    backbone: Backbone, luminance: Sequence[UInt8[np.ndarray, "224 224"]]
) -> RawFeatures:
    """Run the backbone on squares of luminance.

    Args:
        backbone: it says which of its layers serve the index.
        luminance: L as 0..255, with its tones spread.
    """
    step = CPU_BATCH if backbone.device.type == "cpu" else max(1, len(luminance))
    found = [
        _some_features(backbone, np.stack(luminance[i : i + step]))
        for i in range(0, len(luminance), step)
    ]
    return RawFeatures(
        np.concatenate([one.global_ for one in found]),
        np.concatenate([one.local for one in found]),
        np.concatenate([one.label for one in found]),
    )


def _some_features(
    backbone: Backbone, luminance: UInt8[np.ndarray, "photos 224 224"]
) -> RawFeatures:
    layers = backbone.layers
    with inference():
        planes = torch.from_numpy(luminance)[:, None].to(backbone.device).float() / 2.55
        found = backbone(
            planes, tuple(dict.fromkeys((layers.global_, layers.local, layers.classes)))
        )
        whole, cells = found[layers.global_], found[layers.local]
        whole = whole.mean((2, 3)) if whole.ndim == 4 else whole
        label = found[layers.classes].argmax(1).to(torch.int16)
        local = cells.flatten(2).transpose(1, 2)
    return RawFeatures(whole.cpu().numpy(), local.cpu().numpy(), label.cpu().numpy())


@dataclass(frozen=True)
class Extractor:
    """A backbone with the projections of its features.

    Attributes:
        backbone: see Backbone.
        global_projection: the photo as a whole, to 128 numbers.
        local_projection: each cell, to 64.
    """

    backbone: Backbone
    global_projection: Projection
    local_projection: Projection

    @classmethod
    def bundled(cls, backbone: Backbone) -> "Extractor | None":
        """The extractor of a backbone with bundled projections; None where they must be fitted."""
        loaded = find_projections(WEIGHTS_DIR, backbone.weights_hash)
        return cls(backbone, *loaded) if loaded else None

    def describe(self, glances: Sequence[Glance]) -> Descriptors:
        """Describe photos; many at once are faster than one by one."""
        raw = raw_features(self.backbone, [g.luminance for g in glances])
        return Descriptors(
            global_=self.global_projection.apply(raw.global_).astype(np.float16),
            local=self.local_projection.apply(raw.local).astype(np.float16),
            histogram=np.stack([luminance_histograms(g.luminance) for g in glances]),
            color=np.stack([g.color for g in glances]),
            label=raw.label,
            chroma=np.array([g.chroma for g in glances], np.float16),
        )
