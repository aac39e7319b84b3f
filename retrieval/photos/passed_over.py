"""What of a folder is no photo of its owner's: what programs keep there, and what is excluded."""

import fnmatch
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from retrieval.photos.formats import UNREAD

# thumbnails, previews and wastebaskets of storage boxes, photo programs and systems; small letters
_PROGRAM_FOLDERS = frozenset((
    # storage boxes
    "@eadir", "#recycle", "#snapshot", "@recycle", "@recently-snapshot", "@tmp", "@sharebin",
    "@transcode",
    # systems
    "$recycle.bin", "recycler", "system volume information", "lost+found", "__macosx",
    "network trash folder", "temporary items",
    # photo programs
    "ipod photo cache", "[originals]", "captureone", "adobe bridge cache", "pwg_representative",
    "pwg_high",
))  # fmt: skip
_PROGRAM_PREFIXES = ("appdata_oc",)  # previews of a Nextcloud
_PROGRAM_SUFFIXES = (".lrdata", ".lrcat-data", ".cocatalogdb", ".cosessiondb", ".dtrash")
# libraries of Apple's programs are folders: originals lie in some of theirs, previews in the others
_LIBRARY_SUFFIXES = (".photoslibrary", ".photolibrary", ".migratedphotolibrary", ".aplibrary")
_ORIGINALS = frozenset(("originals", "masters"))
SHOWN = 5  # names in a line


class Exclusion:
    """What is not walked.

    Args:
        root: folder that was given; it is walked whatever its name is.
        patterns: with ``*``, ``?`` and ``[...]``, where ``*`` stands for anything. One without a
            slash fits the name of a file or folder, one with a slash its path below the root.

    Raises:
        ValueError: a pattern is empty.
    """

    def __init__(self, root: str, patterns: Sequence[str]) -> None:
        if not all(pattern.strip("/") for pattern in patterns):
            raise ValueError("--exclude: the pattern is empty; name files or folders")
        plain = [pattern.strip("/") for pattern in patterns]
        self._start = len(os.path.join(root, ""))
        self._names = _matcher([pattern for pattern in plain if "/" not in pattern])
        self._paths = _matcher([pattern for pattern in plain if "/" in pattern])

    def fits(self, path: str) -> bool:
        """Whether a file or folder below the root is excluded."""
        inside = path[self._start :].replace(os.sep, "/")
        if self._names and self._names.fullmatch(inside[inside.rfind("/") + 1 :]):
            return True
        return bool(self._paths and self._paths.fullmatch(inside))

    @staticmethod
    def is_of_a_program(parent: str, name: str) -> bool:
        """Whether a folder is one that a program keeps for itself.

        Args:
            parent: the folder it lies in.
            name: its own.
        """
        name = name.lower()
        if parent.lower().endswith(_LIBRARY_SUFFIXES):
            return name not in _ORIGINALS
        return name in _PROGRAM_FOLDERS or (
            name.endswith(_PROGRAM_SUFFIXES) or name.startswith(_PROGRAM_PREFIXES)
        )


def _matcher(patterns: Sequence[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(map(fnmatch.translate, patterns))) if patterns else None


# what is told of each list of PassedOver: what it holds, and the rest of its line
_TOLD = {
    "folders": ("folder", " that other programs keep beside photos: {}"),
    "links": ("link", " to folders, which must be named to be taken: {}"),
    "broken": ("broken link", ": {}"),
    "unnamed": ("picture", " without a suffix such as .jpg: {}"),
    "excluded": ("file or folder", " by --exclude"),
    "made": ("picture", " that Rechroma has made, which must be named to be taken: {}"),
}


@dataclass
class PassedOver:
    """What a walk has passed over.

    Attributes:
        closed: folders and files that cannot be opened, with the reason.
        folders: of programs.
        links: to folders, which are not followed.
        broken: links that lead nowhere.
        unnamed: pictures whose name has no suffix.
        excluded: files and folders that fit a pattern.
        made: what this program has made itself.
        unread: number of files by suffix that are like pictures and cannot be read.
    """

    closed: dict[str, OSError] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    unnamed: list[str] = field(default_factory=list)
    excluded: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    unread: Counter[str] = field(default_factory=Counter)

    def add(self, other: "PassedOver") -> None:
        """Take over what another walk has passed over, each path once."""
        self.closed |= other.closed
        for name in _TOLD:
            paths = getattr(self, name)
            paths[:] = dict.fromkeys([*paths, *getattr(other, name)])
        self.unread += other.unread

    def lines(self) -> list[str]:
        """One line for each kind but ``closed``, for a person."""
        lines = []
        for name, (what, rest) in _TOLD.items():
            if paths := getattr(self, name):
                names = first_names(sorted({os.path.basename(path) for path in paths}))  # noqa: PTH119
                lines.append(_count(len(paths), what) + rest.format(names))
        reasons = dict.fromkeys(UNREAD[suffix] for suffix in sorted(self.unread))
        for reason in reasons:
            kinds = [one for one in sorted(self.unread) if UNREAD[one] == reason]
            told = ", ".join(f"{self.unread[one]} {one}" for one in kinds)
            lines.append(f"{told}: {reason}")
        return lines

    def reason(self) -> str:
        """What was passed over, to end a line about a folder without pictures; else empty."""
        lines = self.lines()
        return f"; passed over: {'; '.join(lines)}" if lines else ""


def first_names(names: Sequence[str]) -> str:
    """The first few of many names, for a person."""
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")


def _count(number: int, what: str) -> str:
    plural = "files or folders" if what == "file or folder" else f"{what}s"
    return f"{number} {what if number == 1 else plural}"
