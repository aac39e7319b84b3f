from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorization.network.hints import Point
from colorization.web.previews import parse_color, save_preview, shrunk, with_doubt, with_marks


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("#c03020", (192, 48, 32)),
        (" #FFF ", (255, 255, 255)),
        ("rgb(1, 2,3)", (1, 2, 3)),
        ("rgba(12.6, 0, 300.2, 1)", (13, 0, 255)),
    ],
)
def test_colors_as_browsers_write_them(text: str, wanted: tuple[int, int, int]) -> None:
    assert parse_color(text) == wanted


@pytest.mark.parametrize(
    "text", ["", "#12", "rgb(1,2)", "rgba(a,b,c,1)", "rgb(nan,0,0)", "url(http://x)"]
)
def test_what_is_no_color_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_color(text)


def test_previews_are_small_and_of_8_bits(tmp_path: Path) -> None:
    deep = np.full((200, 400, 3), 65535, np.uint16)
    small = shrunk(deep, 100)
    assert (small.shape, small.dtype, small.min()) == ((50, 100, 3), np.uint8, 255)
    assert shrunk(deep[:10, :20], 100).shape == (10, 20, 3)
    assert Image.open(save_preview(small, tmp_path / "new" / "a.jpg")).size == (100, 50)


def test_doubt_is_orange_and_trust_is_not() -> None:
    gray = np.full((40, 80, 3), 100, np.uint8)
    confidence = np.ones((4, 8), np.float32)
    confidence[:, :4] = 0.0
    tinted = with_doubt(gray, confidence).astype(int)
    assert (tinted[:, 60:] == 100).all()
    np.testing.assert_array_equal(
        tinted[20, 10], np.rint(0.25 * 100 + 0.75 * np.array([255, 140, 0]))
    )


def test_marks_are_where_the_points_are() -> None:
    gray = np.full((100, 200, 3), 100, np.uint8)
    marked = with_marks(gray, [Point(0.25, 0.5, (0.0, 0.0))], (0.75, 0.5))
    changed = (marked != gray).any(2)
    assert changed[45:56, 45:56].any() and changed[50, 150] and not changed[:, 70:130].any()
    assert not changed[50, 50]  # the color itself stays to be seen
    np.testing.assert_array_equal(with_marks(gray, [], None), gray)
