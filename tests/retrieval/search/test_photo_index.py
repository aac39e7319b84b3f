from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from index_state import everything
from PIL import Image

from retrieval.building.builder import BuildOptions, build_index
from retrieval.building.changes import BuildReport
from retrieval.extraction.extractor import glance
from retrieval.photos.prints.tone_curve import MIN_CHROMA
from retrieval.search import photo_index as module
from retrieval.search.photo_index import PhotoIndex
from retrieval.storage.descriptors import Descriptors
from retrieval.storage.manifest import read_manifest
from retrieval.storage.shards import ShardReader
from similarity.backbone.backbone import Backbone

Build = Callable[..., BuildReport]


def by_loops(
    stored: Descriptors, query: Descriptors, rows: list[int], keep: int
) -> list[tuple[int, float, float, float, float]]:
    """(row, total, global, feature, luminance), best first.

    The two rankings as they are defined.
    """
    cosines = {
        row: float(stored.global_[row].astype(np.float32) @ query.global_[0].astype(np.float32))
        for row in rows
    }
    found = []
    for row in sorted(rows, key=lambda r: -cosines[r])[:keep]:
        features, correlations = [], []
        for cell in range(49):
            dots = stored.local[row].astype(np.float32) @ query.local[0, cell].astype(np.float32)
            best = int(dots.argmax())
            features.append(dots[best])
            pair = (
                query.histogram[0, cell].astype(np.float64),
                stored.histogram[row, best].astype(np.float64),
            )
            correlations.append(np.corrcoef(*pair)[0, 1])
        feature, luminance = float(np.mean(features)), float(np.mean(correlations))
        found.append((row, feature + 0.25 * luminance, cosines[row], feature, luminance))
    return sorted(found, key=lambda f: -f[1])


