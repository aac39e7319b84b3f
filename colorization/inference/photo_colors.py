"""The colors of a matched photo, by the colorization network or from its references alone."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from colorization.inference.color_transfer import transferred_colors
from colorization.inference.matching import ReferenceMatch
from colorization.inference.network_colors import Guidance, network_colors
from colorization.network.colorization_network import ColorizationNetwork
from colorization.options import ColorizeOptions


@dataclass(frozen=True, eq=False)
class PhotoColors:
    """Colors of a photo, and where they come from.

    Attributes:
        ab: chroma at half the working size, raw Lab units.
        confidence: how far references can be trusted in each place, 0..1.
        shares: share of the colors that comes from each reference, 0..1.
    """

    ab: Float[Tensor, "2 height width"]
    confidence: Float[Tensor, "1 height width"]
    shares: list[float]


def photo_colors(
    network: ColorizationNetwork | None,
    match: ReferenceMatch,
    guidance: Guidance,
    options: ColorizeOptions,
) -> PhotoColors:
    """Color a photo.

    Args:
        network: the colorization network; None takes all colors from the references.
        match: the photo, matched with its references.
        guidance: points and palette.
        options: vividness and faithfulness.

    Raises:
        ValueError: there is no network, and no reference, or points or a palette.
    """
    if network is not None:
        # a palette overrules references
        faithfulness = 0.0 if guidance.palette is not None else options.faithfulness
        ab = network_colors(network, match, guidance, options)
        return PhotoColors(ab, match.confidence, match.shares(faithfulness))
    if guidance.points or guidance.palette is not None or not match.references:
        raise ValueError(
            "without the network, colorizing needs at least one reference and takes no points or"
            " palette"
        )
    warped, confidence = transferred_colors(match)
    return PhotoColors(warped * confidence, confidence, match.shares(1.0, by_network=False))
