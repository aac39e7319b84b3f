import math

import numpy as np
import pytest

from colorization.evaluation.measures.recovery import (
    accuracy,
    recovered_accuracy,
    regained_accuracy,
)

TRUTH = np.array([0, 1, 2, 3])
GRAY = np.array([0, 9, 9, 9])


def test_accuracy_is_a_share() -> None:
    assert accuracy(GRAY, TRUTH) == 0.25
    with pytest.raises(ValueError, match="at least one"):
        accuracy(GRAY[:0], TRUTH[:0])


def test_recovered_by_hand() -> None:
    """Without labels the truth is right: gray 1/4, result 3/4, truth 1.

    (3/4 - 1/4) / (1 - 1/4) = 2/3.
    """
    assert recovered_accuracy(np.array([0, 1, 2, 9]), GRAY, TRUTH) == pytest.approx(2 / 3)
    assert recovered_accuracy(TRUTH, GRAY, TRUTH) == 1.0
    assert recovered_accuracy(GRAY, GRAY, TRUTH) == 0.0
    assert recovered_accuracy(np.array([9, 9, 9, 9]), GRAY, TRUTH) == pytest.approx(-1 / 3)


def test_labels_decide_where_they_are_given() -> None:
    """Labels 0, 1, 2, 7: truth 3/4, gray 1/4, result (0, 9, 2, 7) 3/4.

    It is right about a picture whose truth misleads.
    """
    assert recovered_accuracy(np.array([0, 9, 2, 7]), GRAY, TRUTH, np.array([0, 1, 2, 7])) == 1.0


def test_regained_by_hand() -> None:
    """Gray loses the last three.

    That a result loses the first one, too, is not this measure's matter.
    """
    assert regained_accuracy(np.array([0, 1, 2, 9]), GRAY, TRUTH) == pytest.approx(2 / 3)
    assert regained_accuracy(np.array([9, 1, 2, 9]), GRAY, TRUTH) == pytest.approx(2 / 3)
    assert regained_accuracy(GRAY, GRAY, TRUTH) == 0.0
    labels = np.array([0, 1, 2, 7])  # the truth misleads about the last: there is nothing to regain
    assert regained_accuracy(np.array([0, 1, 9, 7]), GRAY, TRUTH, labels) == 0.5


def test_where_gray_loses_nothing_there_is_nothing_to_recover() -> None:
    assert math.isnan(recovered_accuracy(GRAY, TRUTH, TRUTH))
    assert math.isnan(regained_accuracy(GRAY, TRUTH, TRUTH))
