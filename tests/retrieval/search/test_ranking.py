import numpy as np
import pytest

from retrieval.search.ranking import Scores, local_ranking, num_survivors


def units(rng: np.random.Generator, *shape: int) -> np.ndarray:
    vectors = rng.standard_normal(shape).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def histograms(rng: np.random.Generator, *shape: int) -> np.ndarray:
    values = rng.random(shape).astype(np.float32)
    return values / values.sum(-1, keepdims=True)


@pytest.mark.parametrize(
    ("count", "top_k", "expected"),
    [
        (0, 5, 0),
        (1, 5, 1),
        (8, 5, 8),  # all of a small library, whatever is asked for
        (11, 1, 11),
        (100, 5, 100),
        (399, 5, 200),
        (1_000_000, 5, 200),
        (1_000_000, 300, 300),
        (250, 300, 250),
    ],
)
def test_num_survivors(count: int, top_k: int, expected: int) -> None:
    assert num_survivors(count, top_k) == expected


def test_total_by_hand() -> None:
    scores = Scores(np.float32([0.8, 0.5]), np.float32([0.4, -1.0]), np.zeros((2, 1), np.int64))
    np.testing.assert_allclose(scores.total, [0.9, 0.25])


def test_equals_loops(rng: np.random.Generator) -> None:
    query, local = units(rng, 9, 6), units(rng, 5, 9, 6)
    query_histogram, histogram = histograms(rng, 9, 10), histograms(rng, 5, 9, 10)
    scores = local_ranking(query, query_histogram, local, histogram)
    dots = np.einsum("qd,cpd->cqp", query, local)
    np.testing.assert_array_equal(scores.partners, dots.argmax(2))
    for candidate in range(5):
        features, correlations = [], []
        for cell in range(9):
            dots = [float(query[cell] @ local[candidate, other]) for other in range(9)]
            best = int(np.argmax(dots))
            features.append(dots[best])
            correlations.append(
                np.corrcoef(query_histogram[cell], histogram[candidate, best])[0, 1]
            )
        assert scores.feature[candidate] == pytest.approx(np.mean(features), abs=1e-5)
        assert scores.luminance[candidate] == pytest.approx(np.mean(correlations), abs=1e-5)


def test_a_picture_matches_itself_and_its_shuffled_cells(rng: np.random.Generator) -> None:
    query, histogram, order = units(rng, 49, 64), histograms(rng, 49, 10), rng.permutation(49)
    scores = local_ranking(
        query, histogram, np.stack((query, query[order])), np.stack((histogram, histogram[order]))
    )
    np.testing.assert_allclose(scores.feature, 1, atol=1e-5)
    np.testing.assert_allclose(scores.luminance, 1, atol=1e-5)
    np.testing.assert_allclose(scores.total, 1.25, atol=1e-5)


def test_luminance_by_hand() -> None:
    cell = np.float32([[1, 0]])
    light, dark, both = np.float32([[0, 1]]), np.float32([[1, 0]]), np.float32([[0.5, 0.5]])
    scores = local_ranking(cell, light, np.stack((cell, cell, cell)), np.stack((light, dark, both)))
    # the same, the opposite, and a flat histogram, which correlates with nothing
    np.testing.assert_allclose(scores.luminance, [1, -1, 0], atol=1e-6)
    np.testing.assert_allclose(scores.feature, [1, 1, 1])


def test_half_precision_as_stored_is_good_enough(rng: np.random.Generator) -> None:
    exact = (
        units(rng, 49, 64),
        histograms(rng, 49, 10),
        units(rng, 3, 49, 64),
        histograms(rng, 3, 49, 10),
    )
    stored = local_ranking(*(x.astype(np.float16) for x in exact))
    expected = local_ranking(*exact)
    np.testing.assert_allclose(stored.total, expected.total, atol=2e-3)
    assert np.diff(np.sort(expected.total)).min() > 0
