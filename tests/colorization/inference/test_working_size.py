from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.color import rgb2lab

from colorization.inference.luminance import luminance_of, luminance_rows
from colorization.inference.picture_arrays import STRIP_PIXELS, as_rgb
from colorization.inference.reference_checks import read_reference
from colorization.inference.working_size import working_lab, working_size
from retrieval.photos.reader import PictureError
from similarity.color.lab import mean_chroma

# --- as_rgb


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_shape_becomes_three_channels(rng: np.random.Generator, dtype: type) -> None:
    gray = rng.integers(0, np.iinfo(dtype).max, (5, 7)).astype(dtype)
    wanted = np.stack([gray] * 3, 2)
    for picture in (gray, gray[..., None], wanted, np.dstack((wanted, gray // 2))):
        found = as_rgb(picture)
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_become_16_bits(dtype: type) -> None:
    """0..1 is stretched over 0..65535 and rounded: 0.25 * 65535 = 16383.75, 1 must not overflow."""
    found = as_rgb(np.array([[0.0, 0.25, 1.0]], dtype))
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found[0, :, 0], [0, 16384, 65535])


def test_bilevel_becomes_black_and_white() -> None:
    found = as_rgb(np.array([[True, False]]))
    assert found.dtype == np.uint8
    assert found.tolist() == [[[255] * 3, [0] * 3]]


@pytest.mark.parametrize(
    "shape", [(5,), (2, 2, 2), (2, 2, 5), (1, 2, 2, 3), (0, 4), (4, 0, 3), ()], ids=str
)
def test_wrong_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"reference: expected \(height, width\)") as error:
        as_rgb(np.zeros(shape, np.uint8), "reference")
    assert str(shape) in str(error.value)


@pytest.mark.parametrize("dtype", [np.int32, np.int8, np.uint32, np.complex64, object])
def test_wrong_types_are_refused(dtype: type) -> None:
    with pytest.raises(
        ValueError, match=f"target: expected uint8, uint16 or float, got {np.dtype(dtype)}"
    ):
        as_rgb(np.zeros((2, 2), dtype), "target")


@pytest.mark.parametrize("value", [-0.01, 1.01, np.nan, np.inf, 128.0])
def test_floats_outside_0_to_1_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match=r"finite and within 0\.\.1"):
        as_rgb(np.array([[0.5, value]]))


def test_the_input_is_left_alone() -> None:
    picture = np.full((3, 3), 0.5, np.float32)
    as_rgb(picture)
    assert (picture == 0.5).all()


# --- working_size and working_lab


@pytest.mark.parametrize(
    ("height", "width", "side", "wanted"),
    [
        (500, 500, 320, (320, 320)),
        # aspect 16/9, root 4/3: 320 * 3/4 = 240; 320 * 4/3 = 426.7, nearest multiple 432
        (1080, 1920, 320, (240, 432)),
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
        assert rows % 16 == columns % 16 == 0
        assert working_size(width, height, side) == (columns, rows)
        # rounded to the nearest multiple of 16
        assert abs(rows - side * (height / width) ** 0.5) <= 8
        assert abs(columns - side * (width / height) ** 0.5) <= 8


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
    """Block means of numpy: 128x128 at side 64 are blocks of 2x2. Pillow rounds to 8 bits, rows and columns in turn."""
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


def test_mean_chroma_by_hand() -> None:
    """Chroma of (a, b) = (3, 4) is 5, of (0, 0) it is 0: mean 2.5."""
    assert mean_chroma(torch.tensor([[3.0, 0.0], [4.0, 0.0]]).view(2, 1, 2)) == pytest.approx(2.5)


# --- luminance_rows


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


# --- read_reference


def test_a_reference_is_read_in_color(tmp_path: Path, pictures: dict[str, np.ndarray]) -> None:
    Image.fromarray(pictures["coffee"]).save(tmp_path / "coffee.png")
    np.testing.assert_array_equal(read_reference(tmp_path / "coffee.png"), pictures["coffee"])


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_gray_reference_is_refused(
    tmp_path: Path, gray_pictures: dict[str, np.ndarray], suffix: str
) -> None:
    path = tmp_path / f"old{suffix}"
    Image.fromarray(as_rgb(gray_pictures["coffee"])).save(path)
    with pytest.raises(PictureError, match="gray") as error:
        read_reference(path)
    assert str(path) in str(error.value)


def test_a_missing_reference_is_named(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match=r"nowhere\.png: no such file"):
        read_reference(tmp_path / "nowhere.png")


# --- luminance_of


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
