"""Gray prints as people have them: toned, faded, with a border, on a table."""

import colorsys

import numpy as np
from PIL import Image

Tone = np.ndarray  # (256, 3), what each gray becomes


def toned(hue: float, saturation: float) -> Tone:
    """Black and white stay, what is between takes a hue (0..1)."""
    rgb = [colorsys.hls_to_rgb(hue, v / 255, saturation) for v in range(256)]
    return np.rint(255 * np.array(rgb))


def between(*points: tuple[int, tuple[int, int, int]]) -> Tone:
    """Colors of some grays, and straight lines between them."""
    grays, colors = zip(*points, strict=True)
    return np.stack(
        [np.interp(np.arange(256), grays, channel) for channel in zip(*colors, strict=True)], 1
    )


TONES = {
    **{f"sepia {s}": toned(1 / 12, s) for s in (0.08, 0.2, 0.35, 0.5, 0.6)},
    "warm sepia": toned(20 / 360, 0.4),
    "albumen": between((0, (45, 25, 20)), (128, (150, 115, 85)), (255, (245, 230, 195))),
    "cyanotype": between((0, (0, 25, 70)), (110, (30, 90, 150)), (255, (235, 245, 250))),
    "selenium": between((0, (30, 15, 25)), (128, (130, 118, 125)), (255, (255, 253, 250))),
    "purple": toned(0.78, 0.35),
    "green": toned(0.33, 0.3),
    "red chalk": between((0, (80, 15, 10)), (128, (190, 90, 70)), (255, (255, 240, 230))),
    "copper": between((0, (50, 20, 0)), (128, (185, 110, 80)), (255, (255, 225, 200))),
    "split: blue shadows, cream lights": between(
        (0, (10, 20, 60)), (110, (95, 105, 125)), (150, (160, 150, 135)), (255, (255, 245, 210))
    ),
    "yellowed paper": np.arange(256)[:, None] * np.array([1.0, 0.95, 0.82]),
}


def finished(rgb: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Grain, and whole numbers."""
    return np.clip(np.rint(rgb + rng.normal(0, 1.5, rgb.shape)), 0, 255).astype(np.uint8)


def unevenly_yellowed(gray: np.ndarray) -> np.ndarray:
    """The left side keeps its grays, the right one has yellowed."""
    share = np.linspace(0, 1, gray.shape[1])[None, :, None]
    return gray[..., None] * (1 - share * np.array([0.0, 0.08, 0.3]))


def bordered(rgb: np.ndarray, color: tuple[int, int, int], width: int) -> np.ndarray:
    """With a border on all sides."""
    height, across, _ = rgb.shape
    framed = np.empty((height + 2 * width, across + 2 * width, 3))
    framed[:] = color
    framed[width:-width, width:-width] = rgb
    return framed


def on_table(rgb: np.ndarray, turn: float, rng: np.random.Generator) -> np.ndarray:
    """Lying on brown wood, turned by some degrees."""
    height, width, _ = rgb.shape
    rows, columns = round(height * 1.5), round(width * 1.5)
    grain = np.cumsum(rng.normal(0, 1, (rows, 1, 1)), 0)
    wood = np.array([120, 80, 45]) * (
        1 + 0.12 * grain / np.abs(grain).max() + rng.normal(0, 0.05, (rows, columns, 1))
    )
    picture = Image.fromarray(np.clip(rgb, 0, 255).astype(np.uint8))
    table = Image.fromarray(np.clip(wood, 0, 255).astype(np.uint8))
    shape = Image.new("L", picture.size, 255).rotate(turn, expand=True)
    turned = picture.rotate(turn, Image.Resampling.BICUBIC, expand=True)
    table.paste(turned, ((columns - turned.width) // 2, (rows - turned.height) // 2), shape)
    return np.asarray(table).astype(float)
