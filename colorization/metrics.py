"""Measures of colorization."""

import numpy as np
from jaxtyping import Float, UInt8
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.metrics import peak_signal_noise_ratio

Rgb = UInt8[np.ndarray, "height width 3"]


def psnr(truth: Rgb, result: Rgb) -> float:
    """Peak signal-to-noise ratio on RGB in dB."""
    return float(peak_signal_noise_ratio(truth, result, data_range=255))


def delta_e_2000(truth: Rgb, result: Rgb) -> float:
    """CIE Delta E 2000, mean over the pixels.

    Source: Sharma, Wu and Dalal 2005, as in scikit-image.
    """
    return float(deltaE_ciede2000(rgb2lab(truth), rgb2lab(result)).mean())


def colorfulness(rgb: Float[np.ndarray, "height width 3"] | Rgb) -> float:
    """Colorfulness on sRGB in 0..255, with signed opponent channels.

    Several repositories take the absolute values of rg and yb first, which is another number.

    Source: Hasler and Suesstrunk 2003, M3.
    """
    red, green, blue = np.moveaxis(np.asarray(rgb, np.float64), -1, 0)
    rg, yb = red - green, (red + green) / 2 - blue
    return float(np.sqrt(rg.var() + yb.var()) + 0.3 * np.sqrt(rg.mean() ** 2 + yb.mean() ** 2))
