from pathlib import Path

from PIL import Image

from colorization.web.editing.photo_editor import PhotoEditor, silent
from colorization.web.requests.queued_results import CARD_SIDE, result_of


def test_a_result_has_a_file_a_card_and_its_words(editor: PhotoEditor, photo: Path) -> None:
    found = result_of(editor, editor.open(photo), silent)
    assert (found.file.name, found.status[0][:16]) == ("garage-color.png", "Colors from moto")
    assert Image.open(found.file).size == Image.open(photo).size
    assert max(Image.open(found.after).size) <= CARD_SIDE
