import numpy as np
import pytest
import torch
from skimage.color import rgb2lab

from colorization.inference.pictures.picture_arrays import as_rgb
from colorization.inference.pictures.working_size import working_lab, working_size


@pytest.mark.parametrize(
    ("height", "width", "side", "wanted"),
    [
        (500, 500, 320, (320, 320)),
        # aspect 16/9, root 4/3: 336 * 3/4 = 252, nearest multiple 256; 336 * 4/3 = 448
        (1080, 1920, 336, (256, 448)),
        (100, 20_000, 320, (160, 640)),  # aspect held to 4: 320 / 2, 320 * 2
        (20_000, 100, 320, (640, 160)),
        (1, 1, 64, (64, 64)),
        (10, 400, 64, (32, 128)),
    ],
)
def test_working_sizes_by_hand(height: int, width: int, side: int, wanted: tuple[int, int]) -> None:
    assert working_size(height, width, side) == wanted


@pytest.mark.parametrize("side", [64, 96, 320])
def test_working_sizes_keep_area_and_aspect(rng: np.random.Generator, side: int) -> None:
    for height, width in rng.integers(50, 200, (50, 2)).tolist():
        rows, columns = working_size(height, width, side)
        assert rows % 32 == columns % 32 == 0
        assert working_size(width, height, side) == (columns, rows)
        # rounded to the nearest multiple of 32
        assert abs(rows - side * (height / width) ** 0.5) <= 16
        assert abs(columns - side * (width / height) ** 0.5) <= 16


@pytest.mark.parametrize(
    "color", [(0, 0, 0), (255, 255, 255), (128, 128, 128), (200, 30, 40), (10, 90, 220)], ids=str
)
@pytest.mark.parametrize("size", [(1, 1), (20, 30), (400, 600), (2000, 40)], ids=str)
def test_one_color_has_that_lab_at_any_size(
    color: tuple[int, int, int], size: tuple[int, int]
) -> None:
    rgb = np.full((*size, 3), color, np.uint8)
    lab = working_lab(rgb, 64)
    assert lab.shape == (1, 3, *working_size(*size, 64))
    wanted = rgb2lab(np.array(color, np.uint8)[None, None])[0, 0]
    np.testing.assert_allclose(
        lab[0].flatten(1).T.numpy(), np.broadcast_to(wanted, (lab[0, 0].numel(), 3)), atol=0.05
    )


def test_shrinking_averages(pictures: dict[str, np.ndarray]) -> None:
    """Block means of numpy: 128x128 at side 64 are blocks of 2x2.

    Pillow rounds to 8 bits, rows and columns in turn.
    """
    blocks = pictures["astronaut"].reshape(64, 2, 64, 2, 3).mean((1, 3))
    difference = np.abs(
        working_lab(pictures["astronaut"], 64)[0].permute(1, 2, 0).numpy() - rgb2lab(blocks / 255)
    )
    assert difference.mean() < 0.2  # a value of 8 bits is about 0.4 in L
    assert difference.max() < 2.0


def test_8_and_16_bits_give_the_same_lab(pictures: dict[str, np.ndarray]) -> None:
    rgb = pictures["coffee"]
    assert torch.equal(working_lab(rgb, 96), working_lab(rgb.astype(np.uint16) * 257, 96))


def test_greys_are_neutral(gray_pictures: dict[str, np.ndarray]) -> None:
    assert float(working_lab(as_rgb(gray_pictures["rocket"]), 96)[:, 1:].abs().max()) < 1e-3


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (31, 33)], ids=str)
def test_pictures_smaller_than_the_coarsest_stride_are_enlarged(size: tuple[int, int]) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)
    lab = working_lab(rgb, 64)
    assert min(lab.shape[2:]) >= 32 and bool(lab.isfinite().all())
