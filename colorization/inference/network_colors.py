"""The colorization network at work: a matched photo and a user's wishes in, colors out.

1. Ask: the network colors the photo with its references and without them, as far as each counts.
2. Decode: the careful answer is the mean of its regression and of the color that it expects; a
   palette changes the odds.
3. Mix by faithfulness: the answer with references, and the one without, which has a little say
   beside recommended ones.
4. Exact matches: where a reference shows the very same thing, its own colors are taken.
5. Points: a color that the user gave holds as far as the picture shows the same thing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from colorization.inference.color_belief import NetworkBelief
from colorization.inference.color_points import blend_points
from colorization.inference.matching import ReferenceMatch
from colorization.inference.picture_features import PictureFeatures
from colorization.network.color_bins import rebalancing_weights, smoothed
from colorization.network.color_decoding import careful_colors, palette_colors
from colorization.network.colorization_network import HINT_STRIDE, ColorizationNetwork, Prediction
from colorization.network.hints import Point, global_hints, point_planes
from colorization.network.input_planes import network_inputs
from colorization.options import ColorizeOptions
from similarity.backbone.precision import autocast
from similarity.resize import resized

# factor on the chroma of the vivid answer: 1, results are paler than photos; 1.7, guesses shout
VIVID_GAIN = 1.4
# the same where references are followed, whose colors need no more than what matching has averaged,
# which is more where there are several, as of recommended ones
FOLLOWED_GAIN, RECOMMENDED_GAIN = 1.2, 1.3
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
    without_points = _answer(network, match, replace(guidance, points=()), options)
    if not guidance.points:
        return without_points
    with_points = _answer(network, match, guidance, options)
    return blend_points(without_points, with_points, guidance.points, match)


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
    wishes = global_hints(guidance.palette, faithfulness=float(with_references))
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
    """Stages 1 to 4."""
    followed = match.followed(options.faithfulness)
    if match.planes is None or guidance.palette is not None:  # a palette overrules references
        followed = 0.0
    ab = match.target.luminance.new_zeros(2, *match.size)
    with_references = RECOMMENDED_GAIN if match.belief else FOLLOWED_GAIN
    for seen, share, gain in ((True, followed, with_references), (False, 1 - followed, VIVID_GAIN)):
        if share > 0:
            said = _said(network, match, seen, guidance)
            vivid = 1 + options.vividness * (gain - 1)
            ab += share * resized(_decoded(network, said, guidance, vivid), match.size)
    if match.exact is None or guidance.palette is not None:
        return ab
    return match.exact.over(ab, options.faithfulness)


def _said(
    network: ColorizationNetwork, match: ReferenceMatch, seen: bool, guidance: Guidance
) -> Prediction:
    """What the network says; most edits change only what is done to its answer afterwards."""
    if guidance.points:
        return predict(network, match, seen, guidance)
    if match.belief is not None and not seen and guidance.palette is None:
        return match.belief.prediction
    palette = None if guidance.palette is None else guidance.palette.cpu().numpy().tobytes()
    return match.remembered(
        seen, (id(network), palette), lambda: predict(network, match, seen, guidance)
    )


def _decoded(
    network: ColorizationNetwork, said: Prediction, guidance: Guidance, gain: float
) -> Float[Tensor, "2 height width"]:
    """Colors at stride 4, with a gain where there is no palette, whose colors are as they are."""
    logits = said.logits.float()
    if guidance.palette is not None:
        odds = _odds(guidance.palette, network.prior).log().to(logits)
        return palette_colors(said.ab, logits + odds[:, None, None])[0]
    return gain * careful_colors(said.ab, logits, rebalancing_weights(network.prior))[0]


def _odds(palette: Float[Tensor, " bins"], prior: Float[Tensor, " bins"]) -> Tensor:
    """By how much likelier a palette makes each color: Bayes' rule.

    The network reads the palette too; this holds however much it has learned from it.
    """
    factor = smoothed(palette.to(prior), PALETTE_SIGMA) / smoothed(prior, PALETTE_SIGMA)
    return factor.clamp(1 / PALETTE_LIMIT, PALETTE_LIMIT)
