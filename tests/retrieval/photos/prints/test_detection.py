import gray_prints as prints
import numpy as np
import pytest
import skimage.color
import skimage.data
import torch
from PIL import Image

from retrieval.photos.prints.detection import color_beyond_tone, is_gray
from similarity.color.lab import lab_to_rgb

NAMES = ("astronaut", "chelsea", "coffee", "rocket")


@pytest.fixture(scope="module")
def grays() -> dict[str, np.ndarray]:
    """Gray photographs with a short side of 256."""
    found = {}
    for name in NAMES:
        image = Image.fromarray(getattr(skimage.data, name)()).convert("L")
        image.thumbnail((400, 400))
        found[name] = np.asarray(image)
    return found


@pytest.mark.parametrize("tone", prints.TONES)
def test_toned_prints_are_gray(
    tone: str, grays: dict[str, np.ndarray], rng: np.random.Generator
) -> None:
    for gray in grays.values():
        assert is_gray(prints.finished(prints.TONES[tone][gray], rng))


def test_a_sepia_print_by_its_recipe_is_gray() -> None:
    gray = np.asarray(Image.fromarray(skimage.data.astronaut()).convert("L"))
    sepia = prints.toned(1 / 12, 0.5).astype(np.uint8)[gray]
    assert np.hypot(*skimage.color.rgb2lab(sepia)[..., 1:].reshape(-1, 2).T).mean() > 15
    assert is_gray(sepia)


def test_uneven_casts_are_gray(grays: dict[str, np.ndarray], rng: np.random.Generator) -> None:
    for gray in grays.values():
        assert is_gray(prints.finished(prints.unevenly_yellowed(gray), rng))


@pytest.mark.parametrize("color", [(245, 235, 210), (60, 100, 60), (150, 30, 30)], ids=str)
@pytest.mark.parametrize("tone", ["none", "sepia 0.2"])
def test_prints_within_a_border_are_gray(
    color: tuple[int, int, int],
    tone: str,
    grays: dict[str, np.ndarray],
    rng: np.random.Generator,
) -> None:
    lut = prints.TONES.get(tone, np.arange(256.0)[:, None].repeat(3, 1))
    for gray in grays.values():
        assert is_gray(prints.finished(prints.bordered(lut[gray], color, 30), rng))


@pytest.mark.parametrize("turn", [0, 4, -7])
def test_prints_on_a_table_are_gray(
    turn: int, grays: dict[str, np.ndarray], rng: np.random.Generator
) -> None:
    for gray in grays.values():
        flat = gray[..., None].repeat(3, 2).astype(float)
        assert is_gray(prints.finished(prints.on_table(flat, turn, rng), rng))


def test_photographs_keep_their_chroma(pictures: dict[str, np.ndarray]) -> None:
    for name in (*NAMES, "motorcycle_left", "retina"):
        square = np.asarray(
            Image.fromarray(pictures[name]).resize((224, 224), Image.Resampling.BICUBIC)
        )
        expected = np.linalg.norm(skimage.color.rgb2lab(square)[..., 1:], axis=-1).mean()
        assert color_beyond_tone(square) == pytest.approx(expected, abs=0.1)


