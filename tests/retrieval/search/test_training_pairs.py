from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retrieval.building.changes import BuildReport
from retrieval.search.photo_index import PhotoIndex
from retrieval.search.training_pairs import TWIN, neighbours
from retrieval.storage.descriptors import MIN_CHROMA

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
Build = Callable[..., BuildReport]
COUNT = 8  # photos of the small index


def units(rng: np.random.Generator, *shape: int) -> np.ndarray:
    vectors = rng.normal(size=shape)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


@pytest.fixture
def made(
    index: PhotoIndex, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> tuple[PhotoIndex, Arrays]:
    """An index that answers with made descriptors of eight colorful photos.

    A test may change them in place.
    """
    arrays = (
        units(rng, COUNT, 16).astype(np.float32),
        units(rng, COUNT, 49, 6).astype(np.float16),
        rng.random((COUNT, 49, 10)).astype(np.float16),
        np.full(COUNT, 20.0, np.float32),
    )
    monkeypatch.setattr(index, "arrays", lambda: arrays)
    return index, arrays


def by_loops(arrays: Arrays, survivors: int) -> list[list[int]]:
    """Rows of the references of each photo, as the two rankings are defined."""
    global_, local, histogram, chroma = (a.astype(np.float64) for a in arrays)
    found = []
    for row in range(COUNT):
        cosines = {
            r: float(global_[row] @ global_[r])
            for r in range(COUNT)
            if r != row and chroma[r] >= MIN_CHROMA
        }
        passed = sorted((r for r in cosines if cosines[r] < TWIN), key=lambda r: -cosines[r])[
            :survivors
        ]
        scores = {}
        for r in passed:
            features, correlations = [], []
            for cell in range(49):
                dots = local[r] @ local[row, cell]
                features.append(dots.max())
                correlations.append(
                    np.corrcoef(histogram[row, cell], histogram[r, dots.argmax()])[0, 1]
                )
            scores[r] = np.mean(features) + 0.25 * np.mean(correlations)
        found.append(sorted(scores, key=lambda r: -scores[r]))
    return found


def padded(rows: list[int], top_k: int) -> list[int]:
    return (rows + [-1] * top_k)[:top_k]


@pytest.mark.parametrize(("top_k", "survivors"), [(8, 32), (3, 32), (2, 4), (1, 1), (5, 3)])
def test_ranking_equals_loops(made: tuple[PhotoIndex, Arrays], top_k: int, survivors: int) -> None:
    index, arrays = made
    found = neighbours(index, top_k, survivors)
    assert found.shape == (COUNT, top_k)
    assert found.tolist() == [padded(rows, top_k) for rows in by_loops(arrays, survivors)]


def test_gray_photos_have_references_but_are_none(made: tuple[PhotoIndex, Arrays]) -> None:
    index, arrays = made
    arrays[3][[2, 5]] = [0.0, MIN_CHROMA - 0.01]
    arrays[3][6] = MIN_CHROMA
    found = neighbours(index)
    assert found.tolist() == [padded(rows, 8) for rows in by_loops(arrays, 32)]
    assert set(found.flatten().tolist()) == {-1, 0, 1, 3, 4, 6, 7}
    assert (found[2] >= 0).sum() == 6


def test_near_duplicates_are_left_out(made: tuple[PhotoIndex, Arrays]) -> None:
    index, arrays = made
    arrays[0][4] = arrays[0][1]  # the same photo twice
    turned = arrays[0][6] - (arrays[0][6] @ arrays[0][1]) * arrays[0][1]
    # similar, but not the same
    arrays[0][6] = 0.99 * arrays[0][1] + (1 - 0.99**2) ** 0.5 * turned / np.linalg.norm(turned)
    found = neighbours(index)
    assert found.tolist() == [padded(rows, 8) for rows in by_loops(arrays, 32)]
    assert 4 not in found[1] and 1 not in found[4]
    assert 6 in found[1] and 1 in found[6] and 6 in found[4]


def test_no_colorful_photo_is_no_reference_at_all(made: tuple[PhotoIndex, Arrays]) -> None:
    index, arrays = made
    arrays[3][:] = 0.0
    assert neighbours(index, 3).tolist() == [[-1] * 3] * COUNT
    arrays[3][3] = 10.0  # a single one is everybody's, but not its own
    assert neighbours(index, 2).tolist() == [
        [-1, -1] if row == 3 else [3, -1] for row in range(COUNT)
    ]


def test_photos_of_one_scene_find_each_other(index: PhotoIndex) -> None:
    rows = {index.path(row).stem: row for row in range(len(index))}
    found = neighbours(index)
    assert found[rows["motorcycle_left"], 0] == rows["motorcycle_right"]
    assert found[rows["motorcycle_right"], 0] == rows["motorcycle_left"]
    for row in range(len(index)):
        assert row not in found[row]


def test_copies_of_a_photo_in_a_library(photo_dir: Path, build: Build, tmp_path: Path) -> None:
    Image.open(photo_dir / "coffee.png").save(photo_dir / "copy of coffee.jpg", quality=95)
    Image.open(photo_dir / "coffee.png").convert("L").save(photo_dir / "gray coffee.png")
    build(photo_dir, tmp_path / "index")
    index = PhotoIndex.open(tmp_path / "index")
    rows = {index.path(row).stem: row for row in range(len(index))}
    found = neighbours(index)
    for name in ("coffee", "copy of coffee"):
        assert {rows["coffee"], rows["copy of coffee"]}.isdisjoint(found[rows[name]].tolist())
    assert rows["gray coffee"] not in found
