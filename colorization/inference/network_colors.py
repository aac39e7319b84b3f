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

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from colorization.inference.color_points import blend_points
from colorization.inference.matching import ReferenceMatch
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
# the same where references are followed, whose colors need no more than what matching has averaged
FOLLOWED_GAIN = 1.15
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
    # from edit to edit only the points change, or what is done to the colors afterwards
    palette = None if guidance.palette is None else guidance.palette.cpu().numpy().tobytes()
    key = id(network), options.vividness, options.faithfulness, palette
    plain = replace(guidance, points=())
    without_points = match.remembered(key, lambda: _answer(network, match, plain, options))
    if not guidance.points:
        return without_points
    with_points = _answer(network, match, guidance, options)
    return blend_points(without_points, with_points, guidance.points, match)


def predict(
    network: ColorizationNetwork,
    match: ReferenceMatch,
    with_references: Sequence[bool],
    guidance: Guidance,
    vividness: float,
) -> Prediction:
    """Run the network once, for one answer or several.

    Args:
        network: the colorization network.
        match: the photo; its references are shown where an answer is to have them.
        with_references: of each answer, whether it sees the references.
        guidance: points and palette.
        vividness: 0..1.

    Raises:
        ValueError: the photo was described without the network's encoder.
    """
    if not match.target.encoder_maps:
        raise ValueError(
            "the photo was prepared by a pipeline without the colorization network:"
            " prepare it again"
        )
    luminance, count = match.target.luminance, len(with_references)
    hints = None
    if guidance.points:
        level = F.avg_pool2d(luminance, HINT_STRIDE)[0]
        hints = point_planes(guidance.points, level).expand(count, -1, -1, -1)
    shown = None
    if match.planes is not None and any(with_references):
        seen = torch.tensor(with_references).to(luminance).view(-1, 1, 1, 1)
        shown = seen * match.planes.planes
    wishes = [
        global_hints(guidance.palette, None, vividness, float(seen)) for seen in with_references
    ]
    inputs = network_inputs(
        {name: maps.expand(count, -1, -1, -1) for name, maps in match.target.encoder_maps.items()},
        luminance.expand(count, -1, -1, -1),
        shown,
        hints,
        torch.stack(wishes).to(luminance),
    )
    with autocast(luminance.device):
        prediction: Prediction = network(inputs)
    return prediction


def _answer(
    network: ColorizationNetwork,
    match: ReferenceMatch,
    guidance: Guidance,
    options: ColorizeOptions,
) -> Float[Tensor, "2 height width"]:
    """Stages 1 to 4."""
    followed = match.followed(options.faithfulness)
    shares = {True: followed, False: 1 - followed}
    if match.planes is None or guidance.palette is not None:  # a palette overrules references
        shares = {False: 1.0}
    ways = {seen: share for seen, share in shares.items() if share > 0}
    prediction = predict(network, match, list(ways), guidance, options.vividness)
    gains = [FOLLOWED_GAIN if seen else VIVID_GAIN for seen in ways]
    decoded = _decoded(network, prediction, guidance, options, gains)
    ab = sum(share * answer for share, answer in zip(ways.values(), decoded, strict=True))
    found = resized(torch.as_tensor(ab), match.size)
    if match.exact is None or guidance.palette is not None:
        return found
    return match.exact.over(found, options.faithfulness)


def _decoded(
    network: ColorizationNetwork,
    prediction: Prediction,
    guidance: Guidance,
    options: ColorizeOptions,
    gains: Sequence[float],
) -> Float[Tensor, "answers 2 height width"]:
    """Colors of the network's answers at stride 4, with a gain for each where they are vivid."""
    logits = prediction.logits.float()
    if guidance.palette is not None:
        odds = _odds(guidance.palette, network.prior).log().to(logits)
        return palette_colors(prediction.ab, logits + odds[:, None, None])
    careful = careful_colors(prediction.ab, logits, rebalancing_weights(network.prior))
    return careful * (1 + options.vividness * (careful.new_tensor(gains).view(-1, 1, 1, 1) - 1))


def _odds(palette: Float[Tensor, " bins"], prior: Float[Tensor, " bins"]) -> Tensor:
    """By how much likelier a palette makes each color: Bayes' rule.

    The network reads the palette too; this holds however much it has learned from it.
    """
    factor = smoothed(palette.to(prior), PALETTE_SIGMA) / smoothed(prior, PALETTE_SIGMA)
    return factor.clamp(1 / PALETTE_LIMIT, PALETTE_LIMIT)
