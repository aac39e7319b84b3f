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
        {"working_side": 100},  # no multiple of 32
        {"method": "magic"},
        {"vividness": -0.1},
        {"vividness": 1.1},
        {"faithfulness": -0.1},
        {"faithfulness": 1.1},
        {"saturation": -0.1},
        {"saturation": 4.1},
    ],
    ids=str,
)
def test_a_value_out_of_range_is_refused_by_name(wrong: dict[str, object]) -> None:
    (name,) = wrong
    with pytest.raises(ValueError, match=name):
        ColorizeOptions(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_values_that_are_not_finite_are_refused(value: float) -> None:
    """``--saturation nan`` reaches here; it would make every color NaN."""
    with pytest.raises(ValueError, match="saturation"):
        ColorizeOptions(saturation=value)


def test_the_limits_themselves_are_allowed() -> None:
    ColorizeOptions(top_k=1, working_side=64, vividness=0.0, faithfulness=0.0, saturation=0.0)
    ColorizeOptions(vividness=1.0, faithfulness=1.0, saturation=4.0)
