import numpy as np
import pytest
import skimage.color
import torch
from PIL import Image

from retrieval.extraction.extractor import (
    CPU_BATCH,
    Extractor,
    Glance,
    glance,
    luminance_histograms,
    raw_features,
)
from retrieval.extraction.pca import Projection
from retrieval.photos.prints.tone_curve import MIN_CHROMA
from retrieval.storage.descriptors import BINS, GRID, SIDE
from similarity.backbone.backbone import BACKBONES, VGG_LAYERS, Backbone, load_backbone
from similarity.backbone.normalisation import SLIM
from similarity.backbone.vgg19 import VGG19, VGG19Config


@pytest.fixture(scope="module")
def tiny() -> Backbone:
    torch.manual_seed(0)
    config = VGG19Config(widths=(4, 6, 8, 10, 12), in_channels=1, pool_size=1, hidden=(20,))
    return Backbone("vgg19-slim", VGG19(config), SLIM, VGG_LAYERS, "f" * 16)


@pytest.fixture(scope="module", params=BACKBONES[:2])
def extractor(request: pytest.FixtureRequest) -> Extractor:
    """Of each backbone that brings its projections."""
    found = Extractor.bundled(load_backbone(request.param))
    assert found is not None
    return found


# Glance


def test_luminance_equals_skimage(pictures: dict[str, np.ndarray]) -> None:
    square = np.asarray(
        Image.fromarray(pictures["coffee"]).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    )
    expected = skimage.color.rgb2lab(square)[..., 0] * 2.55
    # rounding to a byte, and skimage's rounded white
    assert np.abs(glance(square).luminance - expected).max() <= 0.53


def test_a_faded_photo_is_seen_like_the_new_one(pictures: dict[str, np.ndarray]) -> None:
    for name in ("chelsea", "coffee", "astronaut"):
        lab = skimage.color.rgb2lab(pictures[name])
        new, faded = (
            np.stack([lightness] + [np.zeros_like(lightness)] * 2, 2)
            for lightness in (lab[..., 0], 35 + lab[..., 0] / 2)
        )
        new, faded = (
            (skimage.color.lab2rgb(one) * 255).round().astype(np.uint8) for one in (new, faded)
        )
        seen = glance(faded).luminance
        assert seen.std() == pytest.approx(glance(new).luminance.std(), rel=0.25)
        assert seen.std() > 1.4 * 2.55 * skimage.color.rgb2lab(faded)[..., 0].std()


def test_luminance_of_all_greys() -> None:
    # full tones everywhere
    levels = np.random.default_rng(0).permutation(
        np.resize(np.arange(256, dtype=np.uint8), 224 * 224)
    )
    grey = levels.reshape(224, 224, 1).repeat(3, 2)
    seen = glance(grey)
    expected = skimage.color.rgb2lab(grey)[..., 0] * 2.55
    assert np.abs(seen.luminance - expected).max() <= 0.53
    assert seen.chroma < 0.01


def test_chroma_by_hand() -> None:
    # pure blue is (a, b) = (79.20, -107.86): chroma 133.81
    blue = np.zeros((50, 60, 3), np.uint8)
    blue[..., 2] = 255
    assert glance(blue).chroma == pytest.approx(133.81, abs=0.05)
    blue[:, :30] = 128  # half of it gray
    assert glance(blue).chroma == pytest.approx(133.81 / 2, rel=0.05)


def test_toned_prints_have_no_colors(pictures: dict[str, np.ndarray]) -> None:
    gray = skimage.color.rgb2gray(pictures["astronaut"])[..., None]
    sepia = np.clip(255 * gray ** [0.75, 1.0, 1.45] * 0.9, 0, 255).astype(np.uint8)
    assert glance(sepia).chroma < MIN_CHROMA
    assert glance(pictures["astronaut"]).chroma > 10


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (2000, 3), (3000, 900), (223, 225)], ids=str)
def test_any_size_becomes_the_square(size: tuple[int, int], rng: np.random.Generator) -> None:
    seen = glance(rng.integers(0, 256, (*size, 3)).astype(np.uint8))
    assert seen.luminance.shape == (SIDE, SIDE)
    assert np.isfinite(seen.chroma)


