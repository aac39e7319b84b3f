from pathlib import Path

import numpy as np
import pytest
import torch

from similarity.backbone.map_statistics import (
    SMALLEST,
    Moments,
    load_statistics,
    save_statistics,
)


def test_by_hand() -> None:
    """Channel one holds 0, 2, 4, 6: mean 3, mean square 14, deviation sqrt(14 - 9).

    Channel two is 7.
    """
    moments = Moments()
    first = torch.tensor([[[0.0, 2.0], [4.0, 6.0]], [[7.0, 7.0], [7.0, 7.0]]])
    moments.add({"stride8": first[None]})
    mean, deviation = moments.statistics()["stride8"]
    assert mean.shape == deviation.shape == (1, 2, 1, 1)
    assert mean.flatten().tolist() == [3.0, 7.0]
    assert deviation.flatten().tolist() == pytest.approx([5**0.5, SMALLEST])


def test_many_pictures_equal_numpy() -> None:
    moments, seen = Moments(), []
    for _ in range(5):
        values = torch.randn(2, 3, 4, 6) * 5 + 100  # far from 0, where sums of squares are delicate
        moments.add({"a": values, "b": values[..., :2] - 100})
        seen.append(values.numpy())
    for layer, wanted in (
        ("a", np.concatenate(seen)),
        ("b", np.concatenate(seen)[..., :2] - 100),
    ):
        mean, deviation = moments.statistics()[layer]
        np.testing.assert_allclose(mean.flatten(), wanted.mean((0, 2, 3)), rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(deviation.flatten(), wanted.std((0, 2, 3)), rtol=1e-4)


def test_pictures_count_alike_whatever_their_size() -> None:
    """A map of many cells has no more say than one of few: of 0 and 6, the mean is 3."""
    moments = Moments()
    moments.add({"a": torch.zeros(1, 1, 8, 8)})
    moments.add({"a": torch.full((1, 1, 2, 2), 6.0)})
    mean, deviation = moments.statistics()["a"]
    assert (float(mean), float(deviation)) == (3.0, 3.0)


def test_what_was_measured_has_mean_0_and_deviation_1() -> None:
    moments, values = Moments(), torch.randn(4, 3, 8, 8) * 7 - 20
    moments.add({"a": values})
    mean, deviation = moments.statistics()["a"]
    standardised = (values - mean) / deviation
    torch.testing.assert_close(standardised.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(standardised.square().mean((0, 2, 3)), torch.ones(3))


def test_nothing_counted_is_nothing() -> None:
    assert Moments().statistics() == {}


def test_round_trip(tmp_path: Path) -> None:
    moments = Moments()
    moments.add({"stride8": torch.randn(2, 40, 4, 4), "stride4": torch.randn(2, 24, 8, 8)})
    path = save_statistics("net", moments.statistics(), tmp_path)
    assert path == tmp_path / "net-statistics.safetensors"
    assert path.stat().st_mode & 0o777 == 0o644
    found = load_statistics("net", tmp_path)
    assert found is not None and set(found) == {"stride8", "stride4"}
    for layer, pair in moments.statistics().items():
        for ours, wanted in zip(found[layer], pair, strict=True):
            assert torch.equal(ours, wanted)


def test_a_backbone_without_any(tmp_path: Path) -> None:
    assert load_statistics("net", tmp_path) is None


@pytest.mark.parametrize("damage", [b"", b"not statistics\n" * 9, None])
def test_damaged_statistics_are_told(tmp_path: Path, damage: bytes | None) -> None:
    path = save_statistics("net", {"a": (torch.ones(1, 2, 1, 1),) * 2}, tmp_path)
    path.write_bytes(path.read_bytes()[:-3] if damage is None else damage)
    with pytest.raises(
        ValueError, match=r"net-statistics\.safetensors: damaged \(.*; reinstall rechroma"
    ):
        load_statistics("net", tmp_path)
