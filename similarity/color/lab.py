"""CIE Lab under D65, from and to sRGB, with gamut clipping that keeps the luminance.

Raw Lab units everywhere: L in 0..100, a and b about -110..110. White is exactly (100, 0, 0) because
the white point is taken from the matrix itself rather than from a rounded table, so grays stay
neutral to the last bit of float32.
"""

from contextlib import nullcontext
from functools import cache

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor

# IEC 61966-2-1 primaries, the values scikit-image uses.
_RGB_TO_XYZ = torch.tensor(
    [
        [0.412453, 0.357580, 0.180423],
        [0.212671, 0.715160, 0.072169],
        [0.019334, 0.119193, 0.950227],
    ],
    dtype=torch.float32,
)
_WHITE = _RGB_TO_XYZ.sum(1)
_RGB_TO_XYZ_NORM = _RGB_TO_XYZ / _WHITE[:, None]
LUMINANCE_WEIGHTS = _RGB_TO_XYZ_NORM[1]
_XYZ_NORM_TO_RGB = torch.linalg.inv(_RGB_TO_XYZ_NORM.double()).float()
_EPSILON = 0.008856
_KAPPA = 7.787
_BEND = 0.04045  # of sRGB's transfer curve
_TOLERANCE = 4e-6  # of linear RGB


def as_tensor(rgb: UInt8[np.ndarray, "height width 3"]) -> Float[Tensor, "3 height width"]:
    """SRGB in 0..1, channels first, of a picture in 0..255."""
    return torch.from_numpy(np.array(rgb)).permute(2, 0, 1).float() / 255


def rgb_to_lab(
    rgb: Float[Tensor, "*batch 3 height width"],
) -> Float[Tensor, "*batch 3 height width"]:
    """Convert sRGB to CIE Lab (D65).

    Args:
        rgb: sRGB in 0..1, channels before height and width.

    Returns:
        L in 0..100, a and b in raw Lab units.

    Source: CIE 15:2004 and IEC 61966-2-1; equal to ``skimage.color.rgb2lab`` within 0.01.
    """
    return _lab_of(_linear(rgb))


def luminance_by_light(
    rgb: Float[Tensor, "*batch 3 height width"], shares: Float[Tensor, "3"]
) -> Float[Tensor, "*batch 1 height width"]:
    """L, 0..100, of what sees the colors of light otherwise than eyes do.

    Args:
        rgb: sRGB in 0..1.
        shares: of red, green and blue light in what is seen, of sum 1; eyes have LUMINANCE_WEIGHTS.
    """
    return _luminance_of(_mix(shares[None], _linear(rgb)))


def _luminance_of(y: Tensor) -> Tensor:
    """L, 0..100, of light as a share of white."""
    return 116.0 * _compressed(y) - 16.0


def _lab_of(linear: Tensor) -> Tensor:
    """Lab of linear RGB."""
    x, y, z = _compressed(_mix(_RGB_TO_XYZ_NORM, linear)).unbind(-3)
    return torch.stack((116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)), -3)


def _linear(rgb: Tensor) -> Tensor:
    """Light of sRGB, by its transfer curve."""
    curved = _power((rgb.clamp(min=_BEND) + 0.055) / 1.055, 2.4)
    return curved + (rgb.clamp(max=_BEND) - _BEND) / 12.92  # faster than to choose


def _compressed(xyz: Tensor) -> Tensor:
    """The cube root of Lab, straight near black."""
    root = _power(xyz.clamp(min=_EPSILON), 1.0 / 3.0)
    return root.add(xyz.clamp(max=_EPSILON) - _EPSILON, alpha=_KAPPA)  # faster than to choose


def _power(base: Tensor, exponent: float) -> Tensor:
    """A power of what is positive, by logarithms: in half of the time, as exact."""
    return (base.log() * exponent).exp()


def luminance_of_bytes(
    rgb: UInt8[np.ndarray, "height width 3"],
) -> Float32[np.ndarray, "height width"]:
    """L alone, 0..100, of sRGB in 0..255: by a table, much faster than rgb_to_lab."""
    red, green, blue = LUMINANCE_WEIGHTS.tolist()
    table, planes = _linear_table(), rgb.reshape(-1, 3).T
    y = (table * np.float32(red)).take(planes[0])
    y += (table * np.float32(green)).take(planes[1])
    y += (table * np.float32(blue)).take(planes[2])
    return _luminance_of(torch.from_numpy(y)).numpy().reshape(rgb.shape[:2])


@cache
def _linear_table() -> Float32[np.ndarray, "256"]:
    """Light of sRGB in 0..255."""
    return _linear(torch.from_numpy(np.arange(256, dtype=np.float32) / 255)).numpy()


def lab_of_bytes(
    rgb: UInt8[np.ndarray, "height width 3"],
) -> Float32[np.ndarray, "3 height width"]:
    """Lab of sRGB in 0..255 by tables: much faster than rgb_to_lab, within 0.15 of it.

    It is meant for what is averaged afterwards.
    """
    xyz = _RGB_TO_XYZ_NORM.numpy() @ _linear_table().take(rgb.reshape(-1, 3).T)
    xyz *= len(_f_table()) - 2
    xyz += 0.5
    x, y, z = _f_table().take(xyz.astype(np.int32))
    found = np.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)))
    return found.reshape(3, *rgb.shape[:2])


