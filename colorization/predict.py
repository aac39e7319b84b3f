"""The colorization network at work: references, points and palette in, ab out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from colorization.bins import annealed_mean
from colorization.hints import Point, global_hints, point_planes
from colorization.network import BACKBONE_LAYERS, ColorizationNetwork, Prediction
from colorization.options import ColorizeOptions
from colorization.planes import TARGET_LAYERS, ReferencePlanes, input_planes, reference_planes
from colorization.transfer import FINE_STRIDE, MATCH_LAYERS, detail_match, influence_of
from similarity.backbone import autocast

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
        options: vividness and faithfulness.
    """
    stride = network.config.stride
    points = point_planes(guidance.points, F.avg_pool2d(luminance, stride)[0])[None] if guidance.points else None
    warped, similarity = (None, None) if said is None else (said.warped_ab[None], said.similarity[None])
    planes = input_planes(luminance, warped, similarity, points, stride).contiguous(memory_format=torch.channels_last)
    faithfulness = options.faithfulness if said is not None else 0.0
    hints = global_hints(guidance.palette, None, options.vividness, faithfulness)[None].to(luminance)
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
    stride 8 of the match and cannot know more.

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
    handicaps = None if scores is None else [options.rank_weight * (score - max(scores)) for score in scores]
    said = reference_planes(target, references, reference_ab, handicaps) if references else None
    prediction = predict(network, luminance, target, said, guidance, options)
    size = luminance.shape[-2] // FINE_STRIDE, luminance.shape[-1] // FINE_STRIDE
    ab = _resize(_decode(prediction, said is None, options), size)
    if said is None:
        return Chroma(ab, torch.zeros_like(ab), torch.zeros_like(ab[:1]), [])
    best = said.correlation.values.amax(1).view(1, *said.correlation.target_size).clamp(0.0, 1.0)
    confidence, warped_ab = _resize(best, size), _resize(said.warped_ab, size)
    if not guidance.points and guidance.palette is None:  # else the user overrules the references
        fine_ab, detail = detail_match(said.correlation, best, target, references, reference_ab, options)
        ab = detail * fine_ab + (1 - detail) * ab
    return Chroma(ab, warped_ab, confidence, influence_of(said.weights, said.correlation))


def _decode(prediction: Prediction, is_automatic: bool, options: ColorizeOptions) -> Float[Tensor, "2 height width"]:
    """Regression, and without references a share of the annealed mean, which is less pale."""
    ab = prediction.ab[0]
    share = options.automatic_share * options.vividness if is_automatic else 0.0
    if prediction.logits is None or share == 0:
        return ab
    annealed = _resize(annealed_mean(prediction.logits, options.temperature)[0], ab.shape[-2:])
    return (1 - share) * ab + share * annealed


def _resize(planes: Tensor, size: Sequence[int]) -> Tensor:
    return F.interpolate(planes[None], size=tuple(size), mode="bilinear", align_corners=False)[0]
