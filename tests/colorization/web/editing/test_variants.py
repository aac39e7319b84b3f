from dataclasses import replace
from pathlib import Path

from skimage.color import deltaE_ciede2000, rgb2lab

from colorization.batch.variants import ALIKE
from colorization.result import Colorized
from colorization.web.editing.edit_history import EditedPhoto
from colorization.web.editing.photo_editor import PhotoEditor
from colorization.web.editing.variants import variants_of


def test_no_two_variants_look_alike(editor: PhotoEditor, photo: Path) -> None:
    """A color point makes the network speak beside references of the same picture."""
    work = editor.put(editor.open(photo).change("", picks=(0,)), [(0.3, 0.3)], "#a03020")
    variants = variants_of(editor, work)
    names = [one.caption for one in variants]
    assert names[0] == "as it is" and {"careful", "bold", "without reference"} >= set(names[1:])
    assert "bold" in names and "without reference" in names
    labs = [rgb2lab(one.rgb) for one in variants]
    for i, first in enumerate(labs):
        assert all(deltaE_ciede2000(first, other).mean() > 0.9 * ALIKE for other in labs[:i])
    # all that the page takes over
    varied = {"picks": (), "saturation": 1.0, "vividness": 1.0, "kind": ""}
    assert len({replace(one.edited.edit, **varied) for one in variants}) == 1


def test_each_of_several_references_alone_is_tried(editor: PhotoEditor, photo: Path) -> None:
    work, look = editor.open(photo), editor.look
    picks: list[tuple[int, ...]] = []

    def noted(edited: EditedPhoto) -> Colorized:
        picks.append(edited.edit.picks)
        return look(edited)

    editor.look = noted  # type: ignore[assignment, method-assign]
    variants_of(editor, work)
    assert picks == [(0, 1), (0, 1), (0, 1), (), (0,), (1,)]
