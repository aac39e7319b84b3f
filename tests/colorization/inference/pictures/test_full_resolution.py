import tracemalloc

import numpy as np
import pytest
import torch

from colorization.inference.pictures.full_resolution import render
from colorization.inference.pictures.luminance import luminance_rows
from colorization.inference.pictures.tint import tint_curve
from colorization.inference.pictures.working_size import working_lab
from retrieval.photos.reader import to_uint8
from similarity.color.lab import rgb_to_lab

SIZE = (1500, 2000)


@pytest.fixture
def scan() -> np.ndarray:
    """Three megapixels of 16-bit gray as they are read: a view of one channel."""
    gray = np.linspace(0, 65535, SIZE[0] * SIZE[1]).astype(np.uint16).reshape(SIZE)
    return np.broadcast_to(gray[..., None], (*SIZE, 3))


def peak(scan: np.ndarray, work: str) -> float:
    """Most memory that numpy holds at once, in bytes a pixel, beside the scan itself."""
    small = working_lab(scan[::16, ::16], 64)[:, :1]
    half_ab = torch.full((2, small.shape[-2] // 2, small.shape[-1] // 2), 12.0)
    jobs = {
        "shrinking": lambda: working_lab(scan, 64),
        "rendering": lambda: render(scan, small, half_ab),
        "8 bits": lambda: to_uint8(scan),
    }
    tracemalloc.start()
    try:
        jobs[work]()
        return tracemalloc.get_traced_memory()[1] / (SIZE[0] * SIZE[1])
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("work", "own"), [("shrinking", 0), ("rendering", 6), ("8 bits", 3)])
def test_no_step_takes_much_more_memory_than_its_result(
    scan: np.ndarray, work: str, own: float
) -> None:
    """200 megapixels must fit.

    Strips take 1 << 18 pixels, here 9 % of the picture; a whole float32 copy would take 12 bytes.
    """
    assert own <= peak(scan, work) < own + 5


def test_colors_stay_where_they_are_on_a_plain_surface() -> None:
    """Two colors without an edge of luminance between them mix over a few pixels only."""
    gray = np.full((64, 64, 3), 30000, np.uint16)
    half_ab = torch.full((2, 32, 32), 8.0)
    half_ab[:, :, 16:] = -8.0
    ab = rgb_to_lab(
        torch.from_numpy(render(gray, working_lab(gray, 64)[:, :1], half_ab) / 65535)
        .float()
        .permute(2, 0, 1)
    )[1:]
    torch.testing.assert_close(ab[:, :, :28], torch.full((2, 64, 28), 8.0), rtol=0, atol=0.1)
    torch.testing.assert_close(ab[:, :, 36:], torch.full((2, 64, 28), -8.0), rtol=0, atol=0.1)


def test_bright_orange_turns_to_yellow_and_is_as_bright() -> None:
    gray = np.full((64, 64, 3), 247, np.uint8)
    small = working_lab(gray, 64)[:, :1]
    rgb = render(gray, small, torch.tensor([8.0, 37.0]).view(2, 1, 1).expand(2, 32, 32))
    lab = rgb_to_lab(torch.from_numpy(rgb).permute(2, 0, 1).float() / 255)
    assert float((lab[0] - small[0, 0]).abs().max()) < 0.5
    assert float(lab[1].max()) < 0 and float(lab[2].min()) > 10


def test_a_tint_is_added_to_the_chroma(scan: np.ndarray) -> None:
    """Chroma (5, 0) and a tint of (0, 20) give (5, 20) in middle grays, where the gamut has it."""
    gray = np.full((64, 64, 3), 30000, np.uint16)
    small = working_lab(gray, 64)
    curve = tint_curve(torch.cat((small[:, :1], small[:, :1] * 0, small[:, :1] * 0 + 20), 1))
    half_ab = torch.zeros(2, 32, 32)
    half_ab[0] = 5
    rgb = render(gray, small[:, :1], half_ab, curve)
    lab = rgb_to_lab(torch.from_numpy(rgb / 65535).float().permute(2, 0, 1))
    torch.testing.assert_close(lab[1:].mean((1, 2)), torch.tensor([5.0, 20.0]), rtol=0, atol=0.1)
    torch.testing.assert_close(lab[:1], luminance_rows(gray, slice(None)), rtol=0, atol=0.005)


def test_black_and_white_take_no_color() -> None:
    gray = np.zeros((32, 64, 3), np.uint8)
    gray[:, 32:] = 255
    small = working_lab(gray, 64)[:, :1]
    half_ab = torch.full((2, small.shape[-2] // 2, small.shape[-1] // 2), 40.0)
    np.testing.assert_array_equal(render(gray, small, half_ab), gray)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_no_chroma_leaves_the_picture_as_it_is(rng: np.random.Generator, dtype: type) -> None:
    gray = rng.integers(0, np.iinfo(dtype).max, (45, 70, 1)).astype(dtype).repeat(3, 2)
    small = working_lab(gray, 64)[:, :1]
    half_ab = torch.zeros(2, small.shape[-2] // 2, small.shape[-1] // 2)
    found = render(gray, small, half_ab)
    assert found.dtype == dtype
    assert np.abs(found.astype(int) - gray).max() <= (0 if dtype == np.uint8 else 1)
