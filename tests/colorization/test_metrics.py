import math

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from colorization.metrics import colorfulness, delta_e_2000, psnr


def test_psnr_of_a_constant_difference() -> None:
    """All values differ by 10: MSE = 100, PSNR = 10 log10(255² / 100) = 28.13 dB."""
    truth = np.full((4, 5, 3), 100, np.uint8)
    assert psnr(truth, truth + np.uint8(10)) == pytest.approx(10 * math.log10(255**2 / 100))


def test_psnr_against_the_definition(rng: np.random.Generator) -> None:
    truth, result = rng.integers(0, 256, (2, 9, 7, 3), dtype=np.uint8)
    mse = np.mean((truth.astype(float) - result.astype(float)) ** 2)
    assert psnr(truth, result) == pytest.approx(10 * np.log10(255**2 / mse))
    assert psnr(truth, result) == psnr(result, truth)


def test_psnr_of_equal_pictures_is_infinite() -> None:
    truth = np.zeros((2, 2, 3), np.uint8)
    with np.errstate(divide="ignore"):
        assert psnr(truth, truth) == math.inf


def test_delta_e_of_black_and_white() -> None:
    """Neutral: only L counts. Mean L 50 makes S_L = 1, so Delta E = 100 / 1."""
    black, white = np.zeros((2, 3, 3), np.uint8), np.full((2, 3, 3), 255, np.uint8)
    assert delta_e_2000(black, white) == pytest.approx(100.0, abs=0.01)
    assert delta_e_2000(black, black) == 0.0


def test_delta_e_is_the_mean_over_the_pixels(rng: np.random.Generator) -> None:
    truth, result = rng.integers(0, 256, (2, 3, 2, 3), dtype=np.uint8)
    single = [
        deltaE_ciede2000(rgb2lab(truth[y, x][None, None]), rgb2lab(result[y, x][None, None])).item()
        for y in range(3)
        for x in range(2)
    ]
    assert delta_e_2000(truth, result) == pytest.approx(np.mean(single), rel=1e-5)


def test_colorfulness_of_one_color() -> None:
    """(200, 100, 50): rg = 100, yb = 150 - 50 = 100, no variance; 0.3 sqrt(100² + 100²) = 42.43."""
    rgb = np.full((3, 3, 3), (200, 100, 50), np.uint8)
    assert colorfulness(rgb) == pytest.approx(0.3 * math.sqrt(2) * 100)


def test_colorfulness_keeps_the_signs_of_opponent_channels() -> None:
    """Red and green pixels: rg = ±255 (deviation 255, mean 0), yb = 127.5 twice; 255 + 0.3 * 127.5 = 293.25.

    With absolute values first it would be 0.3 sqrt(255² + 127.5²) = 85.5.
    """
    rgb = np.array([[[255, 0, 0], [0, 255, 0]]], np.uint8)
    assert colorfulness(rgb) == pytest.approx(293.25)
    assert colorfulness(rgb.astype(np.float64)) == pytest.approx(293.25)


def test_greys_have_no_colorfulness(rng: np.random.Generator) -> None:
    gray = rng.integers(0, 256, (5, 6, 1), dtype=np.uint8)
    assert colorfulness(np.repeat(gray, 3, 2)) == 0.0
