"""Colors in words, for whoever does not see them."""

from functools import cache

import numpy as np

from similarity.color.lab import as_tensor, rgb_to_lab

# colors of photographs as people call them; several of one name where it reaches far
NAMED = {
    "black": ("#0a0a0a",),
    "dark gray": ("#3c3c3c", "#55544f"),
    "gray": ("#808080", "#6d6c68", "#8e8a84"),
    "light gray": ("#b4b4b4", "#cfcbc5"),
    "white": ("#f7f7f5",),
    "dark red": ("#5a1a1c", "#7c1c1c", "#722f37"),
    "red": ("#b22222", "#e02020", "#a04040", "#e05045"),
    "light red": ("#d07070", "#c4605c"),
    "dark pink": ("#a0506c", "#bb6888"),
    "pink": ("#f080a8", "#e8a0b4", "#ff50b0"),
    "pale pink": ("#f3d0d4",),
    "dark brown": ("#3a2a20", "#4a3320", "#33261e"),
    "brown": ("#7a4a2e", "#8b5a2b", "#6b4f3a", "#a0522d", "#856448"),
    "light brown": ("#b07258", "#b48a60", "#a58b6f", "#c69c6d"),
    "beige": ("#d2b48c", "#ddc9a8", "#e0ac8c", "#f0e4d0"),
    "orange": ("#e08020", "#ffa500", "#d2691e"),
    "light orange": ("#f5b87a",),
    "dark yellow": ("#b08000", "#c8a030"),
    "yellow": ("#f0d020", "#ffff20", "#ffd700"),
    "pale yellow": ("#f0e8a0", "#f8f4c0"),
    "dark olive": ("#3f3f20",),
    "olive": ("#808000", "#6b6b3c", "#8c8c48"),
    "dark green": ("#203a20", "#1e4a2c", "#005000"),
    "green": ("#3c8c3c", "#567d46", "#008000", "#4a9060"),
    "light green": ("#90c878", "#40e040", "#a8c8a0"),
    "teal": ("#008080", "#3c7878", "#204848"),
    "turquoise": ("#40d0d0", "#80c8c8"),
    "dark blue": ("#1c2a4c", "#000080", "#2c3a5c"),
    "blue": ("#3c64a0", "#2040ff", "#4682b4", "#4169e1", "#6080a0"),
    "light blue": ("#87b8e0", "#87ceeb", "#a8bccc"),
    "dark purple": ("#3c2044", "#4b0082"),
    "purple": ("#800080", "#7a4a8c", "#d020d0", "#6a5acd"),
    "light purple": ("#9c8ac8", "#8078c8", "#c8a0d8", "#c8b8d8"),
}


def color_name(rgb: tuple[int, int, int]) -> str:
    """Name a color as people do: ``dark brown``, ``light blue``, ``gray``.

    Args:
        rgb: sRGB, 0..255.
    """
    names, anchors = _anchors()
    return names[int(np.linalg.norm(anchors - _lab([rgb]), axis=1).argmin())]


@cache
def _anchors() -> tuple[list[str], np.ndarray]:
    """The name of each color of the table, and its Lab, (colors, 3)."""
    pairs = [(name, color) for name, colors in NAMED.items() for color in colors]
    rgb = [tuple(bytes.fromhex(color[1:])) for _, color in pairs]
    return [name for name, _ in pairs], _lab(rgb)


def _lab(rgb: list[tuple[int, ...]]) -> np.ndarray:
    """Lab of colors, (colors, 3)."""
    lab: np.ndarray = rgb_to_lab(as_tensor(np.array([rgb], np.uint8))).flatten(1).T.numpy()
    return lab
