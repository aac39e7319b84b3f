import math

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

from colorization.evaluation.measures.signal import SSIM_WINDOW, psnr, ssim


def test_psnr_of_a_constant_difference() -> None:
    """All values differ by 10: MSE = 100, PSNR = 10 log10(255² / 100) = 28.13 dB."""
    truth = np.full((4, 5, 3), 100, np.uint8)
    assert psnr(truth, truth + np.uint8(10)) == pytest.approx(10 * math.log10(255**2 / 100))


def test_psnr_against_scikit_image(rng: np.random.Generator) -> None:
    truth, result = rng.integers(0, 256, (2, 9, 7, 3), dtype=np.uint8)
    assert psnr(truth, result) == pytest.approx(
        peak_signal_noise_ratio(truth, result, data_range=255)
    )
    assert psnr(truth, result) == psnr(result, truth)


def test_psnr_of_equal_pictures_is_infinite() -> None:
    truth = np.zeros((2, 2, 3), np.uint8)
    assert psnr(truth, truth) == math.inf


def test_ssim_of_two_plain_pictures() -> None:
    """Without variance only the means count.

    (2 * 100 * 150 + c1) / (100² + 150² + c1), c1 = (0.01 * 255)² = 6.5025.
    """
    truth, result = np.full((16, 20, 3), 100, np.uint8), np.full((16, 20, 3), 150, np.uint8)
    c1 = (0.01 * 255) ** 2
    assert ssim(truth, result) == pytest.approx(
        (2 * 100 * 150 + c1) / (100**2 + 150**2 + c1), abs=1e-6
    )


def ssim_by_hand(truth: np.ndarray, result: np.ndarray) -> float:
    """Wang et al. 2004, equation 13, window by window; the means of whole windows only."""
    axis = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    window = np.outer(axis, axis) / axis.sum() ** 2
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    values = []
    for channel in range(3):
        x_all, y_all = (p[..., channel].astype(float) for p in (truth, result))
        for top in range(truth.shape[0] - 10):
            for left in range(truth.shape[1] - 10):
                x, y = (p[top : top + 11, left : left + 11] for p in (x_all, y_all))
                mx, my = (window * x).sum(), (window * y).sum()
                vx, vy = (window * (x - mx) ** 2).sum(), (window * (y - my) ** 2).sum()
                cov = (window * (x - mx) * (y - my)).sum()
                values.append(
                    (2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
                )
    return float(np.mean(values))


def test_ssim_against_the_definition(
    pictures: dict[str, np.ndarray], rng: np.random.Generator
) -> None:
    truth = pictures["chelsea"][30:50, 40:57]
    result = np.clip(truth.astype(int) + rng.integers(-30, 31, truth.shape), 0, 255).astype(
        np.uint8
    )
    assert ssim(truth, result) == pytest.approx(ssim_by_hand(truth, result), abs=1e-6)
    assert ssim(truth, truth) == pytest.approx(1.0)


def test_ssim_sees_color(pictures: dict[str, np.ndarray]) -> None:
    """Each channel counts alike.

    One channel of three emptied of its structure costs, the others stay at 1.
    """
    truth = pictures["coffee"]
    result = truth.copy()
    result[..., 2] = 128
    blue = ssim(np.repeat(truth[..., 2:], 3, 2), np.repeat(result[..., 2:], 3, 2))
    assert ssim(truth, result) == pytest.approx((2 + blue) / 3, abs=1e-6)


def test_ssim_of_a_tiny_picture_is_refused() -> None:
    tiny = np.zeros((SSIM_WINDOW - 1, 40, 3), np.uint8)
    with pytest.raises(ValueError, match=r"at least 11 pixels, not 10 x 40"):
        ssim(tiny, tiny)
