"""Changes of a photo as the page sends them, in JSON."""

import json
from typing import Any

from starlette.requests import Request

from colorization.network.hints import Point
from colorization.web.editing.edit_history import SLIDERS, EditedPhoto
from colorization.web.editing.photo_editor import PhotoEditor
from colorization.web.messages import as_number

MAX_STROKE = 40  # points of one stroke of the brush
FORM = "multipart/form-data"
UNREADABLE = "This request cannot be read."


async def sent(request: Request) -> dict[str, Any]:
    """The JSON object that a request holds.

    Raises:
        ValueError: it holds none, or says that it is a form, which may be large.
    """
    if request.headers.get("content-type", "").startswith(FORM):
        raise ValueError(UNREADABLE)
    try:
        found = json.loads(await request.body())
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ValueError(UNREADABLE)
    return found


def change(editor: PhotoEditor, photo: EditedPhoto, wish: dict[str, Any]) -> EditedPhoto:
    """The photo after one change.

    Args:
        editor: knows how colors are put.
        photo: as it is.
        wish: ``do`` names the change; what else is in it depends on that.

    Raises:
        ValueError: the change is unknown, or a value is missing or out of range.
    """
    match wish.get("do"):
        case "undo":
            return photo.undo()
        case "redo":
            return photo.redo()
        case "start over":
            return photo.restart()
        case "set":
            return _set(photo, str(wish.get("name")), wish.get("value"))
        case "look closer":
            return photo.change("", is_closer=wish.get("closer") is True)
        case "pick":
            return _pick(photo, wish.get("reference"), bool(wish.get("used")))
        case "put color":
            return editor.put(photo, _places(wish.get("places")), str(wish.get("color")))
        case "remove point":
            ((x, y),) = _places([wish.get("place")])
            return photo.remove_point(x, y)
        case "remove palette":
            return photo.change("", palette=None)
        case "take variant":
            return _take(photo, wish)
        case "go on":
            return _go_on(photo, wish)
    raise ValueError(UNREADABLE)


def _set(photo: EditedPhoto, name: str, value: object) -> EditedPhoto:
    if name not in SLIDERS:
        raise ValueError(UNREADABLE)
    return photo.change(name, **{name: as_number(value, name)})


def _pick(photo: EditedPhoto, number: object, is_used: bool) -> EditedPhoto:
    picks = set(photo.edit.picks) - {_whole(number)} | ({_whole(number)} if is_used else set())
    return photo.change("", picks=tuple(sorted(picks)))


def _take(photo: EditedPhoto, wish: dict[str, Any]) -> EditedPhoto:
    """Take what variants differ in; points, palette and faithfulness stay as they are now."""
    picks = wish.get("picks")
    if not isinstance(picks, list):
        raise ValueError(UNREADABLE)
    values = {name: as_number(wish.get(name), name) for name in ("saturation", "vividness")}
    return photo.change("", picks=tuple(_whole(one) for one in picks), **values)


def _go_on(photo: EditedPhoto, wish: dict[str, Any]) -> EditedPhoto:
    """Where a browser was with this photo on another day."""
    points = wish.get("points")
    if not isinstance(points, list) or not all(
        isinstance(one, list) and len(one) == 4 for one in points
    ):
        raise ValueError(UNREADABLE)
    numbers = [[as_number(value, "point") for value in one] for one in points]
    values = {name: as_number(wish.get(name), name) for name in SLIDERS}
    return photo.change(
        "",
        points=tuple(Point(x, y, (a, b)) for x, y, a, b in numbers),
        is_closer=wish.get("closer") is True,
        **values,
    )


def _places(given: object) -> list[tuple[float, float]]:
    if not isinstance(given, list) or not 0 < len(given) <= MAX_STROKE:
        raise ValueError(UNREADABLE)
    if not all(isinstance(one, list) and len(one) == 2 for one in given):
        raise ValueError(UNREADABLE)
    return [(as_number(x, "x"), as_number(y, "y")) for x, y in given]


def _whole(number: object) -> int:
    if isinstance(number, bool) or not isinstance(number, int):
        raise ValueError(UNREADABLE)
    return number
