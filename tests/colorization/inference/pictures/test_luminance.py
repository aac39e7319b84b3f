import numpy as np
import pytest
import torch
from skimage.color import rgb2lab

from colorization.inference.pictures.luminance import (
    gray_luminance,
    luminance_of,
    luminance_rows,
    with_chroma,
)
from colorization.inference.pictures.picture_arrays import STRIP_PIXELS

# Some rows


@pytest.mark.parametrize("factor", [1, 257], ids=["uint8", "uint16"])
@pytest.mark.parametrize("gray", [False, True], ids=["color", "gray"])
def test_luminance_equals_that_of_skimage(
    pictures: dict[str, np.ndarray], factor: int, gray: bool
) -> None:
    rgb = pictures["chelsea"][::2, ::2]
    if gray:
        rgb = np.repeat(rgb[..., 1:2], 3, 2)
    deep = rgb if factor == 1 else (rgb.astype(np.uint16) * 257)
    rows = slice(5, 23)
    found = luminance_rows(deep, rows)
    assert found.shape == (1, 18, rgb.shape[1])
    np.testing.assert_allclose(found[0].numpy(), rgb2lab(rgb[rows])[..., 0], atol=0.01)


def test_luminance_of_16_bits_is_not_rounded_to_8() -> None:
    rgb = np.repeat(np.arange(1000, 1257, dtype=np.uint16)[None, :, None], 3, 2)
    assert (luminance_rows(rgb, slice(None)).diff(dim=2) > 0).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_luminance_of_gray_values_is_that_of_their_rows(
    rng: np.random.Generator, dtype: type
) -> None:
    gray = rng.integers(0, np.iinfo(dtype).max + 1, (6, 9)).astype(dtype)
    found = gray_luminance(gray)
    assert torch.equal(found, luminance_rows(np.dstack([gray] * 3), slice(None))[0])
    scaled = np.dstack([gray / np.iinfo(dtype).max] * 3)
    np.testing.assert_allclose(found.numpy(), rgb2lab(scaled)[..., 0], atol=0.01)


# Whole photographs


@pytest.mark.parametrize("height", [3, 2 * STRIP_PIXELS // 64 + 5])
def test_the_gray_photograph_of_a_color_one_has_its_luminance(
    rng: np.random.Generator, height: int
) -> None:
    rgb = rng.integers(0, 256, (height, 64, 3), np.uint8)
    gray = luminance_of(rgb)
    assert gray.shape == rgb.shape and np.ptp(gray, axis=2).max() == 0
    assert np.abs(rgb2lab(gray)[..., 0] - rgb2lab(rgb)[..., 0]).max() < 0.4


def test_a_gray_photograph_is_its_own() -> None:
    gray = np.broadcast_to(np.arange(256, dtype=np.uint8)[None, :, None], (2, 256, 3))
    np.testing.assert_array_equal(luminance_of(gray), gray)
    np.testing.assert_array_equal(luminance_of(gray.astype(np.uint16) * 257), gray)


# With chroma


def test_luminance_with_chroma_of_another_size() -> None:
    """L = 60 with (20, -10) everywhere, which the gamut holds."""
    half = torch.tensor([20.0, -10.0]).view(2, 1, 1).expand(2, 3, 4)
    found = with_chroma(torch.full((1, 6, 8), 60.0), half)
    assert (found.shape, found.dtype) == ((6, 8, 3), np.uint8)
    wanted = np.broadcast_to([60.0, 20.0, -10.0], (6, 8, 3))
    np.testing.assert_allclose(rgb2lab(found), wanted, atol=0.6)


def test_without_chroma_it_is_gray() -> None:
    level = torch.linspace(0, 100, 50).view(1, 5, 10)
    assert np.ptp(with_chroma(level, torch.zeros(2, 1, 1)), axis=2).max() == 0
