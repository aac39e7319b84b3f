"""What a photo of a queue becomes: its file, and what its card shows."""

from colorization.web.editing.edit_history import EditedPhoto
from colorization.web.editing.photo_editor import PhotoEditor, Say
from colorization.web.editing.previews import save_preview, shrunk
from colorization.web.editing.views import status_lines
from colorization.web.storage.photo_queue import QueuedResult
from retrieval.photos.reader import Picture

CARD_SIDE = 320  # of the pictures of a queue, in pixels


def result_of(
    editor: PhotoEditor, photo: EditedPhoto, say: Say, picture: Picture | None = None
) -> QueuedResult:
    """Color a photo as it is wished for, and write its file and a small picture.

    Args:
        editor: colors it.
        photo: with the wishes.
        say: receives the name of each step.
        picture: what its file holds, if it was read already.

    Raises:
        PictureError, OSError: the photo cannot be read any more, or the result cannot be written.
    """
    look = editor.look(photo, say)
    after = save_preview(shrunk(look.rgb, CARD_SIDE), editor.store.new("card.jpg"))
    file = editor.write(photo, say, picture)
    return QueuedResult(after, file, status_lines(photo, look))