def test_sides_are_scaled_independently() -> None:
    # left half black, right half white; upper half of the portrait black, lower half white
    wide = np.zeros((60, 400, 3), np.uint8)
    wide[:, 200:] = 255
    tall = np.ascontiguousarray(wide.transpose(1, 0, 2))
    seen = glance(wide).luminance
    assert seen[:, :108].max() == 0
    assert seen[:, 116:].min() == 255
    np.testing.assert_array_equal(glance(tall).luminance, seen.T)


def test_large_photos_are_averaged() -> None:
    stripes = np.zeros((896, 896, 3), np.uint8)
    stripes[::2] = 255
    # each of the 224 rows is the mean of two black and two white ones: 127 or 128 of sRGB, L = 53.2
    # or 53.6
    assert np.abs(glance(stripes).luminance / 2.55 - 53.4).max() < 0.5


# Histograms


def test_histograms_by_hand() -> None:
    luminance = np.full((SIDE, SIDE), 255, np.uint8)
    luminance[:32, 32:64] = 0  # cell 1 is black
    luminance[96:112, 192:] = 127  # the upper half of cell 3 * 7 + 6 has L = 49.8, bin 4
    found = luminance_histograms(luminance)
    assert found[1].tolist() == [1] + [0] * 9
    assert found[27].tolist() == [0, 0, 0, 0, 0.5, 0, 0, 0, 0, 0.5]
    others = np.delete(found, [1, 27], 0)
    assert (others == np.eye(10)[9]).all()


def test_histograms_equal_numpy(rng: np.random.Generator) -> None:
    luminance = rng.integers(0, 256, (SIDE, SIDE)).astype(np.uint8)
    found = luminance_histograms(luminance)
    for row in range(GRID):
        for column in range(GRID):
            cell = luminance[row * 32 : row * 32 + 32, column * 32 : column * 32 + 32] / 2.55
            expected = np.histogram(cell, bins=BINS, range=(0, 100))[0] / 1024
            np.testing.assert_allclose(found[row * GRID + column], expected, atol=1e-6)
    # multiples of 1/1024 are exact in half precision
    assert (found.astype(np.float64).sum(1) == 1).all()


# Network


def test_raw_features_equal_the_network(tiny: Backbone, rng: np.random.Generator) -> None:
    luminance = rng.integers(0, 256, (2, SIDE, SIDE)).astype(np.uint8)
    raw = raw_features(tiny, list(luminance))
    assert (raw.global_.shape, raw.local.shape) == ((2, 20), (2, 49, 12))
    found = tiny(torch.from_numpy(luminance)[:, None] / 255 * 100, ("pool5", "fc6", "logits"))
    np.testing.assert_allclose(
        raw.global_, found["fc6"].numpy(), rtol=0.03, atol=0.02 * float(found["fc6"].abs().max())
    )
    assert raw.label.tolist() == found["logits"].argmax(1).tolist()
    pool5 = found["pool5"].numpy()
    for row, column in ((0, 0), (2, 5), (6, 6)):
        np.testing.assert_allclose(
            raw.local[:, row * GRID + column],
            pool5[:, :, row, column],
            rtol=0.03,
            atol=0.02 * pool5.max(),
        )


def test_a_map_is_averaged_to_a_photo_as_a_whole(
    backbone: Backbone, rng: np.random.Generator
) -> None:
    luminance = rng.integers(0, 256, (2, SIDE, SIDE)).astype(np.uint8)
    raw = raw_features(backbone, list(luminance))
    assert (raw.global_.shape, raw.local.shape) == ((2, 320), (2, 49, 320))
    # one map serves both here
    np.testing.assert_allclose(raw.global_, raw.local.mean(1), atol=1e-4)
    planes = torch.from_numpy(luminance)[:, None] / 2.55
    found = backbone(planes, ("stride32", "logits"))
    assert raw.label.tolist() == found["logits"].argmax(1).tolist()
    cells = found["stride32"].numpy()
    for row, column in ((0, 0), (2, 5), (6, 6)):
        wanted = cells[:, :, row, column]
        close = raw.local[:, row * GRID + column] - wanted
        assert np.abs(close).max() < 0.05 * np.abs(cells).max()


