"""Tell color photographs from gray prints, whatever their tone and whatever lies around them.

A print is gray where, apart from a slowly varying cast and tone, luminance explains the chroma.
Fog, snow, sand, a sunset or a red flower have few colors, but those do not follow from luminance as
exactly, or bend where toners do not. A blue sky with clouds comes closest to a blue-toned print:
there the evidence must be stronger.
"""

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image

from retrieval.photos.picture import is_neutral
from retrieval.photos.prints.cell_masks import Mask
from retrieval.photos.prints.outline import MIDDLE, inner_part, is_middle_toned
from retrieval.photos.prints.tone_curve import (
    CELLS,
    MIN_CHROMA,
    SIDE,
    Cells,
    Fit,
    cells_of,
    fit_curve,
    num_tones,
)
from similarity.color.lab import lab_of_bytes

# chroma left beside the curve, and in its worst cells, that a print may have: fixed, and a share
# of its own chroma, for tones that clip
_LEFT, _MOST = (0.5, 0.02), (5.0, 0.2)
_LEFT_BESIDE_CAST, _MOST_BESIDE_CAST = 0.75, 4.5  # more may be explained, so less may be left
_CAST = (4.0, 0.2)  # strongest cast: beyond, skies and sunsets are explained as casts
_MAX_CHROMA, _MAX_CHROMA_BESIDE_CAST = 70.0, 40.0
_MAX_BEND = 4.0
# of the hue of skies, degrees: as deep as a cyanotype, and much more common
_SKY, _SKY_DOUBT = (-150.0, -60.0), 1.5
_PART_DOUBT = 1.1
# different tones that must be there: of two, any colors are a curve; nearly exact curves need few
_TONES, _TONES_OF_SKY, _FEW_TONES, _EXACT = 5.0, 8.0, 2.5, 0.3
_SAMPLED = 2  # every second row and column is looked at for the mean chroma
_MARGIN = 2  # cells at the edges: thin borders, torn corners


def is_gray(rgb: UInt8[np.ndarray, "height width 3"]) -> bool:
    """Whether a picture has no colors, or is a gray print of whatever tone.

    Args:
        rgb: sRGB of any size.
    """
    return color_beyond_tone(rgb) < MIN_CHROMA


def color_beyond_tone(rgb: UInt8[np.ndarray, "height width 3"]) -> float:
    """Mean chroma of a photograph; of a gray print, what is left without its tone and cast.

    Args:
        rgb: sRGB of any size.

    Returns:
        Lab units; below MIN_CHROMA for whatever is gray or a gray print, also where only the inner
        part of the picture is the print.
    """
    if is_neutral(rgb):
        return 0.0
    size = rgb.shape[:2]
    method = Image.Resampling.BOX if min(size) > 2 * SIDE else Image.Resampling.BICUBIC
    square = rgb if size == (SIDE, SIDE) else Image.fromarray(rgb).resize((SIDE, SIDE), method)
    pixels = np.asarray(square)
    sample = lab_of_bytes(np.ascontiguousarray(pixels[::_SAMPLED, ::_SAMPLED]))
    # the mean of pixels, not of cells, as stars are small
    chroma = float(np.hypot(sample[1], sample[2]).mean())
    if chroma < MIN_CHROMA or not is_middle_toned(lab_of_bytes(pixels[MIDDLE, MIDDLE])):
        return chroma
    return _color_of(lab_of_bytes(pixels), chroma)


def _color_of(lab: Float32[np.ndarray, "3 224 224"], chroma: float) -> float:
    """Chroma beyond tone of a picture whose middle may be that of a print."""
    cells = cells_of(lab)
    whole = np.ones((CELLS, CELLS), bool)
    inside = np.zeros_like(whole)
    inside[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN] = True
    for part in (whole, inside, inner_part(cells)):
        doubt = _PART_DOUBT if part is inside else 1.0
        left = None if part is None else _left_of_print(cells, part, doubt)
        if left is not None:
            return left
    return chroma


def _left_of_print(cells: Cells, mask: Mask, doubt: float) -> float | None:
    """Chroma that tone and cast leave unexplained; None if the cells are not of a gray print."""
    ab = cells.ab[mask.ravel()]
    chroma = float(np.hypot(*ab.T).mean())
    hue = float(np.degrees(np.arctan2(*ab.mean(0)[::-1])))
    is_sky = _SKY[0] < hue < _SKY[1]
    doubt *= _SKY_DOUBT if is_sky else 1.0
    curve = fit_curve(cells, mask)
    needed = _FEW_TONES if curve.left < _EXACT else _TONES_OF_SKY if is_sky else _TONES
    if num_tones(cells, mask) < needed or curve.bend > _MAX_BEND or chroma > _MAX_CHROMA:
        return None
    if _is_within(curve, doubt, _at(_LEFT, chroma), _at(_MOST, chroma)):
        return min(curve.left, chroma)
    if chroma > _MAX_CHROMA_BESIDE_CAST:
        return None
    both = fit_curve(cells, mask, with_cast=True)
    fits = _is_within(both, doubt, _LEFT_BESIDE_CAST, _MOST_BESIDE_CAST)
    return min(both.left, chroma) if fits and both.strength < _at(_CAST, chroma) else None


def _is_within(fit: Fit, doubt: float, left: float, most: float) -> bool:
    return fit.left * doubt < left and fit.most * doubt < most


def _at(line: tuple[float, float], chroma: float) -> float:
    return line[0] + line[1] * chroma
