"""Several results of a photo on the page to choose from, of which no two look alike."""

from dataclasses import dataclass

import numpy as np

from colorization.batch.variants import most_different, ways_of
from colorization.web.editing.edit_history import EditedPhoto
from colorization.web.editing.photo_editor import PhotoEditor


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

    Args:
        editor: of the photo.
        edited: the photo.

    Raises:
        PictureError: the photo or a reference cannot be read any more.
    """
    options, picks = edited.options(editor.options), edited.edit.picks
    by_network = editor.pipeline.network_for(options) is not None
    found: list[Variant] = []
    for way in ways_of(options, picks, [one.path.name for one in edited.picked], by_network):
        told = way.options
        changed = edited.change(
            "", vividness=told.vividness, saturation=told.saturation, picks=way.picks
        )
        found.append(Variant(way.caption, changed, editor.look(changed).rgb))
    return [found[i] for i in most_different([one.rgb for one in found], len(found))]
