"""What a photo of a queue becomes: its file, and what its card shows."""

from contextlib import suppress
from dataclasses import replace

from colorization.inference.pictures.picture_arrays import shrunk
from colorization.web.editing.edit_history import EditedPhoto
from colorization.web.editing.photo_editor import PhotoEditor, Say
from colorization.web.editing.previews import save_preview
from colorization.web.editing.views import status_lines
from colorization.web.messages import told
from colorization.web.storage.open_photos import OpenPhotos
from colorization.web.storage.photo_queue import PhotoQueue, QueuedPhoto, QueuedResult
from retrieval.photos.reader import Picture

CARD_SIDE = 320  # of the pictures of a queue, in pixels
NOT_WRITTEN = "The result is without the last changes, which could not be written: "


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
    return QueuedResult(after, file, status_lines(photo, look), photo.edit)


def edited_since(queue: PhotoQueue, photos: OpenPhotos) -> list[tuple[QueuedPhoto, EditedPhoto]]:
    """Photos of a queue whose results are not what they show when they are worked on.

    Args:
        queue: of the page.
        photos: the open ones, with the wishes of now; those that are forgotten stay as they were.
    """
    found = []
    for one in queue.photos:
        with suppress(ValueError):
            if one.result and (photo := photos.get(one.name)).edit != one.result.edit:
                found.append((one, photo))
    return found


def write_edited(editor: PhotoEditor, queue: PhotoQueue, photos: OpenPhotos, say: Say) -> None:
    """Bring the results of a queue up to date. One that cannot be written is told on its card.

    Args:
        editor: colors them.
        queue: of the page.
        photos: the open ones, with the wishes of now.
        say: receives the name of each step.
    """
    for one, photo in edited_since(queue, photos):
        try:
            queue.replace_result(one.name, result_of(editor, photo, say))
        except (ValueError, OSError, RuntimeError, MemoryError) as error:
            if one.result:
                queue.replace_result(
                    one.name, replace(one.result, status=[NOT_WRITTEN + told(error)])
                )
