import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from colorization.evaluation.measures.delta_e import delta_e_2000


def test_delta_e_of_black_and_white() -> None:
    """Neutral: only L counts. Mean L 50 makes S_L = 1, so Delta E = 100 / 1."""
    black, white = np.zeros((2, 3, 3), np.uint8), np.full((2, 3, 3), 255, np.uint8)
    assert delta_e_2000(black, white) == pytest.approx(100.0, abs=0.01)
    assert delta_e_2000(black, black) == 0.0


def test_delta_e_is_the_mean_over_the_pixels(rng: np.random.Generator) -> None:
    truth, result = rng.integers(0, 256, (2, 3, 2, 3), dtype=np.uint8)
    single = [
        deltaE_ciede2000(rgb2lab(truth[y, x][None, None]), rgb2lab(result[y, x][None, None])).item()
        for y in range(3)
        for x in range(2)
    ]
    assert delta_e_2000(truth, result) == pytest.approx(np.mean(single), rel=1e-5)
