"""The conditions of an evaluation: hints and references of a photo, and the state of its print."""

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from colorization.evaluation.measures import Rgb
from colorization.evaluation.photo import lab_of
from colorization.inference.pictures.luminance import luminance_rows, with_chroma
from colorization.network.hints import Point
from similarity.color.lab import as_tensor, luminance_by_light, rgb_to_lab
from similarity.color.tones import FILM_SHARES

# factor on L and what is added to it: a print that has lost half of its contrast
FADED = (0.5, 35.0)
BORDER = 0.06, 238  # of the shorter side; gray value of its paper
PATCH_SHARE = 7 / 256  # of the short side: the square around a point whose mean color is shown
WARP_SHARE = 0.2  # of a side: how far a corner of the distorted reference moves inwards at most


def true_points(truth: Rgb, count: int, rng: np.random.Generator) -> list[Point]:
    """True colors at random places, each the mean over a small square.

    Fewer points are the first of more.

    Args:
        truth: sRGB, 0..255.
        count: how many.
        rng: of the places, which are uniform over the picture.

    Source: Zhang et al. 2017, section 4.2, who take 7 x 7 patches of 256 x 256 pictures.
    """
    lab = lab_of(truth)
    height, width = lab.shape[:2]
    side = max(1, round(PATCH_SHARE * min(height, width)))
    points = []
    for x, y in rng.random((count, 2)):
        top, left = int(y * (height - side + 1)), int(x * (width - side + 1))
        a, b = lab[top : top + side, left : left + side, 1:].mean((0, 1))
        points.append(
            Point((left + side / 2) / width, (top + side / 2) / height, (float(a), float(b)))
        )
    return points


def seen_from_elsewhere(rgb: Rgb, rng: np.random.Generator) -> np.ndarray:
    """A picture with its colors and things at other places: mirrored, in a random perspective.

    Args:
        rgb: sRGB, 0..255.
        rng: how far each corner moves inwards, up to WARP_SHARE of a side.
    """
    height, width = rgb.shape[:2]
    x, y = rng.random((2, 4)) * WARP_SHARE
    right, bottom = (1 - x[1]) * width, (1 - y[3]) * height
    # corners of the picture, mirrored: upper right, lower right, lower left, upper left
    quad = (
        right,
        y[1] * height,
        (1 - x[2]) * width,
        (1 - y[2]) * height,
        x[3] * width,
        bottom,
        x[0] * width,
        y[0] * height,
    )
    warped = Image.fromarray(rgb).transform(
        (width, height), Image.Transform.QUAD, quad, Image.Resampling.BICUBIC
    )
    return np.asarray(warped)


def faded(gray: Rgb) -> np.ndarray:
    """A gray picture as a print of it that has lost half of its contrast.

    Args:
        gray: sRGB, 0..255, without chroma.
    """
    factor, added = FADED
    return with_chroma(luminance_rows(gray, slice(None)) * factor + added, torch.zeros(2, 1, 1))


def bordered(gray: Rgb) -> np.ndarray:
    """A gray picture as a print with a white border.

    Args:
        gray: sRGB, 0..255, without chroma.
    """
    wide, white = BORDER
    margin = round(wide * min(gray.shape[:2]))
    return np.pad(gray, ((margin, margin), (margin, margin), (0, 0)), constant_values=white)


def within(print_: Rgb, shape: tuple[int, ...]) -> np.ndarray:
    """The picture within the border that ``bordered`` made.

    Args:
        print_: picture and border.
        shape: of the picture.
    """
    top, left = ((whole - part) // 2 for whole, part in zip(print_.shape, shape[:2], strict=False))
    return print_[top : top + shape[0], left : left + shape[1]]


def on_film(truth: Rgb) -> np.ndarray:
    """A picture as film saw it that was blind to red.

    Args:
        truth: sRGB, 0..255.

    Returns:
        The same without chroma.
    """
    luminance = luminance_by_light(as_tensor(truth), FILM_SHARES)
    return with_chroma(luminance, torch.zeros(2, 1, 1))


def recolored(gray: Rgb, colored: Rgb) -> np.ndarray:
    """The luminance of one picture with the chroma of another.

    Args:
        gray: sRGB, 0..255.
        colored: of the same size.

    Returns:
        sRGB, 0..255.
    """
    return with_chroma(luminance_rows(gray, slice(None)), rgb_to_lab(as_tensor(colored))[1:])


def coarse(rgb: Rgb, cells: int) -> np.ndarray:
    """A picture with its own luminance and coarse chroma.

    The chroma is the mean of each of some cells, interpolated between their centers.


    Args:
        rgb: sRGB, 0..255.
        cells: along the longer side, at least 1.
    """
    lab = rgb_to_lab(as_tensor(rgb))
    _, height, width = lab.shape
    rows, columns = (
        min(side, max(1, round(cells * side / max(height, width)))) for side in (height, width)
    )
    return with_chroma(lab[:1], F.adaptive_avg_pool2d(lab[1:], (rows, columns)))
