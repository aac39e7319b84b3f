import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from colorization.web.editing.photo_editor import PhotoEditor
from colorization.web.editing.views import photo_view, status_lines, url_of
from colorization.web.storage.file_store import FileStore
from retrieval.search.match_words import NOTHING_ALIKE


def shown(store: FileStore, url: object) -> np.ndarray:
    assert isinstance(url, str)
    return np.asarray(Image.open(store.folder / url.removeprefix("/files/")))


def test_a_photo_and_its_controls(editor: PhotoEditor, store: FileStore, photo: Path) -> None:
    work = editor.put(editor.open(photo), [(0.25, 0.5)], "#a03020").change("", saturation=0.5)
    view = photo_view(editor, "n", work)
    assert json.loads(json.dumps(view)) == view
    assert (view["name"], view["file"]) == ("n", "garage.png")
    after = shown(store, view["after"])
    assert after.shape == (view["height"], view["width"], 3)
    assert np.ptp(shown(store, view["before"]).astype(int), axis=2).max() < 12
    first, *_, last = view["references"]  # type: ignore[misc]
    assert (first["file"], first["used"], first["match"]) == ("motorcycle_left.png", True, "good")
    assert float(first["score"]) > 1 and max(shown(store, first["picture"]).shape) <= 256
    assert (last["used"], last["match"]) == (False, "weak")
    ((x, y, a, b),) = view["points"]  # type: ignore[misc]
    assert (x, y) == (0.25, 0.5) and a > 30 and b > 20 and view["palette"] == ""
    assert view["content"] == hashlib.sha256(photo.read_bytes()).hexdigest()
    assert view["is_changed"] and not photo_view(editor, "n", editor.open(photo))["is_changed"]
    assert (view["saturation"], view["vividness"], view["faithfulness"]) == (0.5, 1.0, 1.0)
    assert (view["can_undo"], view["can_redo"]) == (True, False)
    assert photo_view(editor, "n", work.undo())["can_redo"] is True


def test_the_status_tells_references_points_palette_and_notes(
    editor: PhotoEditor, photo: Path, library_dir: Path
) -> None:
    work = editor.put(editor.open(photo), [(0.25, 0.5), (0.5, 0.5)], "#a03020")
    lines = status_lines(work, editor.look(work))
    assert lines[0].startswith("Colors from motorcycle_left.png ")
    assert lines[0].endswith("; 2 color points.")
    work = work.change("", palette=library_dir / "coffee.png")  # it overrules references
    lines = status_lines(work, editor.look(work))
    assert lines[0].startswith("Colors without a reference; ")
    assert lines[0].endswith("; 2 color points; palette of coffee.png.")
    plain = editor.open(photo).change("", picks=())
    assert status_lines(plain, editor.look(plain)) == ["Colors without a reference."]
    unlike = replace(plain, note=f"{NOTHING_ALIKE} (0.40).")
    assert status_lines(unlike, editor.look(unlike))[1:] == [f"{NOTHING_ALIKE} (0.40)."]
    ticked = unlike.change("", picks=(0,))  # what was found is in use all the same
    assert status_lines(ticked, editor.look(ticked))[1:] == []


def test_doubt_is_shown_where_it_is_asked_for(
    editor: PhotoEditor, store: FileStore, photo: Path
) -> None:
    work = editor.open(photo).change("", picks=(3,))  # of something else
    plain, tinted = (
        shown(store, photo_view(editor, "n", work, doubt)["after"]).astype(int)
        for doubt in (False, True)
    )
    assert (tinted[..., 0] - tinted[..., 2]).mean() > (plain[..., 0] - plain[..., 2]).mean() + 30


def test_a_reference_that_is_gone_has_no_picture(
    editor: PhotoEditor, photo: Path, store: FileStore, library_dir: Path
) -> None:
    work = editor.open(photo)
    own = store.new("own.png")
    own.write_bytes((library_dir / "coffee.png").read_bytes())
    brought = editor.bring(work, [own]).change("", picks=())
    own.unlink()
    found = photo_view(editor, "n", brought)["references"][-1]  # type: ignore[index]
    assert (found["file"], found["picture"], found["match"]) == ("own.png", "", "")


def test_addresses_hold_any_name(store: FileStore) -> None:
    path = store.new("a b#ü?%.jpg")
    assert url_of(store, path).endswith("/a%20b%23%C3%BC%3F%25.jpg")
