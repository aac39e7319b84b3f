"""Training samples: a crop, what the network is told about it, and how its answer is judged."""

import math
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from colorization.network.hints import global_hints, palette_of, point_planes
from colorization.training.packed_corpus import Pack
from colorization.training.simulated_user import mean_saturation, random_points
from similarity.color.lab import rgb_to_lab
from similarity.color.tones import printed, spread_tones
from similarity.training.crops import random_square

CHROMINANCE, PERCEPTUAL = "chrominance", "perceptual"
KINDS = ("recommended", "distorted", "random", "none")


@dataclass(frozen=True)
class SamplingOptions:
    """What training samples look like.

    Attributes:
        side: of the crops in pixels, a multiple of 16.
        cover: smallest share of the photo's short side in a crop.
        kinds: shares of KINDS: recommended references, the same picture distorted, a random photo,
            no reference.
        max_references: most recommended references fused in one sample.
        extra_reference: probability of each reference after the first.
        points: share of samples with color points.
        palette: share of samples that are told their own palette.
        saturation: share of samples that are told their own saturation.
        top: references are drawn from this many best ones.
        vivid: share of the perceptual branch that asks for vivid colors, whose looks are judged.
    """

    side: int = 160
    cover: float = 0.7
    kinds: tuple[float, float, float, float] = (0.52, 0.1, 0.12, 0.26)
    max_references: int = 3
    extra_reference: float = 0.35
    points: float = 0.35
    palette: float = 0.25
    saturation: float = 0.1
    top: int = 5
    vivid: float = 0.8


@dataclass(frozen=True)
class Sample:
    """One training sample.

    Attributes:
        branch: CHROMINANCE or PERCEPTUAL.
        kind: one of KINDS.
        lab: the truth, with the luminance that the networks see.
        references: Lab of the references.
        points: suggested ab and strength on the network's grid.
        hints: vector of global hints.
        is_vivid: whether vivid colors are asked for.
    """

    branch: str
    kind: str
    lab: Float[Tensor, "3 side side"]
    points: Float[Tensor, "3 cells cells"]
    hints: Float[Tensor, " size"]
    is_vivid: bool
    references: list[Float[Tensor, "3 side side"]] = field(default_factory=list)


def draw(
    pack: Pack,
    row: int,
    rng: np.random.Generator,
    branch: str,
    options: SamplingOptions,
    stride: int,
) -> Sample:
    """Draw a sample of a photo.

    Args:
        pack: the corpus.
        row: the target's.
        rng: the only source of randomness.
        branch: CHROMINANCE or PERCEPTUAL.
        options: see SamplingOptions.
        stride: working pixels a cell of the network's grid.
    """
    rgb = _square(pack, row, rng, options)
    lab = _seen(aged(rgb_to_lab(rgb), rng))
    kind, references = _references(pack, row, lab, rng, options)
    ab = lab[1:]
    has_points, has_palette, has_saturation = rng.random(3) < (
        options.points,
        options.palette,
        options.saturation,
    )
    small = F.avg_pool2d(lab[None], stride)[0]
    chosen = random_points(small[1:], rng, stride) if has_points else []
    points = point_planes(chosen, small[:1])
    # where the chrominance branch must guess, it asks for the expected color: vivid guesses are the
    # other branch's matter
    share = options.vivid if branch == PERCEPTUAL else 0.5 * (kind in ("recommended", "distorted"))
    is_vivid = bool(rng.random() < share)
    saturation = mean_saturation(rgb) if has_saturation else None
    is_faithful = branch == CHROMINANCE and bool(references)  # a round trip brings the true colors
    hints = global_hints(
        palette_of(ab) if has_palette else None, saturation, float(is_vivid), float(is_faithful)
    )
    return Sample(branch, kind, lab, points, hints, is_vivid, references)


def aged(
    lab: Float[Tensor, "3 height width"], rng: np.random.Generator
) -> Float[Tensor, "3 height width"]:
    """Change the luminance as prints and films do: gamma, contrast, brightness, and grain on some."""
    luminance = printed(
        lab[:1] / 100, rng.uniform(0.8, 1.25), rng.uniform(0.6, 1.05), rng.uniform(-0.1, 0.1)
    )
    if rng.random() < 0.2:
        luminance = luminance + torch.from_numpy(
            rng.normal(0, rng.uniform(0.005, 0.03), luminance.shape)
        ).to(luminance)
    return torch.cat((luminance.clamp(0.0, 1.0) * 100, lab[1:]))


def distorted(
    lab: Float[Tensor, "3 height width"], rng: np.random.Generator
) -> Float[Tensor, "3 height width"]:
    """The same picture turned, scaled, moved, perhaps mirrored, and in another tone: the easiest of references."""
    angle, scale = math.radians(rng.uniform(-15, 15)), rng.uniform(0.75, 1.1)
    flip = -1.0 if rng.random() < 0.5 else 1.0
    move = rng.uniform(-0.15, 0.15, 2)
    cos, sin = math.cos(angle) * scale, math.sin(angle) * scale
    matrix = torch.tensor(
        [[[cos * flip, -sin, move[0]], [sin * flip, cos, move[1]]]], dtype=torch.float32
    )
    grid = F.affine_grid(matrix, [1, *lab.shape], align_corners=False)
    return aged(
        F.grid_sample(lab[None], grid, padding_mode="reflection", align_corners=False)[0], rng
    )


def _square(
    pack: Pack, row: int, rng: np.random.Generator, options: SamplingOptions
) -> Float[Tensor, "3 side side"]:
    return random_square(pack.rgb(row), rng, options.cover, options.side)


def _seen(lab: Float[Tensor, "3 height width"]) -> Float[Tensor, "3 height width"]:
    return spread_tones(lab[None])[0]


def _references(
    pack: Pack, row: int, lab: Tensor, rng: np.random.Generator, options: SamplingOptions
) -> tuple[str, list[Tensor]]:
    kind = KINDS[int(rng.choice(len(KINDS), p=options.kinds))]
    if kind == "distorted":
        return kind, [_seen(distorted(lab, rng))]
    if kind == "none":
        return kind, []
    known = pack.references[row][: options.top]
    known = known[known >= 0]
    if kind == "random" or not len(known):
        other = int(rng.integers(0, len(pack) - 1)) if len(pack) > 1 else 0
        return "random", [_reference(pack, other + (other >= row and len(pack) > 1), rng, options)]
    count = 1
    while (
        count < min(options.max_references, len(known)) and rng.random() < options.extra_reference
    ):
        count += 1
    chosen = rng.choice(known, count, replace=False)
    return kind, [_reference(pack, int(other), rng, options) for other in chosen]


def _reference(
    pack: Pack, row: int, rng: np.random.Generator, options: SamplingOptions
) -> Float[Tensor, "3 side side"]:
    return _seen(rgb_to_lab(_square(pack, row, rng, options)))
