from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorization.inference.pictures.picture_arrays import shrunk
from colorization.web.editing.previews import parse_color, save_preview, with_doubt


def test_colors_as_browsers_write_them() -> None:
    assert parse_color("#c03020") == (192, 48, 32)
    assert parse_color(" #FFF ") == (255, 255, 255)


@pytest.mark.parametrize("text", ["", "#12", "rgb(1,2)", "rgb(nan,0,0)", "url(http://x)", "None"])
def test_what_is_no_color_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="color"):
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
