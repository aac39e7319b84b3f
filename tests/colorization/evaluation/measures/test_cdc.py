import math

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon

from colorization.evaluation.measures.cdc import (
    channel_histograms,
    color_distribution_consistency,
    jensen_shannon,
)


def plain(*color: int) -> np.ndarray:
    return np.full((4, 6, 3), color, np.uint8)


def test_divergence_of_distributions_without_overlap_is_ln_2() -> None:
    """Against the middle (1/2, 1/2) each has 1 * ln(1 / (1/2)) = ln 2, and their mean is ln 2."""
    assert jensen_shannon(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])) == pytest.approx(
        math.log(2)
    )


def test_divergence_by_hand() -> None:
    """(1, 0) and (1/2, 1/2): middle (3/4, 1/4).

    (ln(4/3) + (ln(2/3) + ln 2) / 2) / 2 = (ln(4/3) + ln(4/3) / 2) / 2.
    """
    found = jensen_shannon(np.array([[1.0, 0.0]]), np.array([[0.5, 0.5]]))
    assert found == pytest.approx(0.75 * math.log(4 / 3))


def test_divergence_is_the_square_of_scipys_distance(rng: np.random.Generator) -> None:
    first, second = rng.random((2, 3, 256))
    first, second = (x / x.sum(1, keepdims=True) for x in (first, second))
    np.testing.assert_allclose(
        jensen_shannon(first, second), jensenshannon(first, second, axis=1) ** 2
    )


def test_histograms_are_shares_of_each_channel() -> None:
    rgb = np.zeros((1, 4, 3), np.uint8)
    rgb[0, :, 0], rgb[0, :, 1] = [0, 0, 255, 7], 9
    shares = channel_histograms(rgb)
    assert (shares[0, 0], shares[0, 255], shares[0, 7], shares[1, 9], shares[2, 0]) == (
        0.5,
        0.25,
        0.25,
        1.0,
        1.0,
    )
    np.testing.assert_allclose(shares.sum(1), 1)


def test_a_still_film_scores_zero_and_one_frame_nothing() -> None:
    assert color_distribution_consistency([plain(1, 2, 3)] * 6) == 0.0
    assert math.isnan(color_distribution_consistency([plain(1, 2, 3)]))
    assert math.isnan(color_distribution_consistency([]))


def test_one_change_by_hand() -> None:
    """Red changes between frames 2 and 3 of 6, the others stand.

    JS is ln 2 / 3 for each pair over the change.

    Of 5 pairs one apart 1 is over it, of 4 two apart 2, of 2 four apart 2: (1/5 + 2/4 + 2/2) / 3 *
        ln 2 / 3. Of the 3 pairs
    that are three apart, which do not count, only 2 are.
    """
    film = [plain(10, 5, 5)] * 2 + [plain(20, 5, 5)] * 4
    assert color_distribution_consistency(iter(film)) == pytest.approx(
        (1 / 5 + 2 / 4 + 2 / 2) / 3 * math.log(2) / 3
    )


def test_flicker_scores_worse_than_drift(rng: np.random.Generator) -> None:
    """The same frames, in order of their brightness and shuffled."""
    base = np.repeat(np.arange(50, 178, dtype=np.uint8)[None, :, None], 3, 2)
    drift = [base + np.uint8(i) for i in range(20)]
    flicker = [drift[i] for i in rng.permutation(20)]
    assert color_distribution_consistency(flicker) > 1.5 * color_distribution_consistency(drift) > 0


def test_short_films_leave_out_steps_they_do_not_have() -> None:
    """Two frames: only one apart."""
    assert color_distribution_consistency([plain(0, 0, 0), plain(1, 1, 1)]) == pytest.approx(
        math.log(2)
    )
