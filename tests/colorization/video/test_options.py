import pytest

from colorization.video.options import FilmOptions


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("quality", -1),
        ("quality", 52),
        ("frame_rate", 0.0),
        ("frame_rate", 0.0001),
        ("frame_rate", float("nan")),
        ("smoothing", 1.1),
        ("min_scene", 0),
        ("segment_frames", 0),
    ],
)
def test_values_out_of_range_are_named(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=name):
        FilmOptions(**{name: value})  # type: ignore[arg-type]
