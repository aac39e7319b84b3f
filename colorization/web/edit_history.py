"""What a visitor has asked for: small, immutable, with its history, so that undo is a step back and redo one forth."""

from dataclasses import dataclass, fields, replace
from pathlib import Path

from colorization.network.hints import Point
from colorization.options import ColorizeOptions, default_faithfulness
from retrieval.search.photo_index import Recommendation

MAX_POINTS, MAX_HISTORY = 100, 200
Number = int | float  # browsers send a whole number as such
Sent = Number | None  # a cleared field is None
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

    @property
    def score(self) -> str:
        """How well it suits, as the index says."""
        return "yours" if self.recommended is None else f"{self.recommended.score:.2f}"

    @property
    def caption(self) -> str:
        """Score and name."""
        return f"{self.score} {self.path.name}"


@dataclass(frozen=True)
class Edit:
    """One state of the wishes.

    Attributes:
        picks: candidates in use, by place.
        points: colors at places.
        palette: a picture whose colors the result should have.
        saturation: see ColorizeOptions, as vividness and faithfulness.
        faithfulness: None takes the default, which depends on whether references were recommended.
        kind: what the last change was; changes of one slider in a row are one step.
    """

    picks: tuple[int, ...] = ()
    points: tuple[Point, ...] = ()
    palette: Path | None = None
    saturation: float = ColorizeOptions.saturation
    vividness: float = ColorizeOptions.vividness
    faithfulness: float | None = None
    kind: str = ""


@dataclass(frozen=True)
class Work:
    """A photo on the page.

    Attributes:
        photo: the uploaded file.
        candidates: references that may be used; it only grows.
        edits: what was asked for, the current state last; never empty.
        note: one line to tell the visitor.
        undone: what was taken back since the last change, the latest last.
    """

    photo: Path
    candidates: tuple[Candidate, ...] = ()
    edits: tuple[Edit, ...] = (Edit(),)
    note: str = ""
    undone: tuple[Edit, ...] = ()

    @property
    def edit(self) -> Edit:
        """The current state."""
        return self.edits[-1]

    @property
    def picked(self) -> tuple[Candidate, ...]:
        """The references in use."""
        return tuple(self.candidates[i] for i in self.edit.picks)

    @property
    def faithfulness(self) -> float:
        """How far references are followed: as asked for, or the default for such references."""
        if self.edit.faithfulness is not None:
            return self.edit.faithfulness
        return default_faithfulness(
            recommended=all(candidate.recommended for candidate in self.picked)
        )

    @property
    def own(self) -> list[Path]:
        """The references in use that the visitor has brought."""
        return [candidate.path for candidate in self.picked if candidate.recommended is None]

    def options(self, base: ColorizeOptions) -> ColorizeOptions:
        """The options with what was asked for.

        Raises:
            ValueError: a value is out of range.
        """
        edit = self.edit
        return replace(
            base,
            saturation=edit.saturation,
            vividness=edit.vividness,
            faithfulness=self.faithfulness,
        )

    def change(self, kind: str, **values: object) -> "Work":
        """A further step.

        Raises:
            ValueError: too many points, or a reference that is not there.
        """
        edit = replace(self.edit, kind=kind, **values)  # type: ignore[arg-type]
        if len(edit.points) > MAX_POINTS:
            raise ValueError(f"at most {MAX_POINTS} color points; undo one first")
        if not all(0 <= i < len(self.candidates) for i in edit.picks):
            raise ValueError("there is no such reference; drop the photo again")
        if replace(edit, kind="") == replace(self.edit, kind=""):
            return self
        kept = self.edits[:-1] if kind in SLIDERS and kind == self.edit.kind else self.edits
        return replace(self, edits=(*kept[:1], *kept[1:][-MAX_HISTORY:], edit), undone=())

    def undo(self) -> "Work":
        """A step back; the first state stays."""
        return (
            replace(self, edits=self.edits[:-1], undone=(*self.undone, self.edit))
            if len(self.edits) > 1
            else self
        )

    def redo(self) -> "Work":
        """What was taken back last, again."""
        return (
            replace(self, edits=(*self.edits, self.undone[-1]), undone=self.undone[:-1])
            if self.undone
            else self
        )

    def restart(self) -> "Work":
        """As it was when the photo was dropped, as a further step."""
        first = self.edits[0]
        return self.change(
            "",
            **{
                name.name: getattr(first, name.name)
                for name in fields(first)
                if name.name != "kind"
            },
        )

    def bring(self, paths: list[Path]) -> "Work":
        """Add references of the visitor's own, and use only those from now on."""
        known = {candidate.path for candidate in self.candidates}
        new = [Candidate(path) for path in paths if path not in known]
        grown = replace(self, candidates=(*self.candidates, *new))
        picks = tuple(i for i, candidate in enumerate(grown.candidates) if candidate.path in paths)
        return grown.change("", picks=picks)

    def take_back(self, kept: list[Path]) -> "Work":
        """Use no more references of the visitor's own than those kept; without any left, those of the beginning."""
        picks = [
            i
            for i in self.edit.picks
            if self.candidates[i].recommended or self.candidates[i].path in kept
        ]
        return self.change("", picks=tuple(picks) or self.edits[0].picks)
