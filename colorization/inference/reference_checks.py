"""What lends colors: references and palettes as they were given, checked before anything else."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from colorization.inference.color_belief import NetworkBelief
from colorization.inference.network_colors import Guidance
from colorization.inference.picture_features import PictureFeatures
from colorization.inference.pictures.paper import within_border
from colorization.inference.pictures.picture_arrays import PictureLike, as_rgb
from colorization.inference.pictures.working_size import working_lab
from colorization.network.hints import Point, palette_of
from colorization.options import ColorizeOptions
from retrieval.photos.color.color_profiles import to_srgb
from retrieval.photos.prints.detection import is_gray
from retrieval.photos.reader import PictureError, read_small_rgb, to_uint8
from retrieval.search.recommendation import Recommendation
from retrieval.stage_clock import stage

Reference = PictureLike | Recommendation | PictureFeatures
REFERENCE_SIDE = 512  # references are decoded at about this side


@dataclass(frozen=True)
class UsedReferences:
    """What lends its colors to a picture.

    Attributes:
        recommended: the references, if all of them were recommended, the best first; else empty.
        pictures: of all references, (height, width, 3), or as they were described.
        skipped: one line for each recommended photo that could not be read.
        note: one line where nothing in the library resembles the picture; else empty.
        belief: which colors the network finds likely in the picture, where it was asked already.
    """

    recommended: list[Recommendation]
    pictures: Sequence[np.ndarray | PictureFeatures]
    skipped: list[str] = field(default_factory=list)
    note: str = ""
    belief: NetworkBelief | None = None


def as_references(given: Iterable[Reference] | None) -> list[Reference]:
    """References as a list; None is none.

    Raises:
        ValueError: one picture was given instead of several.
    """
    if isinstance(given, Reference):
        raise ValueError("references: expected a list of them; put the one into brackets")
    return list(given or ())


def given_references(given: Iterable[Reference] | None) -> UsedReferences:
    """References that a user gave, read and checked.

    Args:
        given: color pictures, descriptions or recommendations; None is none.

    Raises:
        ValueError, PictureError: see as_references and colors_of.
    """
    chosen = as_references(given)
    recommended = [one for one in chosen if isinstance(one, Recommendation)]
    of_all = f" of {len(chosen)}" if len(chosen) > 1 else ""
    lent = [
        one if isinstance(one, PictureFeatures) else colors_of(one, f"reference {i}{of_all}")
        for i, one in enumerate(chosen, 1)
    ]
    return UsedReferences(recommended if len(recommended) == len(chosen) else [], lent)


@stage("reading")
def read_reference(path: Path, what: str = "reference") -> np.ndarray:
    """Read a color reference, or a palette, at the size that matching needs.

    Args:
        path: of the picture.
        what: it is, for errors.

    Raises:
        PictureError: it cannot be read, or it is gray, or a gray print of whatever tone.
    """
    rgb = read_small_rgb(path, REFERENCE_SIDE)
    if is_gray(rgb):
        raise PictureError(f"{path}: this {what} is gray, it has no colors to lend")
    return rgb


def colors_of(reference: PictureLike | Recommendation, name: str = "reference") -> np.ndarray:
    """The pixels of a reference, which must have colors to lend.

    Args:
        reference: in any form; files are read at the size that matching needs.
        name: of it in errors.

    Raises:
        ValueError: it is gray or a toned print, or an array of a wrong shape or type.
        PictureError: the file cannot be read, or shows a gray print.
    """
    if isinstance(reference, Recommendation):
        return read_reference(reference.path)
    if isinstance(reference, str | Path):
        return read_reference(Path(reference))
    rgb = _as_meant(reference, name)
    if is_gray(to_uint8(rgb)):
        raise ValueError(f"{name} is gray: it has no colors to lend")
    return rgb


def _as_meant(picture: np.ndarray | Image.Image, what: str) -> np.ndarray:
    """The pixels of a picture; of a PIL picture with a profile as that means them, in sRGB."""
    rgb = as_rgb(picture, what)
    profile = picture.info.get("icc_profile") if isinstance(picture, Image.Image) else None
    if profile is None:
        return rgb
    return np.asarray(to_srgb(Image.fromarray(np.ascontiguousarray(to_uint8(rgb))), profile))


def check_described(references: Sequence[PictureFeatures], target: PictureFeatures) -> None:
    """Refuse references that cannot be matched with a picture as they were described.

    Args:
        references: all of them.
        target: the picture.

    Raises:
        ValueError: one was described at another size, or by a pipeline of another backbone.
    """
    for i, one in enumerate(references, 1):
        if one.backbone != target.backbone:
            raise ValueError(
                f"reference {i} was described by a pipeline of another backbone: describe it again"
            )
        if one.working_side != target.working_side:
            raise ValueError(
                f"reference {i} was described for working_side={one.working_side}:"
                " describe it again"
            )


def _as_points(given: Iterable[Point] | Point | None) -> list[Point]:
    """Points as a list; None is none.

    Raises:
        ValueError: one was given instead of several.
    """
    if isinstance(given, Point):
        raise ValueError("points: one was given; put it into brackets, as in [point]")
    return list(given or ())


def guidance_of(
    points: Iterable[Point] | Point | None, palette: PictureLike | None, options: ColorizeOptions
) -> Guidance:
    """What a user asks for beside references.

    Args:
        points: colors at places.
        palette: a color picture; None for none.
        options: working_side.

    Raises:
        ValueError: something else is among the points, or the palette has no colors, or a wrong
            shape or type.
        PictureError: the palette is a file that cannot be read or has no colors.
    """
    points = _as_points(points)
    if palette is None:
        return Guidance(points)
    rgb = (
        read_reference(Path(palette), "palette picture")
        if isinstance(palette, str | Path)
        else colors_of(palette, "palette picture")
    )
    lab, _ = within_border(working_lab(rgb, options.working_side))
    return Guidance(points, palette_of(lab[0, 1:]))
