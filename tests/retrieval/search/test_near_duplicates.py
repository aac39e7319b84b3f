import io
from collections.abc import Callable

import numpy as np
import pytest
import skimage.data
from PIL import Image, ImageEnhance

from retrieval.extraction.extractor import Extractor, glance
from retrieval.search.near_duplicates import (
    MIN_GLOBAL,
    MIN_LIKENESS,
    MIN_STRUCTURE,
    Appearance,
    distinct,
    luminance_structure,
    same_photo,
)
from retrieval.storage.descriptors import Descriptors
from similarity.backbone.backbone import Backbone

PHOTOS = (
    "astronaut",
    "chelsea",
    "coffee",
    "rocket",
    "hubble_deep_field",
    "motorcycle_left",
    "motorcycle_right",
)


def recompressed(image: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=70)
    return Image.open(io.BytesIO(buffer.getvalue())).convert("RGB")


def trimmed(image: Image.Image) -> Image.Image:
    width, height = image.size
    return image.crop((width // 100, height // 100, width - width // 100, height - height // 100))


VARIANTS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "recompressed": recompressed,
    "resized": lambda image: image.resize(
        (image.width * 3 // 5, image.height * 3 // 5), Image.Resampling.LANCZOS
    ),
    "trimmed": trimmed,
    "brightened": lambda image: ImageEnhance.Brightness(image).enhance(1.15),
    "darkened": lambda image: ImageEnhance.Brightness(image).enhance(0.8),
    "in gray": lambda image: image.convert("L").convert("RGB"),
}


def looks_of(described: Descriptors) -> Appearance:
    return Appearance(
        described.global_.astype(np.float32),
        described.local,
        luminance_structure(described.histogram),
    )


@pytest.fixture(scope="module")
def originals() -> dict[str, Image.Image]:
    left, right, _ = skimage.data.stereo_motorcycle()
    arrays = {name: getattr(skimage.data, name)() for name in PHOTOS[:5]} | {
        "motorcycle_left": left,
        "motorcycle_right": right,
    }
    return {name: Image.fromarray(arrays[name]) for name in PHOTOS}


@pytest.fixture(scope="module")
def extractor(backbone: Backbone) -> Extractor:
    found = Extractor.bundled(backbone)
    assert found
    return found


@pytest.mark.parametrize("variant", VARIANTS)
def test_variants_of_a_photo_are_it_and_no_other_photo_is(
    variant: str, originals: dict[str, Image.Image], extractor: Extractor
) -> None:
    images = [*originals.values(), *(VARIANTS[variant](image) for image in originals.values())]
    looks = looks_of(extractor.describe([glance(np.asarray(image)) for image in images]))
    count = len(PHOTOS)
    for row in range(count):
        found = same_photo(looks, row, np.arange(2 * count))
        assert np.flatnonzero(found).tolist() == [row, count + row]


def test_mirrored_photos_are_others(
    originals: dict[str, Image.Image], extractor: Extractor
) -> None:
    images = [originals["chelsea"], originals["chelsea"].transpose(Image.Transpose.FLIP_LEFT_RIGHT)]
    looks = looks_of(extractor.describe([glance(np.asarray(image)) for image in images]))
    # globally they are near-duplicates: the cells decide
    assert looks.global_[0] @ looks.global_[1] > MIN_GLOBAL
    assert not same_photo(looks, 0, np.array([1]))[0]


def test_two_photos_of_one_scene_are_two(
    originals: dict[str, Image.Image], extractor: Extractor
) -> None:
    images = [originals["motorcycle_left"], originals["motorcycle_right"]]
    looks = looks_of(extractor.describe([glance(np.asarray(image)) for image in images]))
    assert looks.global_[0] @ looks.global_[1] > MIN_GLOBAL
    assert not same_photo(looks, 0, np.array([1]))[0]


# Made looks: two dimensions are enough to set each cosine


def made(global_: list[float], structure: list[float], local: list[float]) -> Appearance:
    """Photo 0, and others with the given cosines to it."""

    def unit(cosines: list[float]) -> np.ndarray:
        return np.array([(1, 0), *((c, (1 - c * c) ** 0.5) for c in cosines)], np.float32)

    cells = unit(local)[:, None].repeat(2, 1)
    return Appearance(unit(global_), cells, unit(structure))


@pytest.mark.parametrize(
    ("global_", "structure", "local", "same"),
    [
        (1.0, 1.0, 1.0, True),
        (MIN_GLOBAL + 0.01, 1.0, 1.0, True),
        (MIN_GLOBAL - 0.01, 1.0, 1.0, False),
        (1.0, MIN_STRUCTURE + 0.002, 1.0, True),
        (1.0, MIN_STRUCTURE - 0.002, 1.0, False),
        (1.0, 1.0, 1 - (1 - MIN_LIKENESS) / 0.2 + 0.01, True),  # 0.8 + 0.2 * local is the likeness
        (1.0, 1.0, 1 - (1 - MIN_LIKENESS) / 0.2 - 0.01, False),
        (1.0, 0.98, 0.91, True),  # 0.8 * 0.98 + 0.2 * 0.91 = 0.966
        (1.0, 0.98, 0.90, False),  # 0.964
    ],
)
def test_each_measure_has_a_say(global_: float, structure: float, local: float, same: bool) -> None:
    looks = made([global_, 1.0], [structure, 0.0], [local, 1.0])
    assert same_photo(looks, 0, np.array([1, 2])).tolist() == [same, False]
    assert same_photo(looks, 0, np.array([2, 1])).tolist() == [False, same]


def test_no_others(rng: np.random.Generator) -> None:
    looks = made([1.0], [1.0], [1.0])
    assert same_photo(looks, 0, np.array([], int)).tolist() == []
    assert distinct(looks, np.array([], int), 3) == []


def test_structure_is_the_centred_mean_luminance() -> None:
    histogram = np.zeros((3, 4, 10), np.float16)
    for cell, level in enumerate((1, 3, 5, 7)):  # mean 4: -3, -1, 1, 3 over sqrt(20)
        histogram[0, cell, level] = 1
        histogram[1, cell, level // 2 + 2] = 1  # 2, 3, 4, 5: half the contrast, brighter
    histogram[2, :, 6] = 1  # flat
    found = luminance_structure(histogram)
    np.testing.assert_allclose(found[0], np.array([-3, -1, 1, 3]) / 20**0.5, atol=1e-6)
    np.testing.assert_allclose(found[1], found[0], atol=1e-6)
    np.testing.assert_allclose(found[2], 0.5)
    assert found[0] @ found[2] == pytest.approx(0, abs=1e-6)


# Choosing


def on_a_circle(*degrees: float) -> Appearance:
    """Appearance whose measures are all the cosine of the angle between them.

    Up to 15 degrees they are one photo.
    """
    angles = np.deg2rad(degrees)
    unit = np.stack((np.cos(angles), np.sin(angles)), 1).astype(np.float32)
    return Appearance(unit, unit[:, None].repeat(2, 1), unit)


def test_of_each_group_the_best_stays() -> None:
    looks = on_a_circle(0, 90, 5, 95, 180)
    assert distinct(looks, np.array([2, 1, 0, 3, 4]), 5) == [2, 1, 4]
    assert distinct(looks, np.array([3, 0, 4, 1, 2]), 5) == [3, 0, 4]


def test_photos_that_are_one_through_others_are_one_group() -> None:
    looks = on_a_circle(0, 12, 24, 36, 90)  # neighbours are 12 degrees apart, the ends 36
    assert not same_photo(looks, 0, np.array([3]))[0]
    for order in ([0, 3, 1, 2, 4], [3, 4, 0, 2, 1], [1, 3, 0, 4, 2]):
        assert distinct(looks, np.array(order), 5) == [order[0], 4]
    assert distinct(looks, np.array([0, 3, 4]), 5) == [0, 3, 4]  # what joins them does not compete


def test_no_more_than_asked() -> None:
    looks = on_a_circle(0, 40, 80, 120)
    assert distinct(looks, np.array([3, 1, 2, 0]), 2) == [3, 1]
