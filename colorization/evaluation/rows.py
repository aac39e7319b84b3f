"""What an evaluation compares: the ways to colorize a photograph whose true colors are known."""

import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from PIL import Image

from colorization.evaluation.measures import Rgb
from colorization.inference.working_size import (
    REFERENCE_SIDE,
    luminance_rows,
    read_reference,
    with_chroma,
)
from colorization.network.hints import Point
from colorization.options import ColorizeOptions
from retrieval.photos.reader import PictureError, read_small_rgb
from retrieval.search.photo_index import Recommendation
from similarity.color.lab import as_tensor, rgb_to_lab

NUM_POINTS = (1, 10, 100)
NUM_CELLS = (16, 32)
# factor on L and what is added to it: a print that has lost half of its contrast
FADED = (0.5, 35.0)
PATCH_SHARE = 7 / 256  # of the short side: the square around a point whose mean color is shown
WARP_SHARE = 0.2  # of a side: how far a corner of the distorted reference moves inwards at most
CURVE_VIVIDNESS = (0.0, 0.25, 0.5, 0.75, 1.0)
CURVE_SATURATION = (0.6, 0.8, 1.2, 1.4)


@runtime_checkable
class Photos(Protocol):
    """What an evaluation needs of an index: see PhotoIndex."""

    def __len__(self) -> int: ...
    def path(self, row: int) -> Path:
        """Where a photo lies."""
        ...


@runtime_checkable
class Result(Protocol):
    """What an evaluation needs of a result: see Colorized."""

    @property
    def rgb(self) -> np.ndarray:
        """The colorized picture."""
        ...

    @property
    def references(self) -> Sequence[Recommendation]:
        """The recommended references that were used, best first."""
        ...


@runtime_checkable
class Colorizer(Protocol):
    """What an evaluation needs of a pipeline: see ColorizationPipeline."""

    @property
    def index(self) -> Photos | None:
        """The index that references are recommended from."""
        ...

    def colorize(
        self,
        gray: np.ndarray,
        references: Sequence[np.ndarray] | None,
        options: ColorizeOptions,
        points: Sequence[Point],
    ) -> Result:
        """Colorize a picture."""
        ...


@dataclass(frozen=True)
class Setting:
    """One way to colorize.

    Attributes:
        options: of the pipeline.
        references: ``recommended`` by the index, ``none``, a ``random`` photo of the index, or
            ``distorted``, which is the truth itself seen from elsewhere.
        points: how many true colors are shown to the pipeline.
        faded: whether the pipeline gets the luminance of a faded print; its colors are compared on
            the true luminance.
        cells: instead of colorizing, the true chroma averaged over so many cells along the longer
            side; 0 colorizes.
    """

    options: ColorizeOptions = field(default_factory=ColorizeOptions)
    references: Literal["recommended", "none", "random", "distorted"] = "recommended"
    points: int = 0
    faded: bool = False
    cells: int = 0

    @property
    def needs_index(self) -> bool:
        """Whether it can only be used with an index."""
        return not self.cells and self.references in ("recommended", "random")


@dataclass(frozen=True)
class Photo:
    """A photograph with its truth.

    Attributes:
        path: of the file; random choices depend on its name, so that they stay when other photos
            come or go.
        truth: sRGB, 0..255.
        gray: its luminance, as the pipeline gets it.
    """

    path: Path
    truth: Rgb
    gray: Rgb

    def rng(self, seed: int, purpose: str) -> np.random.Generator:
        """The random numbers of a photo for a purpose."""
        return np.random.default_rng(
            (seed, zlib.crc32(os.fsencode(self.path.name)), zlib.crc32(purpose.encode()))
        )


@dataclass(frozen=True)
class Attempt:
    """A result.

    Attributes:
        rgb: sRGB, 0..255.
        reference: the first reference, or None.
        reference_path: where it lies, if it is a file.
    """

    rgb: np.ndarray
    reference: np.ndarray | None = None
    reference_path: Path | None = None


def standard_settings(
    with_index: bool = True,
    with_points: bool = True,
    with_curve: bool = False,
) -> dict[str, Setting]:
    """The rows of an evaluation; gray is always its first and is not listed.

    References are recommended, a random photo of the index, or the truth itself distorted; the
    luminance is that of the photo or of a faded print. Points are added to automatic colors, so
    that "automatic" is the row of no point. The true chroma in coarse cells shows what a colorizer
    could reach that errs nowhere but has no finer colors: measures of a classifier punish coarse
    colors much more than PSNR does.

    Args:
        with_index: whether there is an index; without it the rows that need one are left out.
        with_points: also 1, 10 and 100 points.
        with_curve: also other values of vividness and saturation, for PSNR against colorfulness.
    """
    shipped = ColorizeOptions(method="network")
    careful = replace(shipped, vividness=0.0)
    settings = {
        "training-free": Setting(ColorizeOptions(method="training-free")),
        "network": Setting(shipped),
        "careful": Setting(careful),
        "automatic": Setting(shipped, "none"),
        "automatic careful": Setting(careful, "none"),
        "random reference": Setting(shipped, "random"),
        "distorted truth as reference": Setting(shipped, "distorted"),
        "faded": Setting(shipped, faded=True),
        "faded automatic": Setting(shipped, "none", faded=True),
    }
    if with_points:
        settings |= {
            f"{n} point{'s' if n > 1 else ''}": Setting(shipped, "none", n) for n in NUM_POINTS
        }
    settings |= {f"truth in {n} cells": Setting(cells=n) for n in NUM_CELLS}
    if with_curve:
        source: Literal["recommended", "none"] = "recommended" if with_index else "none"
        curve = {
            f"vividness {v:g}": Setting(replace(shipped, vividness=v), source)
            for v in CURVE_VIVIDNESS
        }
        curve |= {
            f"saturation {s:g}": Setting(replace(shipped, saturation=s), source)
            for s in CURVE_SATURATION
        }
        settings |= {
            name: setting for name, setting in curve.items() if setting not in settings.values()
        }
    return {
        name: setting for name, setting in settings.items() if with_index or not setting.needs_index
    }


