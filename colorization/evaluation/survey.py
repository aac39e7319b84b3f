"""A first look at the photos of an evaluation: which can be measured, and what they show."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from colorization.evaluation.photo import lab_of, read_photo
from colorization.network.color_bins import NUM_BINS
from colorization.network.hints import palette_of
from retrieval.photos.prints.detection import is_gray
from retrieval.photos.reader import PictureError


@dataclass(frozen=True)
class Survey:
    """A first look at the photos of an evaluation.

    Attributes:
        paths: the color photos that can be read.
        gray: how many have no colors to compare with.
        unreadable: one line for each that cannot be used.
        prior: share of each color bin in them, all photos alike.
    """

    paths: list[Path]
    gray: int
    unreadable: list[str]
    prior: Float[Tensor, " bins"]


def survey(paths: Sequence[Path]) -> Survey:
    """Read all photos once: which can be measured, and how frequent each color is in them.

    Raises:
        ValueError: there are no photos, or no color photo among them can be read.
    """
    usable, unreadable, gray = [], [], 0
    prior = torch.zeros(NUM_BINS, dtype=torch.float64)
    for path in paths:
        try:
            photo = read_photo(path)
        except PictureError as error:
            unreadable.append(str(error))
            continue
        if is_gray(photo.truth):
            gray += 1
            continue
        usable.append(path)
        ab = torch.from_numpy(lab_of(photo.truth)).float().permute(2, 0, 1)[1:]
        prior += palette_of(ab)
    if not usable:
        more = f"; {unreadable[0]}" if unreadable else ""
        raise ValueError(
            f"no color photo to measure with: {gray} gray, {len(unreadable)} unreadable{more}"
        )
    return Survey(usable, gray, unreadable, (prior / len(usable)).float())


def labels_of(paths: Sequence[Path], classes: Sequence[str]) -> list[int | None]:
    """Which class each photo shows, by its name.

    A photo shows a class if the name of its file, or of the folder it is in, begins with the name
    of the class.

    Args:
        paths: photos, such as n02119022_red_fox.jpg.
        classes: their names in the order of the judge's logits, such as ImageNet's n02119022.

    Returns:
        Positions in ``classes``; the longest name that fits, None where none does.
    """
    longest = sorted(range(len(classes)), key=lambda i: -len(classes[i]))

    def label(path: Path) -> int | None:
        return next(
            (
                i
                for name in (path.name, path.parent.name)
                for i in longest
                if name.startswith(classes[i])
            ),
            None,
        )

    return [label(path) for path in paths]
