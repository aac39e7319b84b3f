"""The colors of a matched photo, by the colorization network or from its references alone."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from colorization.inference.color_transfer import transferred_colors
from colorization.inference.matching import ReferenceMatch
from colorization.inference.network_colors import Guidance, network_colors
from colorization.inference.pictures.paper import Paper
from colorization.network.colorization_network import ColorizationNetwork
from colorization.options import ColorizeOptions


@dataclass(frozen=True, eq=False)
class PhotoColors:
    """Colors of a photo, and where they come from.

    Attributes:
        ab: chroma at half the working size, raw Lab units.
        warped_ab: what the references lend, raw Lab units; zeros without references.
        confidence: how far references can be trusted in each place, 0..1.
        shares: share of the colors that comes from each reference, 0..1.
        paper: the border as it is to look, into which ``ab`` goes on; None where there is none.
    """

    ab: Float[Tensor, "2 height width"]
    warped_ab: Float[Tensor, "2 height width"]
    confidence: Float[Tensor, "1 height width"]
    shares: list[float]
    paper: Paper | None = None


def photo_colors(
    network: ColorizationNetwork | None,
    match: ReferenceMatch,
    guidance: Guidance,
    options: ColorizeOptions,
) -> PhotoColors:
    """Color a photo; the border of a print stays gray, or gets the color of points on it.

    Args:
        network: the colorization network; None takes all colors from the references.
        match: the photo, matched with its references.
        guidance: points and palette.
        options: vividness and faithfulness.

    Raises:
        ValueError: there is no network, and no reference, or points or a palette.
    """
    is_asked = guidance.points or guidance.palette is not None
    if network is None and (is_asked or not match.references):
        raise ValueError(
            "without the network, colorizing needs at least one reference and takes no points or"
            " palette"
        )
    border = match.target.border
    if border is None:
        return _picture_colors(network, match, guidance, options)
    within = [point for point in guidance.points if not border.has_on_it(point.x, point.y)]
    colors = _picture_colors(network, match, replace(guidance, points=within), options)
    inside = border.inside(match.size).to(colors.ab.device)
    beside = [point.ab for point in guidance.points if border.has_on_it(point.x, point.y)]
    a, b = (torch.tensor(beside or [(0.0, 0.0)]).mean(0) * options.saturation).tolist()
    return replace(
        colors,
        paper=Paper(border, (a, b)),
        warped_ab=colors.warped_ab * inside,
        confidence=colors.confidence * inside,
    )


def _picture_colors(
    network: ColorizationNetwork | None,
    match: ReferenceMatch,
    guidance: Guidance,
    options: ColorizeOptions,
) -> PhotoColors:
    """Color what is within the border."""
    if network is not None:
        # a palette overrules references
        faithfulness = 0.0 if guidance.palette is not None else options.faithfulness
        ab = network_colors(network, match, guidance, options)
        return PhotoColors(ab, match.warped_ab, match.confidence, match.shares(faithfulness))
    warped, confidence = transferred_colors(match)
    return PhotoColors(
        warped * confidence, match.warped_ab, confidence, match.shares(1.0, by_network=False)
    )
