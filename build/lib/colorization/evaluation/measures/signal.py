"""How close two pictures are as signals: PSNR and SSIM."""

import math

import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from colorization.evaluation.measures import Rgb

SSIM_WINDOW = 11  # pixels, the smallest side that SSIM is defined for


def psnr(truth: Rgb, result: Rgb) -> float:
    """Peak signal-to-noise ratio on RGB.

    Args:
        truth: sRGB, 0..255.
        result: of the same size, sRGB, 0..255.

    Returns:
        Decibels, higher is better; infinite for equal pictures.
    """
    if np.array_equal(truth, result):
        return math.inf  # scikit-image would warn of a division by zero
    return float(peak_signal_noise_ratio(truth, result, data_range=255))


def ssim(truth: Rgb, result: Rgb) -> float:
    """Structural similarity, mean over pixels and the three channels of RGB.

    Args:
        truth: sRGB, 0..255, both sides at least SSIM_WINDOW.
        result: of the same size, sRGB, 0..255.

    Returns:
        At most 1, which means equal.

    Raises:
        ValueError: a side is shorter than the window.

    Source: Wang et al. 2004, Gaussian window of deviation 1.5, as in scikit-image.
    """
    if min(truth.shape[:2]) < SSIM_WINDOW:
        raise ValueError(
            f"SSIM needs sides of at least {SSIM_WINDOW} pixels,"
            f" not {truth.shape[0]} x {truth.shape[1]}"
        )
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return float(structural_similarity(truth, result, channel_axis=2, data_range=255, **settings))
