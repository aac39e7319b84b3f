from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorization.inference.pictures import picture_arrays as module
from colorization.inference.pictures.picture_arrays import as_rgb, shrink
from retrieval.photos.reader import PictureError

# Any form of a picture


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


def test_a_picture_of_the_other_byte_order_is_the_same() -> None:
    """As TIFFs come that a Macintosh wrote."""
    picture = np.array([[1, 256, 65535]], np.uint16)
    np.testing.assert_array_equal(as_rgb(picture.astype(">u2")), as_rgb(picture))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "CMYK", "1", "I;16"])
def test_pictures_of_pillow(gray_pictures: dict[str, np.ndarray], mode: str) -> None:
    gray = Image.fromarray(gray_pictures["coffee"])
    given = gray.convert("I").convert("I;16") if mode == "I;16" else gray.convert(mode)
    found = as_rgb(given)
    assert found.shape == (*gray_pictures["coffee"].shape, 3)
    assert found.dtype == (np.uint16 if mode == "I;16" else np.uint8)
    if mode in ("L", "RGB", "RGBA"):
        np.testing.assert_array_equal(found[..., 1], gray_pictures["coffee"])


@pytest.mark.parametrize("mode", ["I", "I;16", "I;16B", "I;16L", "I;16N"])
def test_pictures_of_pillow_of_16_bits_keep_them(mode: str) -> None:
    given = Image.new(mode, (2, 1), 65535)
    given.putpixel((0, 0), 300)
    found = as_rgb(given)
    assert found.dtype == np.uint16
    assert found.tolist() == [[[300] * 3, [65535] * 3]]


def test_a_pgm_of_16_bits_is_the_same_as_its_pixels(tmp_path: Path) -> None:
    """Pillow opens it in mode I."""
    gray = np.array([[0, 300, 40000, 65535]], np.uint16)
    (tmp_path / "d.pgm").write_bytes(b"P5 4 1 65535 " + gray.astype(">u2").tobytes())
    with Image.open(tmp_path / "d.pgm") as given:
        np.testing.assert_array_equal(as_rgb(given), as_rgb(gray))


def test_pictures_of_pillow_of_floats_are_as_arrays_of_floats() -> None:
    gray = np.array([[0.0, 0.25, 1.0]], np.float32)
    np.testing.assert_array_equal(as_rgb(Image.fromarray(gray)), as_rgb(gray))
    with pytest.raises(ValueError, match=r"reference 2: floats must be finite and within 0\.\.1"):
        as_rgb(Image.fromarray(gray * 255), "reference 2")


@pytest.mark.parametrize("value", [-1, 65536])
def test_pictures_of_pillow_of_other_values_are_refused(value: int) -> None:
    given = Image.new("I", (2, 1), 7)
    given.putpixel((0, 0), value)
    low, high = sorted((7, value))
    with pytest.raises(
        ValueError, match=rf"target: .* mode I .* within 0\.\.65535, not {low}\.\.{high}$"
    ):
        as_rgb(given, "target")


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_of_pillow_are_upright_as_their_files_are(
    tmp_path: Path, pictures: dict[str, np.ndarray], suffix: str, mode: str, orientation: int
) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    path = tmp_path / f"turned.{suffix}"
    Image.fromarray(pictures["coffee"]).convert(mode).save(path, exif=exif)
    with Image.open(path) as given:
        size = given.size
        np.testing.assert_array_equal(as_rgb(given), as_rgb(path))
        assert suffix == "tif" or given.size == size  # Pillow turns TIFFs as it loads them
        assert given.getexif().get(274, orientation) == orientation


def test_a_picture_of_pillow_whose_exif_cannot_be_read_stays_as_it_lies() -> None:
    given = Image.new("L", (3, 2), 9)
    given.info["exif"] = b"Exif\0\0no EXIF"
    assert as_rgb(given).shape == (2, 3, 3)


def test_an_empty_picture_of_pillow_is_refused() -> None:
    with pytest.raises(ValueError, match="target: expected"):
        as_rgb(Image.new("I", (0, 3)), "target")


def test_pictures_of_files(tmp_path: Path, pictures: dict[str, np.ndarray]) -> None:
    path = tmp_path / "coffee.png"
    Image.fromarray(pictures["coffee"]).save(path)
    for given in (path, str(path)):
        np.testing.assert_array_equal(as_rgb(given), pictures["coffee"])
    with pytest.raises(PictureError, match=r"gone\.png: no such file"):
        as_rgb(tmp_path / "gone.png")


# Shrinking


@pytest.mark.parametrize("factor", [2, 3])
@pytest.mark.parametrize("strip", [1, 1 << 18])
def test_blocks_are_averaged(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, factor: int, strip: int
) -> None:
    monkeypatch.setattr(module, "STRIP_PIXELS", strip)
    picture = rng.integers(0, 256, (12 * factor, 7 * factor, 3)).astype(np.uint8)
    blocks = picture.reshape(12, factor, 7, factor, 3).mean((1, 3))
    found = np.asarray(shrink(picture, factor)).astype(float)
    assert np.abs(found - blocks).max() <= 0.6  # rounded


def test_16_bits_become_8(rng: np.random.Generator) -> None:
    picture = rng.integers(0, 256, (6, 8, 3)).astype(np.uint8)
    for factor in (1, 2):
        deep = shrink(picture.astype(np.uint16) * 257, factor)
        np.testing.assert_array_equal(np.asarray(deep), np.asarray(shrink(picture, factor)))


def test_what_is_over_at_the_border_is_kept(rng: np.random.Generator) -> None:
    picture = rng.integers(0, 256, (5, 7, 3)).astype(np.uint8)
    assert shrink(picture, 2).size == (4, 3)
