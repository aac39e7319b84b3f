"""Several results of one photo to choose from, of which no two look alike."""

from dataclasses import dataclass

import numpy as np

from colorization.web.edit_history import EditedPhoto
from colorization.web.photo_editor import PhotoEditor

BOLD_SATURATION = 1.4
ALIKE = 1.5  # mean difference of two pictures, in steps of 0..255, that nobody notices


@dataclass(frozen=True)
class Variant:
    """A suggestion for the whole picture.

    Attributes:
        caption: what it is.
        edited: the photo with these wishes.
        rgb: the preview, (height, width, 3), uint8.
    """

    caption: str
    edited: EditedPhoto
    rgb: np.ndarray


def variants_of(editor: PhotoEditor, edited: EditedPhoto) -> list[Variant]:
    """The photo as it is, careful, bold, without reference, and from each reference alone.

    Raises:
        PictureError: the photo or a reference cannot be read any more.
    """
    ways = [
        ("as it is", edited),
        ("careful", edited.change("", vividness=0.0)),
        ("bold", edited.change("", saturation=BOLD_SATURATION)),
    ]
    if edited.edit.picks:
        ways.append(("without reference", edited.change("", picks=())))
    if len(edited.edit.picks) > 1:
        ways += [
            (f"only {edited.candidates[i].path.name}", edited.change("", picks=(i,)))
            for i in edited.edit.picks
        ]
    found: list[Variant] = []
    for caption, way in ways:
        rgb = editor.look(way).rgb
        if not any(_look_alike(rgb, other.rgb) for other in found):
            found.append(Variant(caption, way, rgb))
    return found


def _look_alike(first: np.ndarray, second: np.ndarray) -> bool:
    return float(np.abs(first.astype(np.int16) - second).mean()) < ALIKE
