"""What a page shows of a photo, as JSON can hold it."""

from pathlib import Path
from urllib.parse import quote

from colorization.batch.variants import closer_side
from colorization.photo_files.provenance import sources
from colorization.result import Colorized
from colorization.web.editing.edit_history import SLIDERS, Candidate, EditedPhoto
from colorization.web.editing.photo_editor import PhotoEditor, Say, silent, sources_of
from colorization.web.editing.previews import save_preview, with_doubt
from colorization.web.messages import as_line
from colorization.web.storage.file_store import FileStore
from retrieval.photos.reader import PictureError
from retrieval.search.match_words import NOTHING_ALIKE

FILES = "/files/"  # before the place of a file in the store


def url_of(store: FileStore, path: Path) -> str:
    """The address of a file of the store.

    Args:
        store: of the page.
        path: inside its folder.
    """
    return FILES + quote(path.relative_to(store.folder).as_posix(), errors="surrogateescape")


def photo_view(
    editor: PhotoEditor, name: str, edited: EditedPhoto, doubt: bool = False, say: Say = silent
) -> dict[str, object]:
    """Color a photo as it is wished for, and describe it and its controls.

    Args:
        editor: colors it.
        name: of the photo among the open ones.
        edited: the photo.
        doubt: tint in orange where references say little.
        say: receives the name of each step.

    Raises:
        PictureError: the photo, a reference or the palette cannot be read any more.
        ValueError: a wish is out of range.
    """
    result, store, edit = editor.look(edited, say), editor.store, edited.edit
    shown = with_doubt(result.rgb, result.confidence) if doubt and edit.picks else result.rgb
    after = save_preview(shown, store.new("color.jpg"))
    return {
        "name": name,
        "file": edited.photo.name,
        "before": url_of(store, _before(editor, edited)),
        "after": url_of(store, after),
        "height": result.rgb.shape[0],
        "width": result.rgb.shape[1],
        "status": status_lines(edited, result),
        "references": [
            _reference(editor, number, one, number in edit.picks)
            for number, one in enumerate(edited.candidates)
        ],
        "points": [[point.x, point.y, *point.ab] for point in edit.points],
        "content": edited.content,
        "is_changed": edited.is_changed,
        "closer": edit.is_closer,
        "can_look_closer": closer_side(editor.options, edited.shorter_side) is not None,
        "palette": edit.palette.name if edit.palette else "",
        **{name: getattr(edit, name) for name in SLIDERS},
        "can_undo": len(edited.edits) > 1,
        "can_redo": bool(edited.undone),
    }


def status_lines(edited: EditedPhoto, result: Colorized) -> list[str]:
    """Where the colors come from, what else was asked for, and what is worth knowing.

    Args:
        edited: the photo.
        result: of it.
    """
    edit = edited.edit
    found = sources_of(edited, result)
    parts = [f"Colors {sources(found.shares)}", *found.guides()]
    # of what was recommended, which does not matter where the visitor took some of it
    notes = [
        line for line in edited.note.splitlines() if not (edit.picks and NOTHING_ALIKE in line)
    ]
    lines = ["; ".join(parts) + ".", *notes, *result.skipped]
    return [as_line(line) for line in lines]


def _before(editor: PhotoEditor, edited: EditedPhoto) -> Path:
    path = editor.store.derived("originals", edited.photo)
    return path if path.is_file() else save_preview(editor.original(edited), path)


def _reference(
    editor: PhotoEditor, number: int, candidate: Candidate, is_used: bool
) -> dict[str, object]:
    try:
        picture = url_of(editor.store, editor.thumbnail(candidate.path))
    except PictureError:  # it was moved since it was recommended
        picture = ""
    found = candidate.recommended
    return {
        "number": number,
        "file": candidate.path.name,
        "picture": picture,
        "used": is_used,
        "match": found.match if found else "",
        "score": f"{found.score:.2f}" if found else "",
    }
