import numpy as np
import pytest
import scipy.linalg

from colorization.evaluation.measures.frechet import frechet_distance


def test_one_dimension_by_hand() -> None:
    """Means 2 and 10, deviations (n - 1) of (0, 2, 4) and (6, 10, 14): 2 and 4.

    (10 - 2)² + (4 - 2)² = 68.
    """
    first, second = np.array([[0.0], [2.0], [4.0]]), np.array([[6.0], [10.0], [14.0]])
    assert frechet_distance(first, second) == pytest.approx(68.0)


def test_a_shift_counts_squared(rng: np.random.Generator) -> None:
    first = rng.normal(size=(30, 4))
    assert frechet_distance(first, first + np.array([3.0, 4.0, 0, 0])) == pytest.approx(25.0)
    assert frechet_distance(first, first) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(
    "counts", [(60, 45), (60, 5), (5, 4)], ids=["full rank", "one deficient", "both deficient"]
)
def test_against_the_matrix_root_of_scipy(
    rng: np.random.Generator, counts: tuple[int, int]
) -> None:
    first, second = (
        rng.normal(size=(count, 6)) @ rng.normal(size=(6, 6)) + rng.normal(size=6)
        for count in counts
    )
    one, two = (np.cov(x, rowvar=False) for x in (first, second))
    root = scipy.linalg.sqrtm(one @ two + 1e-13 * np.eye(6)).real
    wanted = np.square(first.mean(0) - second.mean(0)).sum() + np.trace(one + two - 2 * root)
    assert frechet_distance(first, second) == pytest.approx(wanted, rel=1e-4)
    assert frechet_distance(second, first) == pytest.approx(frechet_distance(first, second))


def test_turning_the_space_changes_nothing(rng: np.random.Generator) -> None:
    first, second = rng.normal(size=(20, 5)), rng.normal(size=(12, 5)) * 3
    turn = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    assert frechet_distance(first @ turn, second @ turn) == pytest.approx(
        frechet_distance(first, second)
    )


def test_single_precision_and_large_offsets_keep_it_from_falling_below_zero(
    rng: np.random.Generator,
) -> None:
    first = (rng.normal(size=(8, 40)) + 100).astype(np.float32)
    assert frechet_distance(first, first[::-1].copy()) == pytest.approx(0.0, abs=1e-6)
    assert frechet_distance(first, first[::-1].copy()) >= 0


def test_one_picture_has_no_spread() -> None:
    with pytest.raises(ValueError, match="at least two pictures a set, not 1 and 3"):
        frechet_distance(np.zeros((1, 2)), np.zeros((3, 2)))
