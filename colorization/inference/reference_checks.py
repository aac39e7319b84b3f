"""What lends colors: references and palettes as they were given, checked before anything is computed."""

from collections.abc import Iterable, Sequence

import numpy as np
import torch

from colorization.inference.network_colors import Guidance
from colorization.inference.picture_features import Described
from colorization.inference.working_size import as_rgb, working_lab
from colorization.network.hints import Point, palette_of
from colorization.options import ColorizeOptions
from retrieval.photos.print_detection import color_beyond_tone_of_lab
from retrieval.search.photo_index import Recommendation
from retrieval.storage.descriptors import MIN_CHROMA

Reference = np.ndarray | Recommendation | Described


def as_references(given: Iterable[Reference] | None) -> list[Reference] | None:
    """References as a list.

    Raises:
        ValueError: one picture was given instead of several.
    """
    if isinstance(given, np.ndarray | Recommendation | Described):
        raise ValueError("references: expected a list of them; put the one into brackets")
    return None if given is None else list(given)


def check_lenders(
    lenders: Sequence[Described], layers: Sequence[str], options: ColorizeOptions, may_be_gray: bool
) -> None:
    """Refuse references that cannot lend their colors.

    Args:
        lenders: all of them.
        layers: of the backbone that they must have been described by.
        options: working_side.
        may_be_gray: whether nobody chose them.

    Raises:
        ValueError: one is gray or a toned print, or was described at another size or by a pipeline without the
            network.
    """
    for i, lender in enumerate(lenders, 1):
        if lender.working_side != options.working_side:
            raise ValueError(
                f"reference {i} was described for working_side={lender.working_side}: describe it again"
            )
        if not lender.features.keys() >= set(layers):
            raise ValueError(
                f"reference {i} was described by a pipeline without the colorization network: describe it again"
            )
        lab = torch.cat((lender.luminance[0], lender.ab))
        if not may_be_gray and color_beyond_tone_of_lab(lab) < MIN_CHROMA:
            raise ValueError(f"reference {i} of {len(lenders)} is gray: it has no colors to lend")


def guidance_of(
    points: Sequence[Point], palette: np.ndarray | None, options: ColorizeOptions
) -> Guidance:
    """What a user asks for beside references.

    Args:
        points: colors at places.
        palette: a color picture.
        options: working_side.

    Raises:
        ValueError: something else is among the points, or the palette has no colors, or a wrong
            shape or type.
    """
    if palette is None:
        return Guidance(points)
    lab = working_lab(as_rgb(palette, "palette"), options.working_side)
    if color_beyond_tone_of_lab(lab[0]) < MIN_CHROMA:
        raise ValueError("the palette picture is gray: it has no colors to lend")
    return Guidance(points, palette_of(lab[0, 1:]))
