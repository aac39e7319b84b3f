"""The lines of the manifest of an output folder, as they are read."""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

MANIFEST = "manifest.jsonl"
_KEYS = frozenset((
    "file", "output", "results", "settings", "lasting", "error", "size", "mtime_ns", "references",
    "notes", "seconds",
))  # fmt: skip
Line = dict[str, Any]
Stamp = tuple[int, int]  # size in bytes, time of change in nanoseconds


def read_lines(folder: Path) -> Iterator[Line]:
    """The lines of a folder's manifest that can be read, the oldest first."""
    path = folder / MANIFEST
    if not path.exists():
        return
    for text in path.read_bytes().splitlines():
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):  # half a line: of a run that was killed while it wrote
            continue
        if _is_whole(line):
            yield line


def is_there(name: str) -> bool:
    """Whether a file is where a line says; also if nobody may look there."""
    return os.path.exists(name)  # noqa: PTH110 - Path.exists raises where a folder is closed


def is_same(name: str, path: Path) -> bool:
    """Whether a file that a line names is this one, perhaps by another spelling of its path.

    Args:
        name: as the line has it.
        path: of this one.
    """
    with suppress(OSError):
        return path.samefile(name)
    return name == str(path.absolute())


def stamp_of(path: Path) -> Stamp | None:
    """Size and time of a file; None if it is not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def _is_whole(line: Any) -> bool:
    """Whether it is a line as add writes it, and its results, which may be removed, lie inside."""
    if (
        not isinstance(line, dict)
        or not line.keys() >= _KEYS
        or not isinstance(line["results"], dict)
    ):
        return False
    if not all(
        isinstance(line[key], str) for key in ("file", "output", "settings")
    ) or not isinstance(line["error"], str | None):
        return False
    if not all(isinstance(line[key], list) for key in ("references", "notes")):
        return False
    stamps = line["results"].values()
    inside = all(
        not Path(name).is_absolute() and ".." not in Path(name).parts for name in line["results"]
    )
    return inside and all(isinstance(stamp, list) and len(stamp) == 2 for stamp in stamps)