def test_colors_are_those_of_the_cells() -> None:
    picture = np.full((350, 490, 3), 90, np.uint8)  # cells of 50 x 70 pixels
    picture[100:150, 420:] = (200, 40, 40)
    colors = glance(picture).color.reshape(GRID, GRID, 2).astype(int)
    red = skimage.color.rgb2lab(np.full((1, 1, 3), (200, 40, 40), np.uint8))[0, 0, 1:]
    np.testing.assert_allclose(colors[2, 6], red, atol=2)
    colors[2, 6] = 0
    assert np.abs(colors).max() <= 3  # but for what resizing smears


def test_local_cells_lie_where_they_look(extractor: Extractor) -> None:
    colors = np.zeros((49, 2), np.int8)
    plain = Glance(np.full((SIDE, SIDE), 128, np.uint8), colors, 0.0)
    dotted = plain.luminance.copy()
    dotted[32 * 5 + 8 : 32 * 5 + 24, 32 * 1 + 8 : 32 * 1 + 24] = np.random.default_rng(0).integers(
        0, 256, (16, 16)
    )
    cells = extractor.describe([plain, Glance(dotted, colors, 0.0)]).local.astype(np.float32)
    change = np.linalg.norm(cells[0] - cells[1], axis=1)
    assert abs(change.argmax() // GRID - 5) <= 1
    assert abs(change.argmax() % GRID - 1) <= 1
    assert change[GRID - 1] < change.max() / 2  # the opposite corner


def test_description(extractor: Extractor, pictures: dict[str, np.ndarray]) -> None:
    seen = [glance(pictures[name]) for name in ("chelsea", "coffee", "rocket")]
    described = extractor.describe(seen)
    assert len(described) == 3
    for vectors in (described.global_, described.local):
        np.testing.assert_allclose(
            np.linalg.norm(vectors.astype(np.float32), axis=-1), 1, atol=2e-3
        )
    for row, one in enumerate(seen):
        np.testing.assert_array_equal(described.histogram[row], luminance_histograms(one.luminance))
    np.testing.assert_allclose(described.chroma, [s.chroma for s in seen], rtol=1e-3)


def test_a_batch_equals_single_photos(
    extractor: Extractor, pictures: dict[str, np.ndarray]
) -> None:
    names = ("chelsea", "coffee", "rocket", "astronaut", "retina")
    assert len(names) > CPU_BATCH
    seen = [glance(pictures[name]) for name in names]
    together = extractor.describe(seen)
    for row, one in enumerate(seen):
        alone = extractor.describe([one])
        assert (
            together.global_[row].astype(np.float32) @ alone.global_[0].astype(np.float32)
        ) > 0.998
        cosines = (together.local[row].astype(np.float32) * alone.local[0].astype(np.float32)).sum(
            1
        )
        assert cosines.mean() > 0.99


def test_a_gray_print_resembles_its_color_photo(
    extractor: Extractor, pictures: dict[str, np.ndarray]
) -> None:
    names = ("chelsea", "coffee", "rocket", "astronaut")
    colored = extractor.describe([glance(pictures[name]) for name in names]).global_.astype(
        np.float32
    )
    gray = []
    for name in names:
        lightness = skimage.color.rgb2lab(pictures[name]) * [1, 0, 0]
        gray.append(glance((skimage.color.lab2rgb(lightness) * 255).round().astype(np.uint8)))
    assert max(g.chroma for g in gray) < 1
    cosines = extractor.describe(gray).global_.astype(np.float32) @ colored.T
    assert np.diag(cosines).min() > 0.98
    assert cosines.argmax(1).tolist() == [0, 1, 2, 3]


def test_bundled_projections_belong_to_their_weights(tiny: Backbone, extractor: Extractor) -> None:
    assert isinstance(extractor.global_projection, Projection)
    assert Extractor.bundled(tiny) is None
