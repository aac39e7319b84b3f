"""Luma and chroma of film, 8 bits, 4:2:0: luma stays as it is, colors become the chroma planes."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

Plane = UInt8[np.ndarray, "_height _width"]
UNSPECIFIED, BT709, BT601 = 2, 1, 6  # codes of ITU-T H.273, table 4
WEIGHTS = {  # of red and blue in luma, by code
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
}
# pixels from which films that do not say their matrix are taken as BT.709, below as BT.601
HD_HEIGHT = 720


@dataclass(frozen=True)
class Coding:
    """How a film stores luma and chroma.

    Attributes:
        matrix: code of ITU-T H.273.
        full_range: luma is 0..255, else 16..235.
    """

    matrix: int = BT709
    full_range: bool = False


def matrix_of(code: int, height: int) -> int:
    """The code of a matrix that is known; where a film says none, the one that players assume.

    Args:
        code: of ITU-T H.273, as the film says.
        height: of its frames in pixels; players assume BT.709 from HD_HEIGHT on, else BT.601.

    Returns:
        One of WEIGHTS.
    """
    return code if code in WEIGHTS else BT709 if height >= HD_HEIGHT else BT601


def gray_of(luma: Plane, full_range: bool) -> Plane:
    """Luma as a gray picture, 0..255.

    Args:
        luma: 8 bits.
        full_range: see Coding; otherwise 16 becomes black and 235 white, and what is beyond, too.
    """
    if full_range:
        return luma
    table = np.clip((np.arange(256) - 16.0) * 255 / 219, 0, 255).round().astype(np.uint8)
    return np.asarray(table[luma])


def luma_of(gray: Plane) -> Plane:
    """A gray picture as luma, 16..235."""
    table = (np.arange(256) * 219 / 255 + 16).round().astype(np.uint8)
    return np.asarray(table[gray])


def halved(plane: Plane) -> Plane:
    """The mean of each 2 x 2 pixels, for the chroma planes; an odd last line counts twice."""
    even = evened(plane)
    height, width = even.shape
    blocks = even.reshape(height // 2, 2, width // 2, 2).astype(np.uint16)
    return np.asarray(((blocks.sum((1, 3)) + 2) // 4).astype(np.uint8))


def evened(plane: Plane) -> Plane:
    """With the last row or column repeated where their number is odd."""
    height, width = plane.shape
    return np.pad(plane, ((0, height % 2), (0, width % 2)), "edge")


def chroma_planes(rgb: UInt8[np.ndarray, "height width 3"], coding: Coding) -> tuple[Plane, Plane]:
    """Chroma of RGB pixels.

    Args:
        rgb: 0..255, on the grid of the chroma planes.
        coding: see Coding.

    Returns:
        U (blue) and V (red); 128 is no color.

    Source: ITU-T H.273, equations 38 to 46.
    """
    red, blue = WEIGHTS[coding.matrix]
    scale = 255.0 if coding.full_range else 224.0
    values = rgb.astype(np.float32) / 255
    luma = red * values[..., 0] + (1 - red - blue) * values[..., 1] + blue * values[..., 2]
    u = (values[..., 2] - luma) / (2 * (1 - blue)) * scale + 128
    v = (values[..., 0] - luma) / (2 * (1 - red)) * scale + 128
    limits = (0, 255) if coding.full_range else (16, 240)
    return tuple(np.clip(plane.round(), *limits).astype(np.uint8) for plane in (u, v))  # type: ignore[return-value]
