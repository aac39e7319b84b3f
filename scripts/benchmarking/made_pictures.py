"""Pictures to measure with, made of those that come with scikit-image."""

from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image
from skimage import data

SIZES = {"256 px": (256, 341), "1 MP": (866, 1155), "12 MP": (3000, 4000)}
PICTURES = (
    "astronaut",
    "chelsea",
    "coffee",
    "rocket",
    "stereo_motorcycle",
    "hubble_deep_field",
    "retina",
)
CORPUS = 240  # photos of the corpus
# columns of the reference: of another shape than the pictures, as references are
PORTRAIT = slice(100, 450)


def make_pictures(folder: Path) -> None:
    """Make gray pictures of each size, a reference, and a corpus of crops.

    All are of the pictures that come with scikit-image.
    """
    left, right, _ = data.stereo_motorcycle()
    Image.fromarray(right[:, PORTRAIT]).save(folder / "reference.jpg", quality=95)
    for name, (height, width) in SIZES.items():
        Image.fromarray(left).convert("L").resize((width, height), Image.Resampling.BICUBIC).save(
            folder / f"{name}.jpg", quality=95
        )
    rng, corpus = np.random.default_rng(0), folder / "corpus"
    corpus.mkdir()
    sources = [right if n == "stereo_motorcycle" else getattr(data, n)()[..., :3] for n in PICTURES]
    for i in range(CORPUS):
        source = sources[i % len(sources)]
        y, x = (int(rng.integers(0, n - 199)) for n in source.shape[:2])
        Image.fromarray(source[y : y + 200, x : x + 266]).save(corpus / f"{i:04}.jpg", quality=90)


def make_scans(folder: Path, megapixels: float) -> list[str]:
    """Make scans with the noise of film: 16-bit TIFFs, LZW in tiles, and an 8-bit gray JPEG.

    Args:
        folder: where they go, with a reference for them.
        megapixels: of each.

    Returns:
        Their names; one of the TIFFs is gray, the other in color with alpha.
    """
    left, right, _ = data.stereo_motorcycle()
    Image.fromarray(right[:, PORTRAIT]).save(folder / "reference.jpg", quality=95)
    height = round((megapixels * 1e6 / 1.5) ** 0.5)
    size = round(height * 1.5), height
    gray = np.asarray(Image.fromarray(left).convert("L").resize(size, Image.Resampling.BICUBIC))
    Image.fromarray(gray).save(folder / "gray.jpg", quality=90)
    deep, rng = gray.astype(np.uint16) * 257, np.random.default_rng(0)
    for start in range(0, height, 500):
        noisy = deep[start : start + 500] + rng.normal(0, 400, deep[start : start + 500].shape)
        deep[start : start + 500] = noisy.clip(0, 65535)
    tiled: dict[str, Any] = {"compression": "lzw", "predictor": True, "tile": (256, 256)}
    tifffile.imwrite(folder / "gray.tif", deep, **tiled)
    tifffile.imwrite(
        folder / "rgba.tif",
        np.dstack([deep] * 4),
        photometric="rgb",
        extrasamples=["unassalpha"],
        **tiled,
    )
    return ["gray.jpg", "gray.tif", "rgba.tif"]
