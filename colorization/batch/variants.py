"""Several results of one photo to choose from, of which no two look alike."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from colorization.options import MAX_SATURATION, ColorizeOptions
from similarity.color.lab import lab_of_bytes

BOLD = 1.4  # times the saturation that was asked for
# Mean Delta E 2000 below which two results are one. In pairs of results of seven photos side by
# side, up to 1.5 the eye goes to and fro and finds nothing; from 2 the paler one is seen at once
ALIKE = 2.0
FINER = 2  # times as closely a finer result is looked at
_LOOK_SIDE = 128  # pixels; the difference of two small pictures is that of the large ones


@dataclass(frozen=True)
class Way:
    """One way to color a photo.

    Attributes:
        caption: what it is.
        options: with its vividness, saturation and working side.
        picks: which of the references it uses.
    """

    caption: str
    options: ColorizeOptions
    picks: tuple[int, ...]


def closer_side(options: ColorizeOptions, shorter_side: int) -> int | None:
    """The working side of a closer look; None where a photo has too few pixels for one.

    Args:
        options: of the photo.
        shorter_side: of the photo, in pixels.
    """
    closer = FINER * options.working_side
    return closer if shorter_side >= closer else None


def ways_of(
    options: ColorizeOptions,
    picks: Sequence[int],
    names: Sequence[str],
    by_network: bool,
    finer: int | None = None,
) -> list[Way]:
    """As it is, careful, bold, finer, without reference, and from each reference alone.

    Args:
        options: what was asked for.
        picks: the references in use, the best first.
        names: of these references.
        by_network: whether the network colors, which needs no reference.
        finer: working side of a closer look, which sees smaller things and less of the whole; None
            for none.
    """
    used = tuple(picks)
    louder = min(MAX_SATURATION, options.saturation * BOLD)
    ways = [
        Way("as it is", options, used),
        Way("careful", replace(options, vividness=0.0), used),
        Way("bold", replace(options, saturation=louder), used),
    ]
    if finer is not None and by_network:
        ways.append(Way("finer", replace(options, working_side=finer), used))
    if used and by_network:
        ways.append(Way("without reference", options, ()))
    if len(used) > 1:
        pairs = zip(used, names, strict=True)
        ways += [Way(f"only {name}", options, (pick,)) for pick, name in pairs]
    return ways


def most_different(looks: Sequence[UInt8[np.ndarray, "_ _ 3"]], count: int) -> list[int]:
    """Choose results so that no two look alike: the first, then always what differs most.

    Args:
        looks: sRGB of one size.
        count: how many at most.

    Returns:
        Their places, in order.
    """
    from skimage.color import deltaE_ciede2000  # one result needs no scikit-image

    labs = [_small_lab(rgb) for rgb in looks]
    nearest = [float("inf")] * len(labs)
    chosen: list[int] = []
    newest = 0
    while len(chosen) < count and nearest[newest] >= ALIKE:
        chosen.append(newest)
        distances = [float(deltaE_ciede2000(lab, labs[newest]).mean()) for lab in labs]
        nearest = [min(pair) for pair in zip(nearest, distances, strict=True)]
        newest = int(np.argmax(nearest))
    return sorted(chosen)


def _small_lab(rgb: np.ndarray) -> np.ndarray:
    image = Image.fromarray(rgb)
    image.thumbnail((_LOOK_SIDE, _LOOK_SIDE), Image.Resampling.BOX)
    return np.moveaxis(lab_of_bytes(np.asarray(image)), 0, -1)
