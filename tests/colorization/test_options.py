import dataclasses
import math

import pytest

from colorization.options import ColorizeOptions


def test_defaults_are_valid_frozen_and_documented() -> None:
    options = ColorizeOptions()
    assert ColorizeOptions(**dataclasses.asdict(options)) == options
    with pytest.raises(dataclasses.FrozenInstanceError):
        options.top_k = 3  # type: ignore[misc]
    for field in dataclasses.fields(options):
        assert f"{field.name}:" in (ColorizeOptions.__doc__ or "")


@pytest.mark.parametrize(
    "wrong",
    [
        {"top_k": 0},
        {"top_k": -1},
        {"working_side": 48},  # below 64
        {"working_side": 100},  # no multiple of 16
        {"temperature": 0.0},
        {"temperature": -0.1},
        {"rank_weight": -0.1},
        {"caution": -0.1},
        {"edge_radius": 1},
        {"edge_epsilon": 0.0},
        {"edge_epsilon": 1e-5},
    ],
    ids=str,
)
def test_a_value_out_of_range_is_refused_by_name(wrong: dict[str, float]) -> None:
    (name,) = wrong
    with pytest.raises(ValueError, match=name):
        ColorizeOptions(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_values_that_are_not_finite_are_refused(value: float) -> None:
    """``--caution nan`` reaches here; it would make every color NaN."""
    with pytest.raises(ValueError, match="caution"):
        ColorizeOptions(caution=value)


@pytest.mark.parametrize("wrong", [(0.9, 0.7), (0.8, 0.8)], ids=str)
def test_a_range_that_does_not_rise_is_refused(wrong: tuple[float, float]) -> None:
    """Fine matches are weighed by (similarity - low) / (high - low)."""
    with pytest.raises(ValueError, match="detail_range"):
        ColorizeOptions(detail_range=wrong)


def test_the_limits_themselves_are_allowed() -> None:
    ColorizeOptions(top_k=1, working_side=64, caution=0.0, edge_radius=2)
