from pathlib import Path

import numpy as np
import pytest
from skimage.color import rgb2lab

from colorization.batch.request import PixelPoint, Request, parse_point, settings_hash
from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline


def test_points_are_read_and_placed() -> None:
    point = parse_point(" 120, 80,#c03020")
    assert (point.x, point.y) == (120, 80)
    expected = rgb2lab(np.array([[[0xC0, 0x30, 0x20]]], np.uint8))[0, 0, 1:]
    assert point.ab == pytest.approx(tuple(expected), abs=0.02)
    placed = point.on(np.zeros((160, 240, 3), np.uint8), Path("x.png"))
    assert (placed.x, placed.y) == pytest.approx((120.5 / 240, 80.5 / 160))


@pytest.mark.parametrize(
    "text", ["", "1,2", "1,2,3", "1,2,#12345", "1,2,#1234567", "1.5,2,#123456", "a,b,#123456"]
)
def test_points_written_otherwise_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="X,Y,#RRGGBB"):
        parse_point(text)


@pytest.mark.parametrize(("x", "y"), [(-1, 0), (0, -1), (10, 0), (0, 5)])
def test_points_outside_are_refused(x: int, y: int) -> None:
    with pytest.raises(ValueError, match=r"x\.png: the point .* outside the picture of 10x5"):
        PixelPoint(x, y, (0.0, 0.0)).on(np.zeros((5, 10, 3), np.uint8), Path("x.png"))


def test_settings_are_those_of_what_is_asked_for_wherever_it_lies(
    pipeline: ColorizationPipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    one, other = tmp_path / "one.png", tmp_path / "other.png"
    one.write_bytes(b"1")
    other.write_bytes(b"2")

    def settings(references: list[Path], palette: Path | None = None) -> str:
        return settings_hash(pipeline, Request(references, palette=palette), ColorizeOptions())

    both = settings([one, other])
    # the same files
    assert both == settings([Path("one.png"), tmp_path / ".." / tmp_path.name / "other.png"])
    asked = [
        both,
        settings([other, one]),
        settings([one], other),
        settings([one]),
        settings([], one),
        settings([]),
    ]
    assert len(set(asked)) == len(asked)
    one.write_bytes(b"3")
    assert settings([one, other]) != both
