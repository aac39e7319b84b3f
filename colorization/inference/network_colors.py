"""The colorization network at work: references, points and palette in, ab out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from colorization.inference.color_points import pointed
from colorization.inference.color_transfer import MATCH_LAYERS, smooth_step, transfer
from colorization.inference.matching import SURFACE_CONTRAST, SURFACE_REACH, Matched
from colorization.inference.picture_features import Described
from colorization.inference.surface_smoothing import smooth_colors
from colorization.network.color_bins import rebalancing_weights, smoothed
from colorization.network.color_decoding import decode
from colorization.network.colorization_network import (
    BACKBONE_LAYERS,
    ColorizationNetwork,
    Prediction,
)
from colorization.network.hints import Point, global_hints, point_planes
from colorization.network.input_planes import TARGET_LAYERS, ReferencePlanes, input_planes
from colorization.options import ColorizeOptions
from similarity.backbone.backbone import autocast
from similarity.resize import resized

# cosine of a match from which its colors are taken as they are a little, and as far as wanted
WARPED_RANGE = (0.2, 0.6)
PALETTE_SHARE = 0.8  # of the annealed mean, which obeys a palette
# Lab units by which palette colors reach; largest factor on a color's odds
PALETTE_SIGMA, PALETTE_LIMIT = 8.0, 100.0
PREDICT_LAYERS = tuple(dict.fromkeys((*TARGET_LAYERS, *MATCH_LAYERS)))


@dataclass(frozen=True)
class Guidance:
    """What the user asks for beside references.

    Attributes:
        points: colors at places.
        palette: share of each color bin, from palette_of; None for none.

    Raises:
        ValueError: something else is among the points.
    """

    points: Sequence[Point] = ()
    palette: Float[Tensor, " bins"] | None = None

    def __post_init__(self) -> None:
        """Check the points."""
        if not all(isinstance(point, Point) for point in self.points):
            raise ValueError(
                "points: expected Point(x, y, (a, b)) or Point.of_color(x, y, (red, green, blue))"
            )


@dataclass(frozen=True)
class Chroma:
    """Colors for a target at half the working size.

    Attributes:
        ab: raw Lab units.
        warped_ab: what the references lend; zeros without references.
        confidence: 0..1, how far they can be trusted; zeros without references.
        influence: share of the colors that comes from each reference; the rest is what the network
            holds natural.
    """

    ab: Float[Tensor, "2 height width"]
    warped_ab: Float[Tensor, "2 height width"]
    confidence: Float[Tensor, "1 height width"]
    influence: list[float]


def predict(
    network: ColorizationNetwork,
    target: Described,
    reference_planes: Sequence[ReferencePlanes | None],
    guidance: Guidance,
    options: ColorizeOptions,
) -> Prediction:
    """Run the network once, for one answer or several.

    Args:
        network: see ColorizationNetwork.
        target: with features of BACKBONE_LAYERS.
        reference_planes: for each answer; None for the one without references.
        guidance: points and palette.
        options: vividness.
    """
    stride, luminance = network.config.stride, target.luminance
    points = (
        point_planes(guidance.points, F.avg_pool2d(luminance, stride)[0])[None]
        if guidance.points
        else None
    )
    given = [
        (None, None) if x is None else (x.warped_ab[None], x.similarity[None])
        for x in reference_planes
    ]
    planes = torch.cat(
        [
            input_planes(luminance, warped, similarity, points, stride)
            for warped, similarity in given
        ]
    )
    planes = planes.contiguous(memory_format=torch.channels_last)
    hints = global_hints(guidance.palette, None, options.vividness)[None].to(luminance)
    features = (
        [target.features[layer] for layer in BACKBONE_LAYERS]
        if network.config.backbone_channels
        else []
    )
    with autocast(luminance.device):
        return network(planes, features, hints if network.config.global_size else None)  # type: ignore[no-any-return]


def predict_chroma(
    network: ColorizationNetwork | None,
    matched: Matched,
    guidance: Guidance,
    options: ColorizeOptions,
) -> Chroma:
    """Colors by the network; without it, those of the references, carried over.

    Args:
        network: from ColorizationPipeline.network_for.
        matched: from match; without the network only described.
        guidance: points and palette, which only the network obeys.
        options: see ColorizeOptions.
    """
    if network is not None:
        return network_chroma(network, matched, guidance, options)
    found = transfer(matched.target, matched.references, matched.scores, options)
    return Chroma(
        found.warped_ab * found.confidence, found.warped_ab, found.confidence, found.influence
    )


def network_chroma(
    network: ColorizationNetwork, matched: Matched, guidance: Guidance, options: ColorizeOptions
) -> Chroma:
    """Colorize with the network.

    Where a reference shows the same thing as the target, its exact match at stride 2 is kept: the
        network works at
    stride 8 of the match and cannot know more. Where it shows nothing of it, it is not heard; where
    it is the same picture all over, its colors are only carried over. The network's own colors are
    evened out on surfaces.

    Args:
        network: see ColorizationNetwork.
        matched: from match; without references it colors automatically.
        guidance: points and palette.
        options: see ColorizeOptions.
    """
    warped, size = matched.warped, matched.size
    trust = matched.trust(options)

    def answers(asked: Guidance) -> Float[Tensor, "2 height width"]:
        both = (
            (matched.reference_planes, trust, options.guided_share),
            (None, 1.0 - trust, options.automatic_share),
        )
        ways = [
            (planes, share, options.vividness * boldness)
            for planes, share, boldness in both
            if bool((share > 0).any())
        ]
        prediction = predict(
            network, matched.target, [planes for planes, *_ in ways], asked, options
        )
        raw = [
            _decoded(network, prediction, i, asked, boldness, options)
            for i, (*_, boldness) in enumerate(ways)
        ]
        smooth = smooth_colors(
            resized(torch.cat(raw), size),
            matched.surfaces,
            SURFACE_REACH * max(size),
            SURFACE_CONTRAST,
        )
        gain = 1 + options.vividness * (options.vivid_gain - 1) if asked.palette is None else 1.0
        ab = trust.new_zeros(2, *size)
        for (planes, share, _), answer in zip(ways, torch.split(gain * smooth, 2), strict=True):
            ab += share * (
                answer
                if planes is None or asked.palette is not None
                else _with_warped(answer, matched, options)
            )
        return ab

    # from edit to edit only the points change, or what is done to the colors afterwards
    palette = None if guidance.palette is None else guidance.palette.cpu().numpy().tobytes()
    key = network, replace(options, saturation=1.0, keep_tint=False), palette
    without_points = matched.remembered(key, lambda: answers(replace(guidance, points=())))
    # a palette overrules the references, as points do near them
    direct = matched.direct_as(options) if guidance.palette is None else None
    if guidance.points:
        ab = pointed(without_points, answers(guidance), guidance.points, matched, direct)
    else:
        ab = without_points if direct is None else direct.over(without_points)
    if warped is None:
        return Chroma(ab, torch.zeros_like(ab), torch.zeros_like(ab[:1]), [])
    share = matched.reference_share(options, overruled=guidance.palette is not None)
    return Chroma(ab, warped.warped_ab, warped.confidence, [share * own for own in warped.shares])


def _with_warped(
    ab: Float[Tensor, "2 height width"], matched: Matched, options: ColorizeOptions
) -> Float[Tensor, "2 height width"]:
    """Take the colors that a given reference lends as they are where it matches surely; the network makes them paler."""
    if matched.warped is None or matched.smoothed_warped_ab is None or options.warped_share == 0:
        return ab
    share = options.warped_share * smooth_step(matched.warped.confidence, WARPED_RANGE)
    return share * matched.smoothed_warped_ab + (1 - share) * ab


def _decoded(
    network: ColorizationNetwork,
    prediction: Prediction,
    number: int,
    guidance: Guidance,
    boldness: float,
    options: ColorizeOptions,
) -> Float[Tensor, "2 height width"]:
    """Colors of one of the network's answers."""
    ab = prediction.ab[number : number + 1]
    if prediction.logits is None:
        return ab[0]
    logits = prediction.logits[number : number + 1]
    if guidance.palette is not None:
        logits, boldness = (
            _with_palette(logits, guidance.palette, network.prior),
            max(boldness, PALETTE_SHARE),
        )
    return decode(ab, logits, rebalancing_weights(network.prior), boldness, options)[0]


def _with_palette(
    logits: Tensor, palette: Float[Tensor, " bins"], prior: Float[Tensor, " bins"]
) -> Tensor:
    """Bayes' rule: colors that the palette has more often than photos have, become likelier by that factor.

    The network reads the palette too; this holds however much it has learned from it.
    """
    factor = smoothed(palette.to(prior), PALETTE_SIGMA) / smoothed(prior, PALETTE_SIGMA)
    return logits + factor.clamp(1 / PALETTE_LIMIT, PALETTE_LIMIT).log()[:, None, None].to(logits)
