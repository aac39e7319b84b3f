"""The colorization network at work: a matched photo and a user's wishes in, colors out.

1. Ask: the network colors the photo with its references and without them, as far as each counts.
2. Decode: the answer lies between the regression and the colors that are likely, and keeps the
   detail of the regression. The more vivid it is to be, the less of what is unlikely is mixed in.
   A palette changes the odds. Colors change where luminance does.
3. Mix by faithfulness: the answer with references, and the one without, which has some say beside
   recommended ones.
4. Vividness: the paler the colors, the more they gain; given references say how vivid they are.
5. Exact matches: where a reference shows the very same thing, its own colors are taken.
6. Points: a color that the user gave holds as far as the picture shows the same thing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from colorization.inference.color_belief import NetworkBelief
from colorization.inference.color_points import blend_points
from colorization.inference.matching import ReferenceMatch
from colorization.inference.picture_features import PictureFeatures
from colorization.inference.pictures.edge_upsampling import upsampled_along_edges
from colorization.network.color_bins import rebalancing_weights, smoothed, without_rebalancing
from colorization.network.color_decoding import likely_colors, palette_colors
from colorization.network.colorization_network import HINT_STRIDE, ColorizationNetwork, Prediction
from colorization.network.hints import FAITHFUL, LED, ORDINARY, Point, global_hints, point_planes
from colorization.network.input_planes import network_inputs
from colorization.options import ColorizeOptions
from similarity.backbone.precision import autocast
from similarity.color.lab import mean_chroma
from similarity.resize import resized

# factor on the chroma of vivid answers, see vivid_gain: what is added for the photo as it is, the
# mean chroma that is added for all photos alike, and limits
VIVID_SHARE, VIVID_CHROMA, VIVID_LIMITS = 0.84, 7.0, (1.2, 2.0)
VIVID_LEVELS = (10.0, 95.0)  # L between which a mean chroma is taken: black and white have no color
# the same where given references are followed: over what they lend, by which matching has averaged
# their colors, and limits
FOLLOWED_SHARE, FOLLOWED_LIMITS = 1.1, (1.15, 1.5)
PALETTE_SIGMA = 8.0  # Lab units by which the colors of a palette reach
PALETTE_LIMIT = 100.0  # largest factor of a palette on the odds of a color


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


def network_colors(
    network: ColorizationNetwork,
    match: ReferenceMatch,
    guidance: Guidance,
    options: ColorizeOptions,
) -> Float[Tensor, "2 height width"]:
    """Color a photo.

    Args:
        network: the colorization network.
        match: the photo, matched with its references; without any it is colored automatically.
        guidance: points and palette.
        options: vividness and faithfulness.

    Returns:
        Chroma at half the working size, raw Lab units.
    """
    others = replace(guidance, points=())
    without_points = _answer(network, match, others, options)
    if not guidance.points:
        return without_points
    with_points = _answer(network, match, guidance, options)
    seen = guidance.palette is None and match.planes is not None
    said = said_of(network, match, seen and match.followed(options.faithfulness) > 0, others)
    belief = NetworkBelief(said, rebalancing_weights(network.prior))
    likely = belief.probabilities[0]
    return blend_points(without_points, with_points, guidance.points, match, likely)


def predict(
    network: ColorizationNetwork,
    match: ReferenceMatch,
    with_references: bool,
    guidance: Guidance = Guidance(),
) -> Prediction:
    """Run the network once.

    Args:
        network: the colorization network.
        match: the photo, and references if there are any.
        with_references: whether the network is to see them.
        guidance: points and palette.

    Raises:
        ValueError: the photo was described without the network's encoder.
    """
    if not match.target.encoder_maps:
        raise ValueError(
            "the photo was prepared by a pipeline without the colorization network:"
            " prepare it again"
        )
    luminance, hints = match.target.luminance, None
    if guidance.points:
        hints = point_planes(guidance.points, F.avg_pool2d(luminance, HINT_STRIDE)[0])[None]
    shown = match.planes.planes if match.planes is not None and with_references else None
    # recommended references do not lead: what is alike has often other colors
    followed = LED if match.belief is None else FAITHFUL
    wishes = global_hints(guidance.palette, faithfulness=followed if with_references else ORDINARY)
    inputs = network_inputs(
        match.target.encoder_maps, luminance, shown, hints, wishes[None].to(luminance)
    )
    with autocast(luminance.device):
        prediction: Prediction = network(inputs)
    return prediction


def belief_of(network: ColorizationNetwork, target: PictureFeatures) -> NetworkBelief:
    """Which colors the network finds likely in a photo, whatever references may say.

    Args:
        network: the colorization network.
        target: the photo.
    """
    said = predict(network, ReferenceMatch(target, []), False)
    return NetworkBelief(said, rebalancing_weights(network.prior))


def _answer(
    network: ColorizationNetwork,
    match: ReferenceMatch,
    guidance: Guidance,
    options: ColorizeOptions,
) -> Float[Tensor, "2 height width"]:
    """Stages 1 to 5; with a palette, which overrules references, 1 and 2."""
    if guidance.palette is not None:
        return _colored(network, match, guidance, options, seen=False)
    ab = _mixed(network, match, guidance, options)
    ab *= 1 + options.vividness * (_gain(ab, match, options) - 1)
    return ab if match.exact is None else match.exact.over(ab, options.faithfulness)


def _colored(
    network: ColorizationNetwork,
    match: ReferenceMatch,
    guidance: Guidance,
    options: ColorizeOptions,
    seen: bool,
) -> Float[Tensor, "2 height width"]:
    """Stages 1 and 2, with references or without them."""
    said = said_of(network, match, seen, guidance)
    sharpness = torch.full_like(said.logits[:, :1], options.vividness, dtype=torch.float32)
    if seen:  # where references match, their colors are sure
        sharpness *= 1 - resized(match.trust, sharpness.shape[-2:])
    ab = _decoded(network, said, guidance, sharpness)
    return upsampled_along_edges(ab.float(), match.level)


def _mixed(
    network: ColorizationNetwork,
    match: ReferenceMatch,
    guidance: Guidance,
    options: ColorizeOptions,
) -> Float[Tensor, "2 height width"]:
    """Stage 3."""
    share = 0.0 if match.planes is None else match.followed(options.faithfulness)
    ab = torch.zeros_like(match.warped_ab)
    for seen, part in ((True, share), (False, 1 - share)):
        if part > 0:
            ab += part * _colored(network, match, guidance, options, seen)
    return ab


def _gain(
    ab: Float[Tensor, "2 height width"], match: ReferenceMatch, options: ColorizeOptions
) -> float:
    """Stage 4: by how much the chroma of an answer is raised."""
    gain = vivid_gain(ab, match.level)
    if match.planes is None or match.belief is not None:
        return gain
    return gain + match.followed(options.faithfulness) * (followed_gain(ab, match) - gain)


def said_of(
    network: ColorizationNetwork,
    match: ReferenceMatch,
    seen: bool,
    guidance: Guidance = Guidance(),
) -> Prediction:
    """What the network says; most edits change only what is done to its answer afterwards.

    Args:
        network: the colorization network.
        match: the photo, and references if there are any; it remembers what was said.
        seen: whether the network is to see them.
        guidance: points and palette.
    """
    if guidance.points:
        return predict(network, match, seen, guidance)
    if match.belief is not None and not seen and guidance.palette is None:
        return match.belief.prediction
    palette = None if guidance.palette is None else guidance.palette.cpu().numpy().tobytes()
    return match.remembered(
        seen, (network, palette), lambda: predict(network, match, seen, guidance)
    )


def vivid_gain(
    ab: Float[Tensor, "2 height width"], level: Float[Tensor, "1 height width"]
) -> float:
    """By how much an answer is paler than photos are.

    The less sure the network is, the paler is its answer, and the more of the true chroma it lacks.

    Args:
        ab: colors of a photo, raw Lab units.
        level: its L.
    """
    darkest, brightest = VIVID_LEVELS
    is_shown = ((level > darkest) & (level < brightest))[0]
    shown = ab[:, is_shown] if bool(is_shown.any()) else ab.flatten(1)
    mean = max(mean_chroma(shown[:, None]), 1e-6)
    lowest, highest = VIVID_LIMITS
    return min(max(VIVID_SHARE + VIVID_CHROMA / mean, lowest), highest)


def followed_gain(ab: Float[Tensor, "2 height width"], match: ReferenceMatch) -> float:
    """By how much an answer is paler than what given references lend where they match.

    Args:
        ab: colors of a photo, raw Lab units.
        match: the photo, with references.
    """
    answered, lent = (
        (match.trust * torch.hypot(planes[0], planes[1])).mean() for planes in (ab, match.warped_ab)
    )
    paler = lent / answered.clamp(min=1e-6)
    lowest, highest = FOLLOWED_LIMITS
    return min(max(FOLLOWED_SHARE * float(paler), lowest), highest)


def _decoded(
    network: ColorizationNetwork, said: Prediction, guidance: Guidance, sharpness: Tensor
) -> Float[Tensor, "2 height width"]:
    """Likely colors, or those of a palette, at stride 4."""
    logits, bin_weights = said.logits.float(), rebalancing_weights(network.prior)
    if guidance.palette is not None:
        factor = _palette_factor(guidance.palette, network.prior).log().to(logits)
        likely = without_rebalancing(logits, bin_weights) + factor[:, None, None]
        return palette_colors(said.ab, likely)[0]
    return likely_colors(said.ab, logits, bin_weights, sharpness)[0]


def _palette_factor(palette: Float[Tensor, " bins"], prior: Float[Tensor, " bins"]) -> Tensor:
    """By how much likelier a palette makes each color: Bayes' rule.

    The network reads the palette too; this holds however much it has learned from it.
    """
    factor = smoothed(palette.to(prior), PALETTE_SIGMA) / smoothed(prior, PALETTE_SIGMA)
    return factor.clamp(1 / PALETTE_LIMIT, PALETTE_LIMIT)
