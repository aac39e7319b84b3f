"""HDR curves at points that the recommendations name."""

import numpy as np
import pytest

from retrieval.photos.color.hdr_curves import HLG, PQ, to_light, tone_mapped


@pytest.mark.parametrize(
    ("transfer", "signal", "nits"),
    [(PQ, 0.0, 0), (PQ, 0.508078, 100), (PQ, 0.58069, 203), (PQ, 0.751827, 1000), (PQ, 1.0, 10_000),
     (HLG, 0.0, 0), (HLG, 0.75, 203), (HLG, 1.0, 1000)],
)  # fmt: skip
def test_light(transfer: int, signal: float, nits: float) -> None:
    """ITU-R BT.2100 and BT.2408, table 1."""
    assert 203 * to_light(np.array(signal), transfer) == pytest.approx(nits, rel=0.01, abs=0.01)


def test_the_tone_curve() -> None:
    """In proportion up to 0.6, smooth there, rising everywhere, below white."""
    light = np.linspace(0, 20, 2001)
    shown = tone_mapped(light)
    np.testing.assert_allclose(shown[light <= 0.75], 0.8 * light[light <= 0.75])
    assert (np.diff(shown[light < 10]) > 0).all() and shown.max() <= 1
    assert np.abs(np.diff(shown, 2)).max() < 1e-3
