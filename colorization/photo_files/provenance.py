"""Results say in their metadata what they are, so that nobody takes them for originals."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from colorization import __version__
from retrieval.photos.embedded.tiff_tags import DESCRIPTION, SOFTWARE
from retrieval.photos.metadata import COLORIZED, load_exif
from retrieval.photos.reader import Picture

PROGRAM = f"Rechroma {__version__}"
LEAST_SHARE = 0.005  # of the colors that is worth a word


@dataclass(frozen=True)
class Sources:
    """Where the colors of a result come from.

    Attributes:
        shares: file name and share of each reference, see Colorized.influence.
        palette: file name of the palette picture; empty for none.
        num_points: how many colors were set by hand.
    """

    shares: Sequence[tuple[str, float]] = ()
    palette: str = ""
    num_points: int = 0

    def guides(self) -> list[str]:
        """What else than references was asked for, for a person."""
        count = self.num_points
        told = [f"{count} color point{'s' if count > 1 else ''}"] if count else []
        return told + ([f"palette of {self.palette}"] if self.palette else [])


def statement(found: Sources) -> str:
    """What a result says of itself; a reference that gave nothing is not named."""
    lent_by = [name for name, share in found.shares if share >= LEAST_SHARE]
    named = [*lent_by, *([f"the palette of {found.palette}"] if found.palette else [])]
    lent = f"Colors from {', '.join(named)}" if named else "Colors guessed without a reference"
    lent += f", {found.num_points} set by hand" if found.num_points else ""
    return f"{COLORIZED} {__version__}; the colors are not original. {lent}."


def sources(shares: Sequence[tuple[str, float]]) -> str:
    """Where the colors of a result come from, for a person.

    Args:
        shares: file name and share of each reference, see Colorized.influence; one that gave
            nothing is only named where none gave anything.
    """
    if not shares:
        return "without a reference"
    named = [(name, share) for name, share in shares if share >= LEAST_SHARE]
    if not named:
        return f"without a reference: {', '.join(name for name, _ in shares)} gave no colors"
    rest = max(0.0, 1 - sum(share for _, share in shares))
    *percents, others = _percents([*(share for _, share in named), rest])
    pairs = zip(named, percents, strict=True)
    lent = ", ".join(f"{name} {percent}%" for (name, _), percent in pairs if percent)
    return f"from {lent}" + (f", the other {others}% without a reference" if others else "")


def _percents(shares: Sequence[float]) -> list[int]:
    """Whole percents that add up to 100: what was cut off most is rounded up."""
    exact = [100 * share / sum(shares) for share in shares]
    percents = [int(share) for share in exact]
    order = sorted(range(len(exact)), key=lambda i: round(percents[i] - exact[i], 9))
    for i in order[: 100 - sum(percents)]:
        percents[i] += 1
    return percents


def credited(source: Picture, found: Sources) -> Picture:
    """The original with metadata for its result, which tell that and how it was colorized.

    They are ImageDescription and Software of EXIF.

    Args:
        source: the original; what it says there is kept, and what else it carries stays as it is.
        found: where the colors come from.
    """
    exif = load_exif(source.metadata.get("exif"))
    exif[DESCRIPTION] = appended(exif.get(DESCRIPTION), statement(found))
    exif[SOFTWARE] = appended(exif.get(SOFTWARE), PROGRAM)
    return replace(source, metadata={**source.metadata, "exif": exif.tobytes()})


def appended(old: object, new: str) -> bytes:
    """A text after what stands there already, once.

    Args:
        old: text, or bytes in any encoding; None or empty if nothing stands there.
        new: what is added; if the old text ends with it already, nothing is.

    Returns:
        The old text, ``; `` and the new one; both as UTF-8, but old bytes as they were.
    """
    before = (old if isinstance(old, bytes) else str(old or "").encode()).rstrip(b"\0 ")
    added = new.encode("utf-8", "replace")
    return (
        before if before.endswith(added) else b"; ".join(part for part in (before, added) if part)
    )
