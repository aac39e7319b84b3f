"""What a visitor has asked for: small, immutable, with its history, for undo and redo."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from colorization.batch.variants import closer_side
from colorization.network.hints import Point
from colorization.options import ColorizeOptions
from retrieval.search.recommendation import Recommendation

MAX_POINTS, MAX_HISTORY = 100, 200
SLIDERS = ("saturation", "vividness", "faithfulness")


@dataclass(frozen=True)
class Candidate:
    """A reference that may be used.

    Attributes:
        path: of the color picture.
        recommended: what the index says of it; None if the visitor brought it.
    """

    path: Path
    recommended: Recommendation | None = None


@dataclass(frozen=True)
class Edit:
    """One state of the wishes.

    Attributes:
        picks: candidates in use, by place.
        points: colors at places.
        palette: a picture whose colors the result should have.
        saturation: see ColorizeOptions, as vividness and faithfulness.
        kind: what the last change was; changes of one slider in a row are one step. The same wishes
            are equal however they came about.
        is_closer: whether the photo is looked at more closely.
    """

    picks: tuple[int, ...] = ()
    points: tuple[Point, ...] = ()
    palette: Path | None = None
    saturation: float = ColorizeOptions.saturation
    vividness: float = ColorizeOptions.vividness
    faithfulness: float = ColorizeOptions.faithfulness
    kind: str = field(default="", compare=False)
    is_closer: bool = False


@dataclass(frozen=True)
class EditedPhoto:
    """A photo on the page.

    Attributes:
        photo: the uploaded file.
        candidates: references that may be used; it only grows.
        edits: what was asked for, the current state last; never empty.
        note: one line to tell the visitor.
        undone: what was taken back since the last change, the latest last.
        shorter_side: of the photo, in pixels.
        content: by which a browser knows the file again on another day.
    """

    photo: Path
    candidates: tuple[Candidate, ...] = ()
    edits: tuple[Edit, ...] = (Edit(),)
    note: str = ""
    undone: tuple[Edit, ...] = ()
    shorter_side: int = 0
    content: str = ""

    @property
    def edit(self) -> Edit:
        """The current state."""
        return self.edits[-1]

    @property
    def is_changed(self) -> bool:
        """Whether points, sliders or how closely it is seen are others than to begin with."""
        first, now = self.edits[0], self.edit
        names = "points", "is_closer", *SLIDERS
        return any(getattr(first, name) != getattr(now, name) for name in names)

    @property
    def picked(self) -> tuple[Candidate, ...]:
        """The references in use."""
        return tuple(self.candidates[i] for i in self.edit.picks)

    def options(self, base: ColorizeOptions) -> ColorizeOptions:
        """The options with what was asked for.

        Raises:
            ValueError: a value is out of range.
        """
        asked = {name: getattr(self.edit, name) for name in SLIDERS}
        closer = closer_side(base, self.shorter_side) if self.edit.is_closer else None
        return replace(base, **asked, working_side=closer or base.working_side)

    def change(self, kind: str, **values: object) -> "EditedPhoto":
        """A further step.

        Raises:
            ValueError: too many points, or a reference that is not there.
        """
        edit = replace(self.edit, kind=kind, **values)  # type: ignore[arg-type]
        if len(edit.points) > MAX_POINTS:
            raise ValueError(f"at most {MAX_POINTS} color points; undo one first")
        if not all(0 <= i < len(self.candidates) for i in edit.picks):
            raise ValueError("there is no such reference; drop the photo again")
        if edit == self.edit:
            return self
        kept = self.edits[:-1] if kind in SLIDERS and kind == self.edit.kind else self.edits
        return replace(self, edits=(*kept[:1], *kept[1:][-MAX_HISTORY:], edit), undone=())

    def undo(self) -> "EditedPhoto":
        """A step back; the first state stays."""
        return (
            replace(self, edits=self.edits[:-1], undone=(*self.undone, self.edit))
            if len(self.edits) > 1
            else self
        )

    def redo(self) -> "EditedPhoto":
        """What was taken back last, again."""
        return (
            replace(self, edits=(*self.edits, self.undone[-1]), undone=self.undone[:-1])
            if self.undone
            else self
        )

    def restart(self) -> "EditedPhoto":
        """As it was when the photo was dropped, as a further step."""
        first = vars(self.edits[0])
        return self.change("", **{name: value for name, value in first.items() if name != "kind"})

    def put(self, points: Sequence[Point]) -> "EditedPhoto":
        """Put color points, as one step; they replace those on the very same places.

        Raises:
            ValueError: there are too many.
        """
        places = {(point.x, point.y) for point in points}
        others = (one for one in self.edit.points if (one.x, one.y) not in places)
        return self.change("", points=(*others, *points))

    def remove_point(self, x: float, y: float) -> "EditedPhoto":
        """Take the color point of a place away; without one there, nothing changes.

        Args:
            x: 0..1 from the left edge.
            y: 0..1 from the upper edge.
        """
        others = tuple(one for one in self.edit.points if (one.x, one.y) != (x, y))
        return self.change("", points=others)

    def bring(self, paths: Sequence[Path]) -> "EditedPhoto":
        """Add references of the visitor's own; from now on only such are used."""
        new = [Candidate(path) for path in paths]
        grown = replace(self, candidates=(*self.candidates, *new))
        kept = [i for i in self.edit.picks if self.candidates[i].recommended is None]
        added = range(len(self.candidates), len(grown.candidates))
        return grown.change("", picks=(*kept, *added))
