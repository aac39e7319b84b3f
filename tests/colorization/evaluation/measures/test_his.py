import numpy as np
import pytest
from skimage.color import rgb2lab

from colorization.evaluation.measures.his import CENTRES, color_histogram, histogram_intersection


def plain(ab: tuple[float, float], height: int = 2, width: int = 3) -> np.ndarray:
    return np.full((height, width, 2), ab, np.float64)


def test_a_color_on_a_centre_is_one_bin() -> None:
    """(0, 0) is centre 10 of -1, -0.9, ... 1 on both axes.

    (11, -22) is 0.1 and -0.2, centres 11 and 8.
    """
    for ab, place in (((0, 0), (10, 10)), ((11, -22), (11, 8)), ((110, -110), (20, 0))):
        found = color_histogram(plain(ab))
        assert found.shape == (CENTRES, CENTRES)
        assert found[place] == pytest.approx(1.0)
        assert found.sum() == pytest.approx(1.0)


def test_a_color_between_centres_is_shared() -> None:
    """(5.5, 2.75) is 0.05 and 0.025: half and half by a, 3/4 and 1/4 by b."""
    found = color_histogram(plain((5.5, 2.75)))
    assert found[10:12, 10:12] == pytest.approx(np.array([[0.375, 0.125], [0.375, 0.125]]))


def test_colors_beyond_the_range_go_to_the_border() -> None:
    assert color_histogram(plain((-150, 0)))[0, 10] == pytest.approx(1.0)


def test_against_all_441_triangles(pictures: dict[str, np.ndarray]) -> None:
    ab = rgb2lab(pictures["coffee"][::8, ::8])[..., 1:]
    centres = np.linspace(-1, 1, 21)
    votes = np.clip(1 - np.abs(ab.reshape(-1, 2)[:, :, None] / 110 - centres) / 0.1, 0, None)
    assert color_histogram(ab) == pytest.approx(
        np.einsum("na,nb->ab", votes[:, 0], votes[:, 1]) / len(votes)
    )


def test_identical_colors_score_one_wherever_they_lie(pictures: dict[str, np.ndarray]) -> None:
    ab = rgb2lab(pictures["chelsea"])[..., 1:]
    assert histogram_intersection(ab, ab[::-1, ::-1]) == pytest.approx(1.0)
    assert histogram_intersection(ab, np.repeat(ab, 2, 0)) == pytest.approx(1.0)


def test_disjoint_colors_score_zero_and_overlap_is_shared() -> None:
    """A reference half red, half gray and a gray result share the gray half."""
    assert histogram_intersection(plain((66, 44)), plain((0, 0))) == 0.0
    half = np.concatenate((plain((66, 44)), plain((0, 0))))
    assert histogram_intersection(half, plain((0, 0), 5, 5)) == pytest.approx(0.5)
    assert histogram_intersection(plain((0, 0), 5, 5), half) == pytest.approx(0.5)