@cache
def _f_table() -> Float32[np.ndarray, " steps"]:
    """The root of Lab of shares of white, 0..1 in equal steps."""
    found = _compressed(torch.from_numpy(np.linspace(0.0, 1.0, 1 << 16))).float().numpy()
    return np.append(found, found[-1])  # white may round up by one


def lab_to_rgb_unclipped(
    lab: Float[Tensor, "*batch 3 height width"],
) -> Float[Tensor, "*batch 3 height width"]:
    """Convert CIE Lab (D65) to sRGB without clipping; colors outside the gamut leave 0..1.

    Args:
        lab: L in 0..100, a and b in raw Lab units.

    Returns:
        sRGB; values below 0 continue the linear part of the transfer curve.
    """
    return _encoded(_linear_of(lab))


def _linear_of(lab: Tensor) -> Tensor:
    """Linear RGB of Lab; colors outside the gamut leave 0..1."""
    luminance, a, b = lab.unbind(-3)
    y = (luminance + 16.0) / 116.0
    f = torch.stack((y + a / 500.0, y, y - b / 200.0), -3)
    # f**3, and straight near black, where it begins at _EPSILON; faster than to choose
    begin = _EPSILON ** (1.0 / 3.0)
    xyz = (f.clamp(min=begin) ** 3).add(f.clamp(max=begin) - begin, alpha=1.0 / _KAPPA)
    return _mix(_XYZ_NORM_TO_RGB, xyz)


def _encoded(linear: Tensor) -> Tensor:
    """SRGB of linear RGB, by its transfer curve."""
    return torch.where(
        linear > 0.0031308, 1.055 * linear.clamp(min=0.0031308) ** (1 / 2.4) - 0.055, 12.92 * linear
    )


def lab_to_rgb(
    lab: Float[Tensor, "*batch 3 height width"],
) -> Float[Tensor, "*batch 3 height width"]:
    """Convert CIE Lab (D65) to sRGB that a screen can show.

    Luminance is kept. Where a channel is full the others get the light that it cannot give, as in
    strong light: orange turns to yellow there, and blue to cyan. With less chroma of the same hue
    they would be pale pink and lavender. Clipping RGB alone, as the released code of the field
    does, changes the luminance of the photograph.

    Args:
        lab: L in 0..100, a and b in raw Lab units.

    Returns:
        sRGB in 0..1.
    """
    return _encoded(_shown(lab)).clamp(0.0, 1.0)


def lab_to_rgb_bytes(
    lab: Float[Tensor, "*batch 3 height width"],
) -> UInt8[Tensor, "*batch 3 height width"]:
    """The same as sRGB in 0..255, by a table, which is faster.

    Args:
        lab: see lab_to_rgb.

    Returns:
        What lab_to_rgb gives, rounded; where it lies halfway between two values, within a fiftieth
        of their distance, it may be the other one.
    """
    table = _encoding_table().to(lab.device)
    place = _shown(lab).clamp_(0.0, 1.0).sqrt_().mul_(len(table) - 1).add_(0.5)
    return table.index_select(0, place.to(torch.int32).flatten()).view(place.shape)


@cache
@torch.inference_mode(False)
def _encoding_table() -> UInt8[Tensor, " places"]:
    """SRGB in 0..255 by the root of linear RGB, which is nearly straight; 32 KB fit any cache."""
    root = torch.linspace(0.0, 1.0, 1 << 15, dtype=torch.float32, device="cpu")
    return (_encoded(root.square()) * 255).round().to(torch.uint8)


def _shown(lab: Tensor) -> Tensor:
    """Linear RGB of Lab, of which no channel is outside 0..1 by more than 16 bits can tell."""
    linear = _linear_of(lab)
    is_outside = (linear.amin(-3) < -_TOLERANCE) | (linear.amax(-3) > 1.0 + _TOLERANCE)
    outside = is_outside.flatten().nonzero()[:, 0]
    if len(outside):
        first = linear.movedim(-3, 0)
        channels = first.flatten(1)
        shown = _clipped(channels.index_select(1, outside))
        linear = channels.index_copy(1, outside, shown).view(first.shape).movedim(0, -3)
    return linear


def _clipped(linear: Float[Tensor, "3 pixels"]) -> Float[Tensor, "3 pixels"]:
    """Linear RGB within 0..1, of the same luminance."""
    shares = LUMINANCE_WEIGHTS.to(linear)[:, None]
    wanted = (shares * linear).sum(0).clamp(0.0, 1.0)
    shown = linear.clamp(0.0, 1.0)
    found = (shares * shown).sum(0)
    shown = shown * (wanted / found.clamp(min=1e-12)).clamp(max=1.0)
    for _ in range(2):  # after each, one channel more is full
        missing = (wanted - (shares * shown).sum(0)).clamp(min=0.0)
        is_open = shown < 1.0
        shown += is_open * (missing / (shares * is_open).sum(0).clamp(min=1e-12))
        shown.clamp_(max=1.0)
    return shown


def _mix(matrix: Tensor, planes: Tensor) -> Tensor:
    kind = planes.device.type
    plainly = (
        torch.autocast(kind, enabled=False)
        if torch.amp.is_autocast_available(kind)
        else nullcontext()
    )
    with plainly:  # whatever autocast the program around has set
        return torch.einsum("ij,...jhw->...ihw", matrix.to(planes), planes)


def mean_chroma(ab: Float[Tensor, "2 height width"]) -> float:
    """Mean chroma in Lab units: 0 for gray.

    Args:
        ab: raw Lab units.
    """
    return float(torch.hypot(ab[0], ab[1]).mean())  # norm(dim=0) takes far longer