def attempt(pipeline: Colorizer, photo: Photo, setting: Setting, seed: int = 0) -> Attempt:
    """Colorize a photo's luminance in one way.

    Raises:
        ValueError: see ColorizationPipeline.colorize; or no photo of the index can be a random
            reference.
    """
    if setting.cells:
        return Attempt(coarse(photo.truth, setting.cells))
    points = true_points(photo.truth, setting.points, photo.rng(seed, "points"))
    given: np.ndarray | None = None
    path: Path | None = None
    if setting.references == "distorted":
        given = distorted(photo.truth, photo.rng(seed, "distorted"))
    elif setting.references == "random":
        path, given = _random_reference(pipeline, photo, seed)
    references = None if setting.references == "recommended" else [] if given is None else [given]
    gray = faded(photo.gray) if setting.faded else photo.gray
    result = pipeline.colorize(gray, references, setting.options, points)
    if setting.references == "recommended" and result.references:
        path = result.references[0].path
        given = read_small_rgb(path, REFERENCE_SIDE)
    rgb = recolored(photo.gray, result.rgb) if setting.faded else result.rgb
    return Attempt(rgb, given, path)


def true_points(truth: Rgb, count: int, rng: np.random.Generator) -> list[Point]:
    """True colors at random places, each the mean over a small square; fewer points are the first of more.

    Args:
        truth: sRGB, 0..255.
        count: how many.
        rng: of the places, which are uniform over the picture.

    Source: Zhang et al. 2017, section 4.2, there with 7 x 7 patches on 256 x 256.
    """
    lab = lab_of(truth)
    height, width = lab.shape[:2]
    side = max(1, round(PATCH_SHARE * min(height, width)))
    points = []
    for x, y in rng.random((count, 2)):
        top, left = int(y * (height - side + 1)), int(x * (width - side + 1))
        a, b = lab[top : top + side, left : left + side, 1:].mean((0, 1))
        points.append(
            Point((left + side / 2) / width, (top + side / 2) / height, (float(a), float(b)))
        )
    return points


def distorted(rgb: Rgb, rng: np.random.Generator) -> np.ndarray:
    """A picture mirrored and seen through a random quadrilateral: the same colors and things, at other places.

    Args:
        rgb: sRGB, 0..255.
        rng: how far each corner moves inwards, up to WARP_SHARE of a side.
    """
    height, width = rgb.shape[:2]
    x, y = rng.random((2, 4)) * WARP_SHARE
    right, bottom = (1 - x[1]) * width, (1 - y[3]) * height
    # corners of the picture, mirrored: upper right, lower right, lower left, upper left
    quad = (
        right,
        y[1] * height,
        (1 - x[2]) * width,
        (1 - y[2]) * height,
        x[3] * width,
        bottom,
        x[0] * width,
        y[0] * height,
    )
    warped = Image.fromarray(rgb).transform(
        (width, height), Image.Transform.QUAD, quad, Image.Resampling.BICUBIC
    )
    return np.asarray(warped)


def faded(gray: Rgb) -> np.ndarray:
    """A gray picture as a faded print of it, see FADED.

    Args:
        gray: sRGB, 0..255, without chroma.
    """
    factor, added = FADED
    return with_chroma(luminance_rows(gray, slice(None)) * factor + added, torch.zeros(2, 1, 1))


def recolored(gray: Rgb, colored: Rgb) -> np.ndarray:
    """The luminance of one picture with the chroma of another of its size, sRGB, 0..255."""
    return with_chroma(luminance_rows(gray, slice(None)), rgb_to_lab(as_tensor(colored))[1:])


def coarse(rgb: Rgb, cells: int) -> np.ndarray:
    """A picture with its own luminance and coarse chroma, the means of cells, interpolated between their centers.

    Args:
        rgb: sRGB, 0..255.
        cells: along the longer side, at least 1.
    """
    lab = rgb_to_lab(as_tensor(rgb))
    _, height, width = lab.shape
    rows, columns = (
        min(side, max(1, round(cells * side / max(height, width)))) for side in (height, width)
    )
    return with_chroma(lab[:1], F.adaptive_avg_pool2d(lab[1:], (rows, columns)))


def lab_of(rgb: np.ndarray) -> Float[np.ndarray, "height width 3"]:
    """CIE Lab of sRGB in 0..255, raw units."""
    return rgb_to_lab(as_tensor(rgb)).permute(1, 2, 0).numpy()


def _random_reference(pipeline: Colorizer, photo: Photo, seed: int) -> tuple[Path, np.ndarray]:
    index = pipeline.index
    if index is None:
        raise ValueError("a random reference needs an index")
    for row in photo.rng(seed, "random").permutation(len(index)):
        path = index.path(int(row))
        try:
            if path.resolve() != photo.path.resolve():
                return path, read_reference(path)
        except PictureError:  # gray or gone: another one
            continue
    raise ValueError("no photo of the index can be a random reference")
