import numpy as np
import pytest

from colorization.evaluation.measures.obedience import Obedience, obedience


def turned(ab: np.ndarray) -> np.ndarray:
    return np.stack((-ab[1], ab[0]))


def test_by_hand() -> None:
    rng = np.random.default_rng(0)
    warped = rng.normal(0, 30, (2, 4, 6))
    confidence = np.repeat([[0.9, 0.2]], 4, 0).repeat(3, 1)
    # the half that matches best takes 0.8 of what the reference lends, the rest takes 0.1
    share = np.where(confidence > 0.5, 0.8, 0.1)
    found = obedience(share * warped, share * turned(warped), warped, turned(warped), confidence)
    assert (found.best, found.rest) == pytest.approx((0.8, 0.1))


def test_a_result_that_does_not_care() -> None:
    rng = np.random.default_rng(0)
    result, warped = rng.normal(0, 30, (2, 2, 8, 8))
    found = obedience(result, result, warped, turned(warped), rng.random((8, 8)))
    assert found == Obedience(0.0, 0.0)


def test_gray_references_lend_nothing_to_turn() -> None:
    nothing = np.zeros((2, 4, 4))
    found = obedience(nothing, nothing, nothing, nothing, np.zeros((4, 4)))
    assert np.isnan((found.best, found.rest)).all()
