"""What became of one photo of a run, and how it is told in JSON."""

from dataclasses import dataclass, field
from pathlib import Path

from colorization.batch.jobs import Job
from colorization.photo_files.contact_sheet import Cell
from retrieval.search.recommendation import Recommendation


@dataclass(frozen=True)
class Outcome:
    """What became of a job.

    Attributes:
        job: see Job.
        references: path and scores of each reference; of variants also the result that it colored.
        seconds: from file to file.
        error: one line, empty if the result was written.
        notes: lines worth telling.
        cells: thumbnails for a contact sheet.
        results: the files that were written; several only of variants.
        passed: why the photo was passed over, empty if it was not.
        variants: what each of the results is, where several were asked for.
    """

    job: Job
    references: list[dict[str, object]] = field(default_factory=list)
    seconds: float = 0.0
    error: str = ""
    notes: list[str] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    results: list[Path] = field(default_factory=list)
    passed: str = ""
    variants: list[str] = field(default_factory=list)

    def as_dict(self, has_variants: bool = False) -> dict[str, object]:
        """For JSON; the output is a list if variants were asked for, and None if there is none."""
        outputs = [str(path) for path in self.results]
        output = outputs if has_variants else next(iter(outputs), None)
        return {"input": str(self.job.input_path), "output": output, **self.facts()}

    def facts(self) -> dict[str, object]:
        """What is known but for the files."""
        return {
            "references": self.references,
            "seconds": round(self.seconds, 3),
            "error": self.error or None,
            "notes": self.notes,
            "passed": self.passed or None,
            **({"variants": self.variants} if self.variants else {}),
        }


def describe_recommendation(recommendation: Recommendation) -> dict[str, object]:
    """A recommendation for JSON: path, match, and each part of its score."""
    return {
        name: round(value, 4) if isinstance(value, float) else str(value)
        for name, value in vars(recommendation).items()
    }
