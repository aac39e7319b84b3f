from pathlib import Path

from colorization.web.editing.photo_editor import PhotoEditor


def test_what_is_remembered_of_a_photo_counts(editor: PhotoEditor, photo: Path) -> None:
    """One edit after the other: what each of them adds to what is in memory."""
    work = editor.open(photo)
    one, sizes = editor._prepared(work), [editor.kept_bytes]
    editor.look(work)
    sizes.append(editor.kept_bytes)
    editor.look(work.change("faithfulness", faithfulness=0.5))
    sizes.append(editor.kept_bytes)
    assert sizes[0] < sizes[1] <= sizes[2] == one.num_bytes
    fresh = work.change("", picks=())
    one = editor._prepared(fresh)
    before = editor.kept_bytes
    editor.suggest(fresh, 0.2, 0.8)  # asks the network
    grown = editor.kept_bytes
    assert grown > before
    editor.write(fresh)  # the full size is not kept
    assert editor.kept_bytes == sizes[2] + one.num_bytes
