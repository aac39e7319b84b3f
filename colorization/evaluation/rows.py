"""The rows of an evaluation: the ways to colorize a photograph whose true colors are known."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from colorization.evaluation.conditions import (
    bordered,
    coarse,
    faded,
    on_film,
    recolored,
    seen_from_elsewhere,
    true_points,
    within,
)
from colorization.evaluation.measures.obedience import Obedience
from colorization.evaluation.photo import Photo
from colorization.evaluation.turned_references import measure_obedience
from colorization.inference.reference_checks import REFERENCE_SIDE, read_reference
from colorization.options import ColorizeOptions
from colorization.pipeline import ColorizationPipeline
from retrieval.photos.prints.detection import is_gray
from retrieval.photos.reader import PictureError, read_small_rgb

NUM_POINTS = (1, 10, 100)
NUM_CELLS = (16, 32)
CURVE_VIVIDNESS = (0.0, 0.25, 0.5, 0.75, 1.0)
CURVE_SATURATION = (0.6, 0.8, 1.2, 1.4)
SHIPPED = ColorizeOptions(method="network")
CAREFUL = replace(SHIPPED, vividness=0.0)


@dataclass(frozen=True)
class Setting:
    """One way to colorize.

    Attributes:
        options: of the pipeline.
        references: ``recommended`` by the index, ``none``, a ``random`` photo of the index, or
            ``distorted``, which is the truth itself seen from elsewhere.
        points: how many true colors are shown to the pipeline.
        shown: what the pipeline gets: the luminance itself, that of a ``faded`` print, what
            ``film`` saw that was blind to red, or a print within a white ``border``. Its colors are
            compared on the true luminance.
        cells: instead of colorizing, the true chroma averaged over so many cells along the longer
            side; 0 colorizes.
    """

    options: ColorizeOptions = field(default_factory=ColorizeOptions)
    references: Literal["recommended", "none", "random", "distorted"] = "recommended"
    points: int = 0
    shown: Literal["itself", "faded", "film", "border"] = "itself"
    cells: int = 0

    @property
    def needs_index(self) -> bool:
        """Whether it can only be used with an index."""
        return not self.cells and self.references in ("recommended", "random")

    @property
    def measures_obedience(self) -> bool:
        """Whether the references are also shown with their colors turned."""
        return self.needs_index and self.shown == "itself" and not self.points


@dataclass(frozen=True)
class Attempt:
    """A result.

    Attributes:
        rgb: sRGB, 0..255.
        reference: the first reference, or None.
        reference_path: where it lies, if it is a file.
        obedience: how far the result follows recommended or random references; None where that
            is not measured.
    """

    rgb: np.ndarray
    reference: np.ndarray | None = None
    reference_path: Path | None = None
    obedience: Obedience | None = None


def standard_settings(
    with_index: bool = True,
    with_points: bool = True,
    with_curve: bool = False,
    with_film: bool = False,
) -> dict[str, Setting]:
    """The rows of an evaluation; gray is always its first and is not listed.

    References are recommended, a random photo of the index, or the truth itself distorted; the
    luminance is that of the photo, of a faded print, or of one with a white border. Points are
    added to automatic colors, so that "automatic" is the row of no point. The true chroma in coarse
    cells shows what a colorizer could reach that errs nowhere but has no finer colors: measures of
    a classifier punish coarse colors much more than PSNR does.

    Args:
        with_index: whether there is an index; without it the rows that need one are left out.
        with_points: also 1, 10 and 100 points.
        with_curve: also other values of vividness and saturation, for PSNR against colorfulness.
        with_film: also photos as film saw them that was blind to red.
    """
    settings = {
        "training-free": Setting(ColorizeOptions(method="training-free")),
        "network": Setting(SHIPPED),
        "careful": Setting(CAREFUL),
        "automatic": Setting(SHIPPED, "none"),
        "automatic careful": Setting(CAREFUL, "none"),
        "random reference": Setting(SHIPPED, "random"),
        "distorted truth as reference": Setting(SHIPPED, "distorted"),
        "faded": Setting(SHIPPED, shown="faded"),
        "faded automatic": Setting(SHIPPED, "none", shown="faded"),
        "border": Setting(SHIPPED, shown="border"),
        "border automatic": Setting(SHIPPED, "none", shown="border"),
    }
    if with_film:
        settings |= {
            "film automatic": Setting(SHIPPED, "none", shown="film"),
            "film automatic careful": Setting(CAREFUL, "none", shown="film"),
        }
    if with_points:
        settings |= {
            f"{n} point{'s' if n > 1 else ''}": Setting(SHIPPED, "none", n) for n in NUM_POINTS
        }
    settings |= {f"truth in {n} cells": Setting(cells=n) for n in NUM_CELLS}
    if with_curve:
        known = list(settings.values())
        curve = _curve("recommended" if with_index else "none")
        settings |= {name: setting for name, setting in curve.items() if setting not in known}
    return {
        name: setting for name, setting in settings.items() if with_index or not setting.needs_index
    }


def _curve(source: Literal["recommended", "none"]) -> dict[str, Setting]:
    """Other values of vividness and saturation, also those that are rows already."""
    vividness = {f"vividness {v:g}": replace(SHIPPED, vividness=v) for v in CURVE_VIVIDNESS}
    saturation = {f"saturation {s:g}": replace(SHIPPED, saturation=s) for s in CURVE_SATURATION}
    return {name: Setting(options, source) for name, options in (vividness | saturation).items()}


def attempt(
    pipeline: ColorizationPipeline, photo: Photo, setting: Setting, seed: int = 0
) -> Attempt:
    """Colorize a photo's luminance in one way.

    Args:
        pipeline: colorizes.
        photo: the photograph with its truth.
        setting: the way.
        seed: of points, random references and distortions.

    Raises:
        ValueError: colorizing fails, or no photo of the index can be a random reference.
    """
    if setting.cells:
        return Attempt(coarse(photo.truth, setting.cells))
    points = true_points(photo.truth, setting.points, photo.rng(seed, "points"))
    given: np.ndarray | None = None
    path: Path | None = None
    if setting.references == "distorted":
        given = seen_from_elsewhere(photo.truth, photo.rng(seed, "distorted"))
        if is_gray(given):  # as a gray print it would be refused
            given = None
    elif setting.references == "random":
        path, given = _random_reference(pipeline, photo, seed)
    references = None if setting.references == "recommended" else [] if given is None else [given]
    match setting.shown:
        case "itself":
            gray = photo.gray
        case "faded":
            gray = faded(photo.gray)
        case "film":
            gray = on_film(photo.truth)
        case "border":
            gray = bordered(photo.gray)
    result = pipeline.colorize(gray, references, setting.options, points)
    if setting.references == "recommended" and result.references:
        path = result.references[0].path
        given = read_small_rgb(path, REFERENCE_SIDE)
    rgb = within(result.rgb, photo.gray.shape) if setting.shown == "border" else result.rgb
    if setting.shown in ("faded", "film"):
        rgb = recolored(photo.gray, rgb)
    obeyed = None
    if pipeline.network is not None and setting.measures_obedience:
        obeyed = measure_obedience(pipeline, gray, references, setting.options)
    return Attempt(rgb, given, path, obeyed)


def _random_reference(
    pipeline: ColorizationPipeline, photo: Photo, seed: int
) -> tuple[Path, np.ndarray]:
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
