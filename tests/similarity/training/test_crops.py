import numpy as np
import pytest
import torch

from similarity.training.crops import random_square


def ramp(height: int, width: int) -> np.ndarray:
    """Red grows from left to right, green from top to bottom."""
    y, x = np.mgrid[0:height, 0:width]
    return (
        np.stack((255 * x / (width - 1), 255 * y / (height - 1), np.full_like(x, 99)), 2)
        .round()
        .astype(np.uint8)
    )


def test_crops_are_squares_within_the_cover_and_half_are_mirrored(rng: np.random.Generator) -> None:
    rgb = ramp(201, 401)
    mirrored, sizes, centers = 0, [], []
    for _ in range(300):
        part = random_square(rgb, rng, 0.6, 32)
        assert part.shape == (3, 32, 32)
        across, down = part[0].mean(0) * 400, part[1].mean(1) * 200
        # from the centre of the first row to that of the last
        size = float(down[-1] - down[0]) * 32 / 31
        assert size > 0  # never upside down
        assert abs(float(across[-1] - across[0])) * 32 / 31 == pytest.approx(size, abs=4)
        mirrored += bool(across[-1] < across[0])
        sizes.append(size / 201)
        centers.append((float(across.mean()) / 400, float(down.mean()) / 200))
        assert (
            float(part[2].min()) == pytest.approx(99 / 255) == pytest.approx(float(part[2].max()))
        )
    assert 120 < mirrored < 180
    assert 0.57 < min(sizes) < 0.63 and 0.96 < max(sizes) < 1.02
    # even in the logarithm: half of them below the square root of the cover
    assert np.median(sizes) == pytest.approx(0.6**0.5, abs=0.03)
    assert np.abs(np.mean(centers, 0) - 0.5).max() < 0.03


def test_a_crop_of_the_same_size_is_the_photo() -> None:
    rgb = ramp(32, 32)
    whole = torch.from_numpy(rgb).permute(2, 0, 1) / 255
    for seed in range(6):
        found = random_square(rgb, np.random.default_rng(seed), 1.0, 32)
        assert any(torch.allclose(found, w, atol=1e-5) for w in (whole, whole.flip(2)))
