"""Pictures at the edge of the pipeline: numpy RGB in, luminance and working-size tensors below."""

from functools import cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from retrieval.photos.print_detection import color_beyond_tone
from retrieval.photos.reader import PictureError, read_small_rgb, to_uint8
from retrieval.storage.descriptors import MIN_CHROMA
from similarity.color.lab import as_tensor, lab_to_rgb, rgb_to_lab
from similarity.resize import resized

REFERENCE_SIDE = 512  # references are decoded at about this side
MAX_ASPECT = 4.0  # longer pictures are squeezed for matching
STRIP_PIXELS = 1 << 18  # fits the processor's cache


def as_rgb(picture: np.ndarray, what: str = "picture") -> np.ndarray:
    """Accept (height, width), (height, width, 1 | 3 | 4), uint8, uint16 or float 0..1; return (height, width, 3).

    Raises:
        ValueError: another shape or type, an empty picture, or floats outside 0..1.
    """
    array = np.asarray(picture)
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or 0 in array.shape:
        raise ValueError(
            f"{what}: expected (height, width) or (height, width, 1, 3 or 4), got {np.shape(picture)}"
        )
    if array.dtype == bool:
        array = array.astype(np.uint8) * 255
    if np.issubdtype(array.dtype, np.floating):
        if not np.isfinite(array).all() or array.min() < 0 or array.max() > 1:
            raise ValueError(f"{what}: floats must be finite and within 0..1")
        array = np.rint(array.astype(np.float64) * 65535).astype(np.uint16)
    if not array.dtype.isnative:  # as TIFFs of the other byte order come
        array = array.astype(array.dtype.newbyteorder("="))
    if array.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"{what}: expected uint8, uint16 or float, got {array.dtype}")
    return np.broadcast_to(array, (*array.shape[:2], 3)) if array.shape[2] == 1 else array[..., :3]


def read_reference(path: Path, what: str = "reference") -> np.ndarray:
    """Read a color reference, or a palette, at the size that matching needs.

    Raises:
        PictureError: it cannot be read, or it is gray, or a gray print of whatever tone.
    """
    rgb = read_small_rgb(path, REFERENCE_SIDE)
    if color_beyond_tone(rgb) < MIN_CHROMA:
        raise PictureError(f"{path}: this {what} is gray, it has no colors to lend")
    return rgb


def mean_chroma(ab: Float[Tensor, "2 height width"]) -> float:
    """Mean chroma in Lab units."""
    return float(torch.hypot(ab[0], ab[1]).mean())  # norm(dim=0) takes far longer


def working_size(height: int, width: int, side: int) -> tuple[int, int]:
    """Size with about side² pixels and the picture's aspect (at most MAX_ASPECT), multiples of 16, at least 32."""
    aspect = min(max(width / height, 1 / MAX_ASPECT), MAX_ASPECT)
    return max(32, round(side / aspect**0.5 / 16) * 16), max(
        32, round(side * aspect**0.5 / 16) * 16
    )


def working_lab(rgb: np.ndarray, side: int) -> Float[Tensor, "1 3 height width"]:
    """Lab of a picture at the working size."""
    height, width = working_size(rgb.shape[0], rgb.shape[1], side)
    filter_ = (
        Image.Resampling.BICUBIC
        if rgb.shape[0] * rgb.shape[1] < height * width
        else Image.Resampling.BOX
    )
    reduced = 1
    if min(rgb.shape[:2]) > 4 * min(height, width):
        reduced = min(rgb.shape[1] // (2 * width), rgb.shape[0] // (2 * height)) or 1
    if is_neutral(rgb):  # as most targets are: a third of the pixels, and L from a table
        gray = np.asarray(shrink(rgb[..., 0], reduced).resize((width, height), filter_))
        luminance = _gray_table("uint8")[torch.from_numpy(gray.astype(np.int32))]
        return torch.stack((luminance, torch.zeros_like(luminance), torch.zeros_like(luminance)))[
            None
        ]
    return rgb_to_lab(
        as_tensor(np.asarray(shrink(rgb, reduced).resize((width, height), filter_)))[None]
    )


def shrink(picture: np.ndarray, factor: int) -> Image.Image:
    """Shrink RGB or gray by a whole number to 8 bits, a strip at a time: a large scan is never held so at once."""
    if factor == 1:
        return Image.fromarray(np.ascontiguousarray(to_uint8(picture)))
    step = max(1, STRIP_PIXELS // (picture.shape[1] * factor)) * factor
    strips = (
        np.ascontiguousarray(to_uint8(picture[start : start + step]))
        for start in range(0, len(picture), step)
    )
    return Image.fromarray(
        np.concatenate([np.asarray(Image.fromarray(strip).reduce(factor)) for strip in strips])
    )


def luminance_of(rgb: np.ndarray) -> np.ndarray:
    """The gray photograph with the L of a color one, as RGB uint8."""
    if is_neutral(rgb):
        return to_uint8(rgb)
    step = max(1, STRIP_PIXELS // rgb.shape[1])
    starts = range(0, len(rgb), step)
    strips = [
        with_chroma(luminance_rows(rgb, slice(i, i + step)), torch.zeros(2, 1, 1))[..., :1]
        for i in starts
    ]
    return np.broadcast_to(np.concatenate(strips), rgb.shape)


def with_chroma(
    luminance: Float[Tensor, "1 height width"], ab: Float[Tensor, "2 _height _width"]
) -> UInt8[np.ndarray, "height width 3"]:
    """SRGB in 0..255 of a luminance L with chroma of any size, in raw Lab units; the chroma is interpolated."""
    full = resized(ab, luminance.shape[1:])
    return lab_to_rgb(torch.cat((luminance, full))).mul(255).round().byte().permute(1, 2, 0).numpy()


def luminance_rows(rgb: np.ndarray, rows: slice) -> Float[Tensor, "1 height width"]:
    """L of some rows of a picture, without rounding."""
    strip = rgb[rows]
    if is_neutral(strip):
        return _gray_table(str(strip.dtype))[torch.from_numpy(strip[..., 0].astype(np.int32))][None]
    return rgb_to_lab(
        torch.from_numpy(strip.astype(np.float32, order="C") / np.iinfo(strip.dtype).max).permute(
            2, 0, 1
        )
    )[:1]


def is_neutral(rgb: np.ndarray) -> bool:
    """Whether all three channels are equal everywhere."""
    if rgb.strides[2] == 0:
        return True
    return np.array_equal(rgb[..., 0], rgb[..., 1]) and np.array_equal(rgb[..., 0], rgb[..., 2])


@cache
def _gray_table(dtype: str) -> Tensor:
    """L of every value that a gray pixel can have."""
    top = np.iinfo(dtype).max
    values = torch.arange(top + 1).float() / top
    return rgb_to_lab(values.expand(3, 1, top + 1))[0, 0]