@pytest.mark.parametrize("top_k", [1, 3, 5])
def test_ranking_equals_loops(
    index: PhotoIndex,
    index_dir: Path,
    backbone: Backbone,
    pictures: dict[str, np.ndarray],
    top_k: int,
) -> None:
    extractor, stored = index.extractor(backbone), everything(index_dir)
    query = glance(np.ascontiguousarray(pictures["motorcycle_left"][:, ::-1]))
    rows = [row for row in range(8) if stored.chroma[row] >= MIN_CHROMA]
    found = index.rank(extractor.describe([query]), top_k)
    keep = max(top_k, -(-len(rows) // 2))
    expected = by_loops(stored, extractor.describe([query]), rows, keep)[:top_k]
    assert [f.path for f in found] == [index.path(row) for row, *_ in expected]
    numbers = [(f.score, f.global_score, f.feature_score, f.luminance_score) for f in found]
    np.testing.assert_allclose(numbers, [e[1:] for e in expected], atol=2e-3)


def test_each_photo_finds_itself_whatever_shard_it_is_in(
    index: PhotoIndex, backbone: Backbone, pictures: dict[str, np.ndarray], library_dir: Path
) -> None:
    assert len(index.manifest.shards) == 3
    extractor = index.extractor(backbone)
    for name in (
        "astronaut",
        "chelsea",
        "coffee",
        "motorcycle_left",
        "motorcycle_right",
        "rocket",
        "retina",
    ):
        best = index.rank(extractor.describe([glance(pictures[name])]), top_k=2)[0]
        folder = library_dir / "sub" if name == "motorcycle_right" else library_dir
        assert best.path == folder / f"{name}.png"
        assert best.global_score == pytest.approx(1, abs=0.005)
        assert best.feature_score == pytest.approx(1, abs=0.01)


def test_scores_fall_and_add_up(
    index: PhotoIndex, backbone: Backbone, pictures: dict[str, np.ndarray]
) -> None:
    found = index.rank(index.extractor(backbone).describe([glance(pictures["coffee"])]), top_k=7)
    scores = [f.score for f in found]
    assert scores == sorted(scores, reverse=True)
    assert len({f.path for f in found}) == len(found)
    for f in found:
        assert f.score == pytest.approx(f.feature_score + 0.25 * f.luminance_score, abs=1e-6)
        assert -1 <= f.luminance_score <= 1.001


def test_fewer_photos_than_asked(
    index: PhotoIndex, backbone: Backbone, pictures: dict[str, np.ndarray]
) -> None:
    usable = int((index._chroma >= MIN_CHROMA).sum())
    assert (
        len(index.rank(index.extractor(backbone).describe([glance(pictures["coffee"])]), top_k=100))
        == usable
    )


@pytest.mark.parametrize("top_k", [0, -3])
def test_top_k_must_be_positive(
    index: PhotoIndex, backbone: Backbone, pictures: dict[str, np.ndarray], top_k: int
) -> None:
    with pytest.raises(ValueError, match=f"top_k must be at least 1, not {top_k}"):
        index.rank(index.extractor(backbone).describe([glance(pictures["coffee"])]), top_k)


def test_gray_photos_are_never_recommended(
    tmp_path: Path,
    backbone: Backbone,
    build: Build,
    pictures: dict[str, np.ndarray],
    gray_pictures: dict[str, np.ndarray],
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in ("coffee", "chelsea", "rocket"):
        Image.fromarray(gray_pictures[name]).save(photos / f"gray_{name}.png")
    Image.fromarray(gray_pictures["coffee"]).convert("RGB").save(
        photos / "gray_in_three_channels.png"
    )
    build(photos, tmp_path / "index")
    index = PhotoIndex.open(tmp_path / "index")
    assert len(index) == 4
    assert index.rank(index.extractor(backbone).describe([glance(pictures["coffee"])])) == []
    Image.fromarray(pictures["retina"]).save(photos / "retina.png")
    build(photos, tmp_path / "index")
    index = PhotoIndex.open(tmp_path / "index")
    found = index.rank(
        index.extractor(backbone).describe(
            [glance(gray_pictures["coffee"][..., None].repeat(3, 2))]
        )
    )
    # although the same gray picture lies in the library
    assert [f.path.name for f in found] == ["retina.png"]


def test_same_class_searches_the_querys_class_or_else_all(
    index: PhotoIndex, backbone: Backbone, pictures: dict[str, np.ndarray]
) -> None:
    extractor, query = index.extractor(backbone), glance(pictures["coffee"])
    label = extractor.describe([query]).label[0]
    index._label = np.full(8, label + 1, np.int16)
    index._label[[1, 4]] = label
    index.gray[[1, 4]] = False
    found = index.rank(extractor.describe([query]), same_class=True)
    assert {f.path for f in found} == {index.path(1), index.path(4)}
    index._label[:] = label + 1
    assert index.rank(extractor.describe([query]), same_class=True) == index.rank(
        extractor.describe([query])
    )
    index._label[1], index.gray[1] = label, True  # the only one of the class is gray
    assert index.rank(extractor.describe([query]), same_class=True) == index.rank(
        extractor.describe([query])
    )


def test_moved_photos_are_still_recommended_under_their_old_path(
    photo_dir: Path,
    own_index: Path,
    tmp_path: Path,
    backbone: Backbone,
    pictures: dict[str, np.ndarray],
) -> None:
    photo_dir.rename(tmp_path / "moved")
    index = PhotoIndex.open(own_index)
    best = index.rank(index.extractor(backbone).describe([glance(pictures["coffee"])]))[0]
    assert best.path == photo_dir / "coffee.png"


def test_histograms_come_by_shard_and_their_memory_is_given_back(
    index: PhotoIndex, index_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    released: list[ShardReader] = []
    monkeypatch.setattr(ShardReader, "release", lambda self: released.append(self))
    parts = list(index.histograms())
    np.testing.assert_array_equal(np.concatenate(parts), everything(index_dir).histogram)
    assert [len(part) for part in parts] == [3, 3, 2]
    assert len(set(released)) == 3


def test_rows_are_those_of_the_shards(
    index: PhotoIndex, index_dir: Path, backbone: Backbone, pictures: dict[str, np.ndarray]
) -> None:
    assert len(read_manifest(index_dir).shards) > 1
    stored, extractor = everything(index_dir), index.extractor(backbone)
    global_ = stored.global_.astype(np.float32)
    for row in range(len(index)):
        own = extractor.describe([glance(pictures[index.path(row).stem])])
        assert int((global_ @ own.global_[0].astype(np.float32)).argmax()) == row
        np.testing.assert_allclose(stored.chroma[row], own.chroma[0], rtol=0.02)


@pytest.fixture(scope="module")
def twins_dir(
    tmp_path_factory: pytest.TempPathFactory, pictures: dict[str, np.ndarray], backbone: Backbone
) -> Path:
    """An index of coffee six times, recompressed and brightened, and of three other photos."""
    folder = tmp_path_factory.mktemp("twins")
    (folder / "photos").mkdir()
    for i in range(6):
        Image.fromarray(pictures["coffee"]).point(lambda x, i=i: x * (1 + i / 50)).save(
            folder / "photos" / f"coffee{i}.png"
        )
    for name in ("chelsea", "rocket", "motorcycle_left"):
        Image.fromarray(pictures[name]).save(folder / "photos" / f"{name}.png")
    Image.fromarray(pictures["chelsea"]).save(folder / "photos" / "chelsea_again.jpg", quality=80)
    build_index(
        [folder / "photos"], folder / "index", backbone, BuildOptions(workers=0, shard_photos=4)
    )
    return folder / "index"


def kinds(found: list[module.Recommendation]) -> list[str]:
    return [f.path.stem.rstrip("0123456789").removesuffix("_again") for f in found]


@pytest.mark.parametrize("top_k", [1, 2, 3, 4])
def test_of_near_duplicates_the_best_is_recommended_and_the_others_places_are_filled(
    twins_dir: Path, backbone: Backbone, pictures: dict[str, np.ndarray], top_k: int
) -> None:
    index = PhotoIndex.open(twins_dir)
    found = index.rank(index.extractor(backbone).describe([glance(pictures["coffee"])]), top_k)
    assert len(found) == top_k
    assert found[0].path.name == "coffee0.png"
    assert len(set(kinds(found))) == top_k
    assert [f.score for f in found] == sorted((f.score for f in found), reverse=True)


def test_fewer_kinds_of_photos_than_asked(
    twins_dir: Path, backbone: Backbone, pictures: dict[str, np.ndarray]
) -> None:
    index = PhotoIndex.open(twins_dir)
    found = index.rank(index.extractor(backbone).describe([glance(pictures["rocket"])]), top_k=9)
    assert sorted(kinds(found)) == ["chelsea", "coffee", "motorcycle_left", "rocket"]


def test_a_copy_is_recommended_where_the_query_is_no_photo_of_the_index(
    twins_dir: Path, backbone: Backbone, pictures: dict[str, np.ndarray]
) -> None:
    index = PhotoIndex.open(twins_dir)
    query = glance(np.ascontiguousarray(pictures["coffee"][:, ::-1]))
    assert sorted(kinds(index.rank(index.extractor(backbone).describe([query]), 4))) == [
        "chelsea",
        "coffee",
        "motorcycle_left",
        "rocket",
    ]


def test_photos_whose_colors_are_believed_come_first(
    index: PhotoIndex, index_dir: Path, backbone: Backbone, pictures: dict[str, np.ndarray]
) -> None:
    extractor, stored = index.extractor(backbone), everything(index_dir)
    query, asked = glance(pictures["coffee"]), []

    def belief(lent: np.ndarray) -> np.ndarray:
        asked.append(lent)
        return -100 * (np.abs(lent.astype(np.float32)).mean((1, 2)) > least)

    least = np.inf
    plain = index.rank(extractor.describe([query]), 3)
    assert [one.color_score for one in plain] == [0.0] * 3
    chroma = {
        index.path(row): np.abs(stored.color[row].astype(np.float32)).mean() for row in range(8)
    }
    least = float(
        np.median([chroma[one.path] for one in index.rank(extractor.describe([query]), 8)])
    )
    believed = index.rank(extractor.describe([query]), 8, belief=belief)
    assert len(asked) == 1 and asked[0].shape[1:] == (49, 2) and asked[0].dtype == np.int8
    scores = [one.color_score for one in believed]
    assert set(scores) == {0.0, -100.0}
    assert scores == sorted(scores, reverse=True)
    # how alike they are does not depend on it
    alike = {one.path: one.score for one in index.rank(extractor.describe([query]), 8)}
    assert {one.path: one.score for one in believed} == alike
