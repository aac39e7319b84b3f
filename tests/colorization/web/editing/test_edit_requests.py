import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.requests import Request

from colorization.network.hints import Point
from colorization.web.editing.edit_requests import MAX_STROKE, UNREADABLE, change, sent
from colorization.web.editing.photo_editor import PhotoEditor


def request(body: bytes) -> Request:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    return Request({"type": "http", "method": "POST", "headers": []}, receive)


def test_an_object_is_taken() -> None:
    assert asyncio.run(sent(request(b'{"do": "undo"}'))) == {"do": "undo"}


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"[]", b'"a"', b"3"])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=UNREADABLE):
        asyncio.run(sent(request(body)))


def test_changes(editor: PhotoEditor, photo: Path) -> None:
    work = editor.open(photo)
    assert (
        change(editor, work, {"do": "set", "name": "saturation", "value": 0.5}).edit.saturation
        == 0.5
    )
    assert change(editor, work, {"do": "pick", "reference": 1, "used": False}).edit.picks == (0,)
    assert change(editor, work, {"do": "pick", "reference": 3, "used": True}).edit.picks == (
        0,
        1,
        3,
    )
    stroke = {"do": "put color", "places": [[0.1, 0.2], [0.3, 0.4]], "color": "#a03020"}
    pointed = change(editor, work, stroke)
    assert [(one.x, one.y) for one in pointed.edit.points] == [(0.1, 0.2), (0.3, 0.4)]
    assert (
        len(change(editor, pointed, {"do": "remove point", "place": [0.1, 0.2]}).edit.points) == 1
    )
    with_palette = work.change("", palette=photo)
    assert change(editor, with_palette, {"do": "remove palette"}).edit.palette is None
    undone = change(editor, pointed, {"do": "undo"})
    assert undone.edit.points == () and change(editor, undone, {"do": "redo"}).edit == pointed.edit
    assert change(editor, pointed, {"do": "start over"}).edit.points == ()


def test_a_photo_of_another_day(editor: PhotoEditor, photo: Path) -> None:
    sliders = {"saturation": 0.5, "vividness": 0.25, "faithfulness": 1.0, "closer": True}
    wish = {"do": "go on", "points": [[0.1, 0.2, 30.0, 20.0], [0.3, 0.4, 0.0, -9.5]], **sliders}
    work = editor.open(photo)
    found = change(editor, work, wish)
    assert found.edit.points == (
        Point(0.1, 0.2, (30.0, 20.0)),
        Point(0.3, 0.4, (0.0, -9.5)),
    )
    assert (found.edit.saturation, found.edit.vividness) == (0.5, 0.25)
    assert found.edit.picks == work.edit.picks and found.edit.is_closer
    assert found.is_changed and not found.undo().is_changed
    for bad in ({"points": [[0.1, 0.2]]}, {"points": "all"}, {"vividness": None}):
        with pytest.raises(ValueError):
            change(editor, work, {**wish, **bad})


def test_a_closer_look(editor: PhotoEditor, photo: Path) -> None:
    Image.open(photo).resize((256, 256)).save(photo)
    work = editor.open(photo)
    before = editor.look(work)
    closer = change(editor, work, {"do": "look closer", "closer": True})
    assert closer.options(editor.options).working_side == 2 * editor.options.working_side
    found = editor.look(closer)
    assert found.confidence.size == 4 * before.confidence.size
    assert (found.rgb != before.rgb).any()
    assert editor.suggest(closer, 0.5, 0.5)
    again = change(editor, closer, {"do": "look closer", "closer": False})
    assert (editor.look(again).rgb == before.rgb).all() and not again.is_changed
    small = replace(closer, shorter_side=2 * editor.options.working_side - 1)
    assert small.options(editor.options) == work.options(editor.options)


def test_a_variant_keeps_points_palette_and_faithfulness(editor: PhotoEditor, photo: Path) -> None:
    work = editor.put(editor.open(photo), [(0.3, 0.3)], "#a03020")
    work = work.change("faithfulness", faithfulness=0.3)
    wish = {"do": "take variant", "picks": [1], "saturation": 1.4, "vividness": 1.0}
    taken = change(editor, work, wish)
    assert (taken.edit.picks, taken.edit.saturation, taken.edit.faithfulness) == ((1,), 1.4, 0.3)
    assert taken.edit.points == work.edit.points and taken.undo().edit == work.edit


@pytest.mark.parametrize(
    "wish",
    [
        {},
        {"do": "open"},
        {"do": "set", "name": "working_side", "value": 16},
        {"do": "set", "name": "saturation", "value": None},
        {"do": "pick", "reference": 99, "used": True},
        {"do": "pick", "reference": "1", "used": True},
        {"do": "pick", "reference": True, "used": True},
        {"do": "put color", "places": [[0.1, 0.2]], "color": "none"},
        {"do": "put color", "places": [[0.1, 0.2]]},
        {"do": "put color", "places": [], "color": "#a03020"},
        {"do": "put color", "places": [[0.1]], "color": "#a03020"},
        {"do": "put color", "places": [[1.1, 0.5]], "color": "#a03020"},
        {"do": "put color", "places": [[0.1, 0.5]] * (MAX_STROKE + 1), "color": "#a03020"},
        {"do": "remove point", "place": 3},
        {"do": "take variant", "picks": 3, "saturation": 1, "vividness": 1},
        {"do": "take variant", "picks": [0], "saturation": 1},
    ],
)
def test_what_cannot_be_done_is_one_line(
    editor: PhotoEditor, photo: Path, wish: dict[str, Any]
) -> None:
    with pytest.raises(ValueError) as error:
        change(editor, editor.open(photo), wish)
    assert str(error.value) and "\n" not in str(error.value)
