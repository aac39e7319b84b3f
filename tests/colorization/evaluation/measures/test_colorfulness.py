import math

import numpy as np
import pytest

from colorization.evaluation.measures.colorfulness import colorfulness, delta_of_means, mean_delta


def test_colorfulness_of_one_color() -> None:
    """(200, 100, 50): rg = 100, yb = 150 - 50 = 100, no variance; 0.3 sqrt(100² + 100²) = 42.43."""
    rgb = np.full((3, 3, 3), (200, 100, 50), np.uint8)
    assert colorfulness(rgb) == pytest.approx(0.3 * math.sqrt(2) * 100)


def test_colorfulness_keeps_the_signs_of_opponent_channels() -> None:
    """Red and green pixels: rg = ±255 (deviation 255, mean 0), yb = 127.5 twice.

    255 + 0.3 * 127.5 = 293.25.

    With absolute values first it would be 0.3 sqrt(255² + 127.5²) = 85.5.
    """
    rgb = np.array([[[255, 0, 0], [0, 255, 0]]], np.uint8)
    assert colorfulness(rgb) == pytest.approx(293.25)
    assert colorfulness(rgb.astype(np.float64)) == pytest.approx(293.25)


def test_greys_have_no_colorfulness(rng: np.random.Generator) -> None:
    gray = rng.integers(0, 256, (5, 6, 1), dtype=np.uint8)
    assert colorfulness(np.repeat(gray, 3, 2)) == 0.0


def test_pale_and_vivid_cancel_out_only_in_the_delta_of_means() -> None:
    """Results 10 and 50 for truths 20 and 30: means 30 and 25 differ by 5.

    Picture by picture (10 + 20) / 2 = 15.
    """
    results, truths = [10.0, 50.0], [20.0, 30.0]
    assert delta_of_means(results, truths) == pytest.approx(5.0)
    assert delta_of_means(truths, results) == pytest.approx(5.0)
    assert mean_delta(results, truths) == pytest.approx(15.0)


def test_the_delta_of_means_never_exceeds_the_mean_delta(rng: np.random.Generator) -> None:
    for _ in range(20):
        results, truths = (list(map(float, values)) for values in rng.random((2, 6)) * 80)
        assert delta_of_means(results, truths) <= mean_delta(results, truths) + 1e-12
        assert delta_of_means(results, results) == mean_delta(truths, truths) == 0.0


@pytest.mark.parametrize("results", [[], [1.0, 2.0]])
@pytest.mark.parametrize("measure", [delta_of_means, mean_delta])
def test_sets_must_match(measure, results: list[float]) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match="as many results as truths"):
        measure(results, results[:1])
