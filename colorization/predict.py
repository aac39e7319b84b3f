"""The colorization network at work: references, points and palette in, ab out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from colorization.bins import annealed_mean, smoothed
from colorization.hints import Point, global_hints, point_planes
from colorization.network import BACKBONE_LAYERS, ColorizationNetwork, Prediction
from colorization.options import ColorizeOptions
from colorization.planes import TARGET_LAYERS, ReferencePlanes, input_planes, reference_planes
from colorization.transfer import FINE_STRIDE, MATCH_LAYERS, detail_match, handicaps_of, influence_of, smooth_step, transfer
from similarity.backbone import autocast
from similarity.correspondence import Correlation

POINTS_WIDEN = 1.8  # how much farther what is missing at points is carried than the network is told
PALETTE_SHARE = 0.8  # of the annealed mean, which obeys a palette
PALETTE_SIGMA, PALETTE_LIMIT = 8.0, 100.0  # Lab units by which palette colors reach; largest factor on a color's odds
PREDICT_LAYERS = tuple(dict.fromkeys((*TARGET_LAYERS, *MATCH_LAYERS)))


@dataclass(frozen=True)
class Guidance:
    """What the user asks for beside references.

    Attributes:
        points: colors at places.
        palette: share of each color bin, from palette_of; None for none.
    """

    points: Sequence[Point] = ()
    palette: Float[Tensor, " bins"] | None = None


@dataclass(frozen=True)
class Chroma:
    """Colors for a target at half the working size.

    Attributes:
        ab: raw Lab units.
        warped_ab: what the references lend; zeros without references.
        confidence: 0..1, how far they can be trusted; zeros without references.
        influence: share of each reference; sums to 1.
    """

    ab: Float[Tensor, "2 height width"]
    warped_ab: Float[Tensor, "2 height width"]
    confidence: Float[Tensor, "1 height width"]
    influence: list[float]


def predict(
    network: ColorizationNetwork,
    luminance: Float[Tensor, "1 1 height width"],
    target: Mapping[str, Tensor],
    said: ReferencePlanes | None,
    guidance: Guidance,
    options: ColorizeOptions,
) -> Prediction:
    """Run the network once.

    Args:
        network: see ColorizationNetwork.
        luminance: L of the target at the working size.
        target: its features of BACKBONE_LAYERS.
        said: what the references say; None without references.
        guidance: points and palette.
        options: vividness.
    """
    stride = network.config.stride
    points = point_planes(guidance.points, F.avg_pool2d(luminance, stride)[0])[None] if guidance.points else None
    warped, similarity = (None, None) if said is None else (said.warped_ab[None], said.similarity[None])
    planes = input_planes(luminance, warped, similarity, points, stride).contiguous(memory_format=torch.channels_last)
    hints = global_hints(guidance.palette, None, options.vividness)[None].to(luminance)
    features = [target[layer] for layer in BACKBONE_LAYERS] if network.config.backbone_channels else []
    with autocast(luminance.device):
        return network(planes, features, hints if network.config.global_size else None)  # type: ignore[no-any-return]


def network_chroma(
    network: ColorizationNetwork,
    luminance: Float[Tensor, "1 1 height width"],
    target: Mapping[str, Tensor],
    references: Sequence[Mapping[str, Tensor]],
    reference_ab: Sequence[Float[Tensor, "2 _height _width"]],
    scores: Sequence[float] | None,
    guidance: Guidance,
    options: ColorizeOptions,
) -> Chroma:
    """Colorize with the network.

    Where a reference shows the same thing as the target, its exact match at stride 2 is kept: the network works at
    stride 8 of the match and cannot know more. Where it shows nothing of it, it is not heard; where it is the same
    picture all over, its colors are only carried over.

    Args:
        network: see ColorizationNetwork.
        luminance: L of the target at the working size.
        target: features of PREDICT_LAYERS.
        references: the same of each reference; none colors automatically.
        reference_ab: chroma of each reference at its working size.
        scores: of recommended references; None weighs all alike.
        guidance: points and palette.
        options: see ColorizeOptions.
    """
    handicaps = None if scores is None else handicaps_of(scores, options)
    said = reference_planes(target, references, reference_ab, handicaps) if references else None
    size = luminance.shape[-2] // FINE_STRIDE, luminance.shape[-1] // FINE_STRIDE
    faithfulness = options.recommended_faithfulness if scores is not None else options.faithfulness
    ab = torch.zeros(2, *size, device=luminance.device)
    if said is not None:
        faithfulness *= _relevance(said.correlation, options.relevance_range)
    boldness = options.vividness * (options.automatic_share if said is None else options.guided_share)
    for heard, share in ((said, faithfulness), (None, 1.0 - faithfulness)) if said is not None else ((None, 1.0),):
        if share > 0:
            ab += share * _resize(_answer(network, luminance, target, heard, guidance, boldness, options), size)
    if guidance.points:
        ab = _obeying(ab, guidance.points, F.avg_pool2d(luminance, FINE_STRIDE)[0])
    if said is None:
        return Chroma(ab, torch.zeros_like(ab), torch.zeros_like(ab[:1]), [])
    best = said.correlation.values.amax(1).view(1, *said.correlation.target_size).clamp(0.0, 1.0)
    confidence, warped_ab = _resize(best, size), _resize(said.warped_ab, size)
    if not guidance.points and guidance.palette is None:  # else the user overrules the references
        same = _relevance(said.correlation, options.same_picture_range)
        if same < 1:
            ranges = options.detail_range, options.sure_range
            fine_ab, detail = detail_match(said.correlation, best, target, references, reference_ab, *ranges)
            ab = detail * fine_ab + (1 - detail) * ab
        if same > 0:
            carried = transfer(target, references, luminance[0], reference_ab, scores, options, said.correlation)
            ab = same * carried.warped_ab * carried.confidence + (1 - same) * ab
    return Chroma(ab, warped_ab, confidence, influence_of(said.weights, said.correlation))


def _answer(
    network: ColorizationNetwork,
    luminance: Tensor,
    target: Mapping[str, Tensor],
    said: ReferencePlanes | None,
    guidance: Guidance,
    boldness: float,
    options: ColorizeOptions,
) -> Float[Tensor, "2 height width"]:
    """Colors of one run of the network: regression, which is pale where it is unsure, and a share of the annealed mean."""
    prediction = predict(network, luminance, target, said, guidance, options)
    logits, share = prediction.logits, boldness
    if logits is not None and guidance.palette is not None:
        logits, share = _with_palette(logits, guidance.palette, network.prior), max(boldness, PALETTE_SHARE)
    if logits is None or share == 0:
        return prediction.ab[0]
    annealed = _resize(annealed_mean(logits, options.temperature)[0], prediction.ab.shape[-2:])
    return (1 - share) * prediction.ab[0] + share * annealed


def _relevance(correlation: Correlation, limits: tuple[float, float]) -> float:
    """How far the best of the references shows the target, 0..1, from its mean best cosine; smooth between limits."""
    parts = torch.split(correlation.values, correlation.counts, 1)
    likeness = torch.stack([part.amax(1).mean() for part in parts]).amax()
    return float(smooth_step(likeness, limits))


def _with_palette(logits: Tensor, palette: Float[Tensor, " bins"], prior: Float[Tensor, " bins"]) -> Tensor:
    """Bayes' rule: colors that the palette has more often than photos have, become likelier by that factor.

    The network reads the palette too; this holds however much it has learned from it.
    """
    factor = smoothed(palette.to(prior), PALETTE_SIGMA) / smoothed(prior, PALETTE_SIGMA)
    return logits + factor.clamp(1 / PALETTE_LIMIT, PALETTE_LIMIT).log()[:, None, None].to(logits)


def _obeying(
    ab: Float[Tensor, "2 height width"], points: Sequence[Point], luminance: Float[Tensor, "1 height width"]
) -> Float[Tensor, "2 height width"]:
    """Carry what is still missing at the points to what lies near and is as bright."""
    _, height, width = ab.shape
    missing = []
    for point in points:
        row, column = min(int(point.y * height), height - 1), min(int(point.x * width), width - 1)
        a, b = (torch.tensor(point.ab).to(ab) - ab[:, row, column]).tolist()
        missing.append(Point(point.x, point.y, (a, b)))
    spread = point_planes(missing, luminance, POINTS_WIDEN)
    return ab + spread[2:] * spread[:2]


def _resize(planes: Tensor, size: Sequence[int]) -> Tensor:
    return F.interpolate(planes[None], size=tuple(size), mode="bilinear", align_corners=False)[0]
