import re

import pytest

from colorization.web.editing.color_names import NAMED, color_name


@pytest.mark.parametrize(
    ("rgb", "name"),
    [
        ((0, 0, 0), "black"),
        ((128, 128, 128), "gray"),
        ((255, 255, 255), "white"),
        ((122, 74, 46), "brown"),
        ((178, 34, 34), "red"),
        ((255, 165, 0), "orange"),
        ((0, 0, 255), "blue"),  # of the hue angle that is purple where colors are less strong
        ((135, 206, 235), "light blue"),
        ((125, 118, 200), "light purple"),
        ((86, 125, 70), "green"),
        ((224, 172, 140), "beige"),
    ],
)
def test_colors_are_called_as_people_do(rgb: tuple[int, int, int], name: str) -> None:
    assert color_name(rgb) == name


def test_each_color_of_the_table_has_its_own_name() -> None:
    for name, colors in NAMED.items():
        for color in colors:
            assert re.fullmatch("#[0-9a-f]{6}", color)
            red, green, blue = bytes.fromhex(color[1:])
            assert color_name((red, green, blue)) == name
