"""Where the results of inputs go, and what must not happen to files on the way."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from colorization.batch.result_names import told_apart
from colorization.photo_files.writer import FORMATS, check_output, output_suffix
from retrieval.photos.formats import UNREAD
from retrieval.photos.listing import list_pictures
from retrieval.photos.metadata import is_made_file
from retrieval.photos.passed_over import PassedOver


@dataclass(frozen=True)
class Job:
    """One input and where its result goes."""

    input_path: Path
    output_path: Path


@dataclass(frozen=True)
class Extras:
    """What is written beside or instead of one result.

    Attributes:
        variants: how many results that look different, at most; 0 for the one result.
        explain: whether each result gets a picture and a JSON file that explain its colors.
    """

    variants: int = 0
    explain: bool = False

    def results(self, output_path: Path) -> list[Path]:
        """The results that a job may have."""
        if not self.variants:
            return [output_path]
        return [
            beside(output_path, f"-{number}", output_path.suffix)
            for number in range(1, self.variants + 1)
        ]

    def files(self, output_path: Path) -> list[Path]:
        """All files that a job may write."""
        results = self.results(output_path)
        sheet = [beside(output_path, "-variants", ".png")] if self.variants else []
        explained = (
            [path for result in results for path in explanation_paths(result)]
            if self.explain
            else []
        )
        return [*results, *sheet, *explained]

    def replaces(self, path: Path, output_path: Path) -> bool:
        """Whether a file that was made for a photo once is no more true beside these results.

        One result leaves variants alone, and variants the one result.

        Args:
            path: of the file.
            output_path: of the one result.
        """
        ending = path.stem.removeprefix(output_path.stem).removesuffix("-explained")
        is_variant = ending == "-variants" or ending.removeprefix("-").isdecimal()
        return is_variant == bool(self.variants)


def beside(path: Path, addition: str, suffix: str) -> Path:
    """``photo.jpg`` with ``-1`` and ``.png`` is ``photo-1.png``.

    Args:
        path: of a result.
        addition: to the end of the name before its suffix.
        suffix: that the new name has instead, with its dot.
    """
    return path.with_name(f"{path.stem}{addition}{suffix}")


def explanation_paths(result: Path) -> tuple[Path, Path]:
    """Picture and JSON file that explain a result."""
    return beside(result, "-explained", ".png"), beside(result, "-explained", ".json")


def is_single(inputs: Sequence[Path]) -> bool:
    """Whether there is one input, and it is no folder."""
    return len(inputs) == 1 and not inputs[0].is_dir()


def plan_jobs(
    inputs: Sequence[Path],
    output: Path,
    overwrite: bool,
    protected: Sequence[Path] = (),
    extras: Extras = Extras(),
    passed: PassedOver | None = None,
    exclude: Sequence[str] = (),
) -> list[Job]:
    """Decide where each result goes.

    Args:
        inputs: files, and folders that are walked but for what the program has made itself.
        output: the result's file for one input file, else a folder; structure below input folders
            is kept.
        overwrite: whether the existing result of a single input may be replaced; of those of a
            folder the manifest decides.
        protected: files that must not be replaced, besides the inputs.
        extras: what else is written beside each result.
        passed: learns of what of the folders is passed over, see list_pictures.
        exclude: patterns of files and folders that are not walked, see Exclusion.

    Raises:
        FileNotFoundError: an input does not exist.
        ValueError: there is nothing to do, two inputs have one result, or a result would replace an
            input or a reference, exists already for a single input, or cannot be written.
    """
    single = is_single(inputs)
    everything = PassedOver() if passed is None else passed
    jobs: list[Job] = []
    for entry in inputs:
        if not entry.exists():
            raise FileNotFoundError(f"{entry}: no such file")
        if single and not output.is_dir():
            why = UNREAD.get(entry.suffix.lower())
            if why and output.suffix.lower() not in FORMATS:  # of a film, which output would do?
                raise ValueError(f"{entry}: {why}")
            jobs.append(Job(entry, output))
            continue
        for path in _pictures(entry, output, everything, exclude) if entry.is_dir() else [entry]:
            inside = path.relative_to(entry) if entry.is_dir() else Path(path.name)
            jobs.append(Job(path, output / inside.with_suffix(output_suffix(path.suffix))))
    if not jobs:
        raise ValueError(
            f"{', '.join(map(str, inputs))}: no pictures,"
            f" or none but what Rechroma has made{everything.reason()}"
        )
    once = {(_real(job.input_path), job.output_path): job for job in reversed(jobs)}
    jobs = list(reversed(once.values()))
    if not single:
        jobs = told_apart(jobs, extras, output)
    _check_collisions(jobs, [*(job.input_path for job in jobs), *protected], extras)
    if not single and not output.is_dir() and (output.exists() or output.suffix.lower() in FORMATS):
        raise ValueError(
            f"{output}: is {'a file' if output.exists() else 'the name of a picture'};"
            " several inputs need a folder"
        )
    check_output(jobs[0].output_path)
    existing = [path for path in extras.files(jobs[0].output_path) if path.exists()]
    if single and existing and not overwrite:
        raise ValueError(f"{existing[0]}: exists already; replace it with --overwrite")
    return jobs


def _pictures(folder: Path, output: Path, passed: PassedOver, exclude: Sequence[str]) -> list[Path]:
    """Pictures of a folder, but none that the program has made or that lie among the results."""
    inside = _real(output)
    is_around = _real(folder).is_relative_to(inside)  # then what lies in it need not be a result
    found = (
        path
        for path in list_pictures(folder, passed, exclude)
        if is_around or not _real(path).is_relative_to(inside)
    )
    pictures = []
    for path in found:
        if not is_made_file(path):
            pictures.append(path)
        elif not is_around:  # else results of an earlier run stand beside what they were made of
            passed.made.append(str(path))
    return pictures


def _real(path: Path) -> Path:
    """The path without links; where links lead to themselves, they stay, to be told of later."""
    return Path(os.path.realpath(path))


def _check_collisions(jobs: Sequence[Job], protected: Sequence[Path], extras: Extras) -> None:
    originals = {_real(path) for path in protected}
    seen: dict[Path, Path] = {}
    for job in jobs:
        for path in extras.files(job.output_path):
            target = _real(path)
            if target in originals:
                raise ValueError(
                    f"{path}: the result would replace a picture that was given;"
                    " choose another --output"
                )
            if target in seen:
                raise ValueError(
                    f"{seen[target]} and {job.input_path} would both be written to {path};"
                    " colorize them into two folders, or name the folder that holds both"
                )
            seen[target] = job.input_path