def few_colors(kind: str, rng: np.random.Generator) -> np.ndarray:
    """Scenes of few colors, in Lab: of luminance alone, none of their chroma would follow."""
    y, x = np.mgrid[0:1:240j, 0:1:320j]
    noise = rng.normal(0, 1, (6, 12, 16))
    blobs = np.stack([np.asarray(Image.fromarray(one).resize((320, 240), 3)) for one in noise])
    grain = rng.normal(0, 1.5, (240, 320))
    if kind == "sunset":  # black, red, orange, yellow from the ground upwards to the sun
        heat = np.clip(1.2 - 2 * np.hypot(x - 0.5, y - 0.4) + 0.1 * blobs[0], 0, 1)
        lab = (10 + 75 * heat + grain, 60 * np.sin(np.pi * heat**0.7), 75 * heat)
    elif kind == "red flower":  # petals of one red, on leaves of one green
        petals = np.hypot(x - 0.5, y - 0.5) < 0.35 + 0.05 * np.cos(8 * np.arctan2(y - 0.5, x - 0.5))
        light = 45 + 14 * blobs[0] + grain
        lab = (light, np.where(petals, 58, -18), np.where(petals, 30 + 4 * blobs[1], 20))
    elif kind == "sand":  # two kinds of grains below a hazy sky
        sky = 1 / (1 + np.exp(40 * (y - 0.35)))
        lab = (
            62 + 12 * blobs[0] + grain,
            8 - 10 * sky + 2 * blobs[1],
            26 - 30 * sky + 3 * blobs[2],
        )
    elif kind == "night":  # lamps of different colors
        near = np.exp(-((x - 0.3) ** 2 + (y - 0.5) ** 2) * 30)
        far = np.exp(-((x - 0.7) ** 2 + (y - 0.6) ** 2) * 30)
        lab = (8 + 60 * (near + far) + grain, 30 * near - 25 * far, 45 * near - 20 * far)
    else:  # snow with blue shadows below a clear sky, a wooden hut
        shade, sky = np.clip(blobs[0], 0, 1), 1 / (1 + np.exp(40 * (y - 0.3)))
        hut = (np.abs(x - 0.6) < 0.12) & (np.abs(y - 0.55) < 0.1)
        light = 85 - 25 * np.maximum(shade, sky) - 40 * hut + grain
        lab = (light, 14 * hut - 6 * sky, 24 * hut - (10 * shade + 25 * sky) * ~hut)
    planes = np.stack(np.broadcast_arrays(*lab)).astype(np.float32)
    rgb = lab_to_rgb(torch.from_numpy(planes))
    return (255 * rgb).round().byte().permute(1, 2, 0).numpy()


@pytest.mark.parametrize("kind", ["sunset", "red flower", "sand", "night", "snow"])
def test_color_photographs_of_few_colors_stay_references(
    kind: str, rng: np.random.Generator
) -> None:
    assert not is_gray(few_colors(kind, rng))


def test_a_gray_thing_in_the_middle_makes_no_print(rng: np.random.Generator) -> None:
    y, x = np.mgrid[0:1:240j, 0:1:320j]
    stone = np.hypot(x - 0.5, y - 0.5) < 0.38  # round, on a lawn
    light = 128 + rng.normal(0, 25, (240, 320, 1))
    lawn = light * np.array([0.55, 0.9, 0.35])
    assert not is_gray(np.clip(np.where(stone[..., None], light, lawn), 0, 255).astype(np.uint8))


def test_two_flat_colors_make_no_print() -> None:
    halves = np.zeros((50, 60, 3), np.uint8)
    halves[:, :30], halves[:, 30:] = 128, (0, 0, 255)
    assert color_beyond_tone(halves) > 60


def test_gray_has_no_color() -> None:
    gray = np.random.default_rng(0).integers(0, 256, (40, 50, 1)).astype(np.uint8).repeat(3, 2)
    assert color_beyond_tone(gray) == 0.0


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (2000, 3), (3, 900), (223, 225)], ids=str)
def test_any_size_has_a_finite_answer(size: tuple[int, int], rng: np.random.Generator) -> None:
    assert np.isfinite(color_beyond_tone(rng.integers(0, 256, (*size, 3)).astype(np.uint8)))


def test_lab_of_any_size_gives_the_same_answer(
    pictures: dict[str, np.ndarray], grays: dict[str, np.ndarray], rng: np.random.Generator
) -> None:
    photo = pictures["chelsea"]
    sepia = prints.finished(prints.TONES["sepia 0.5"][grays["coffee"]], rng)
    for rgb, gray in ((photo, False), (sepia, True)):
        assert is_gray(rgb) is gray
