"""Bring coarse chroma to the full picture along the edges of its luminance.

Source: He and Sun 2015, Fast Guided Filter (arXiv 1505.00996): ab is a local linear function of L;
its coefficients are found at the working size, upsampled, and applied to the full luminance.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from similarity.resize import resized


def guided_coefficients(
    guide: Float[Tensor, "1 height width"],
    values: Float[Tensor, "channels height width"],
    weights: Float[Tensor, "1 height width"],
    radius: int,
    epsilon: float,
) -> tuple[Float[Tensor, "channels height width"], Float[Tensor, "channels height width"]]:
    """Fit values = slope * guide + offset in every window, each pixel counting by its weight.

    Args:
        guide: luminance L at the working size.
        values: ab at the working size.
        weights: positive trust in each pixel; distrusted ones take their neighbours' color.
        radius: of the windows in pixels.
        epsilon: regularisation in squared units of the guide.

    Returns:
        slope and offset, averaged over the windows that hold a pixel.
    """
    total = _box(weights, radius).clamp(min=1e-6)

    def mean(planes: Tensor) -> Tensor:
        return _box(planes * weights, radius) / total

    mean_guide, mean_values = mean(guide), mean(values)
    covariance = mean(guide * values) - mean_guide * mean_values
    variance = mean(guide * guide) - mean_guide * mean_guide
    slope = covariance / (variance + epsilon)
    offset = mean_values - slope * mean_guide
    return mean(slope), mean(offset)


def apply_coefficients(
    guide: Float[Tensor, "1 height width"],
    slope: Float[Tensor, "channels _height _width"],
    offset: Float[Tensor, "channels _height _width"],
    rows: slice,
    full_height: int,
) -> Float[Tensor, "channels height width"]:
    """Evaluate the local linear functions on rows of the full luminance.

    Args:
        guide: full-size luminance of those rows.
        slope: at the working size, of the whole picture.
        offset: at the working size, of the whole picture.
        rows: which rows of the full picture these are.
        full_height: rows of the full picture.
    """
    _, height, width = guide.shape
    y = (torch.arange(rows.start, rows.start + height).to(guide) + 0.5) * 2 / full_height - 1
    both = torch.cat((slope, offset))[None]
    # two steps of linear interpolation: the rows of this strip, then the columns
    grid_y = y[:, None].expand(height, both.shape[-1])
    grid_x = ((torch.arange(both.shape[-1]).to(guide) + 0.5) * 2 / both.shape[-1] - 1).expand(
        height, -1
    )
    strip = F.grid_sample(
        both, torch.stack((grid_x, grid_y), -1)[None], padding_mode="border", align_corners=False
    )
    strip = resized(strip, (height, width))[0]
    slope_full, offset_full = strip.chunk(2)
    return slope_full * guide + offset_full


def _box(planes: Tensor, radius: int) -> Tensor:
    """Sums over square windows, fewer pixels at the border.

    Shifted copies are added: avg_pool2d is slower for planes in rows.
    """
    _, height, width = planes.shape
    size = 2 * radius + 1
    padded = F.pad(planes, (0, 0, radius, radius))
    total = padded[:, :height].clone()
    for shift in range(1, size):
        total += padded[:, shift : shift + height]
    padded = F.pad(total, (radius, radius))
    total = padded[..., :width].clone()
    for shift in range(1, size):
        total += padded[..., shift : shift + width]
    return total
