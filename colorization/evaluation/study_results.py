"""What people chose on the page of a user study, as a share with its confidence interval."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KINDS = ("real", "preference")


@dataclass(frozen=True)
class StudyResult:
    """What people chose.

    Attributes:
        kind: ``real`` (which one is real?) or ``preference`` (which one looks better?).
        names: of the two sides: results and real photos, or both methods.
        successes: how often the colorized picture was taken for real, or the first method
            preferred.
        n: choices in all.
    """

    kind: str
    names: tuple[str, str]
    successes: int
    n: int

    @property
    def share(self) -> float:
        """Fooled or preferred, 0..1; 0.5 is chance; NaN without choices."""
        return self.successes / self.n if self.n else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % confidence interval of the share, 0..1."""
        return wilson_interval(self.successes, self.n)

    def sentence(self) -> str:
        """The result for people, the same as on the page."""
        if not self.n:
            return "no choices yet"
        what = (
            "fooled" if self.kind == "real" else f"preferred {self.names[0]} over {self.names[1]}"
        )
        share, low, high = (f"{100 * value:.1f} %" for value in (self.share, *self.interval))
        return f"{what}: {share} ({self.successes} of {self.n}; 95 % interval {low} to {high})"


def wilson_interval(successes: int, n: int) -> tuple[float, float]:
    """95 % confidence interval of a share.

    It takes choices as independent, whether they are of one person or of several.

    Args:
        successes: 0..n.
        n: trials; without any, the interval is everything.

    Returns:
        Lower and upper limit, 0..1.

    Raises:
        ValueError: successes is outside 0..n.

    Source: Wilson 1927.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"expected successes within 0..{n}, got {successes}")
    if n == 0:
        return 0.0, 1.0
    from scipy.stats import binomtest  # slow to import

    interval = binomtest(successes, n).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


def read_results(paths: Sequence[Path]) -> StudyResult:
    """Add up what one or several people downloaded from a page.

    Args:
        paths: the files that they downloaded.

    Raises:
        FileNotFoundError: a file does not exist.
        ValueError: a file is not one of choices, or is there twice, or they are of different
            studies.
    """
    if not paths:
        raise ValueError("expected at least one file of choices")
    found: list[dict[str, Any]] = []
    read: dict[bytes, Path] = {}
    for path in paths:
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such file")
        content = path.read_bytes()
        if content in read:
            same = path.resolve() == read[content].resolve()
            how = "is given twice" if same else f"holds the same choices as {read[content]}"
            raise ValueError(f"{path}: {how}; what a person chose counts once")
        read[content] = path
        try:
            answer = json.loads(content)
            picked = [choice["picked"] for choice in answer["choices"]]
            found.append(
                {
                    "key": (answer["study"], answer["kind"], *map(str, answer["names"])),
                    "picked": picked,
                }
            )
            if (
                answer["kind"] not in KINDS
                or len(answer["names"]) != 2
                or not set(picked) <= {"first", "second"}
            ):
                raise ValueError("unknown kind or choice")
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{path}: not a file of choices from a study page ({error})"
            ) from error
        if found[-1]["key"] != found[0]["key"]:
            raise ValueError(f"{path}: of another study than {paths[0]}")
    picked = [choice for one in found for choice in one["picked"]]
    _, kind, first, second = found[0]["key"]
    return StudyResult(kind, (first, second), picked.count("first"), len(picked))
