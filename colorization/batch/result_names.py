"""Names of the results of photos that differ in their suffix alone.

Each keeps the name that an earlier run gave its result, whichever of the photos have gone since.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from colorization.batch.manifest_lines import Line, is_same, is_there, read_lines, stamp_of

if TYPE_CHECKING:
    from colorization.batch.jobs import Extras, Job


def told_apart(jobs: Sequence["Job"], extras: "Extras", folder: Path) -> list["Job"]:
    """Let inputs keep their suffix where they would write the same file.

    Beside ``a.png``, ``a.gif`` gives ``a.gif.png``; also where ``a.png`` is gone and its result is
    there still.

    Args:
        jobs: with the names that they have alone.
        extras: what is written beside each result.
        folder: of all results; its manifest tells which names they have had.
    """
    names = _EarlierNames(folder)
    wanted = {job: names.of(job) for job in jobs}
    taken: dict[Path, str] = {}
    chosen = {}
    # what is there already first, then own names
    for job in sorted(
        jobs, key=lambda job: (not wanted[job], job.output_path.name != job.input_path.name)
    ):
        name = job.input_path.name  # of one name in two folders, neither is told apart
        choices = [wanted[job] or names.free(job), job.output_path, with_suffix_kept(job)]
        free = (
            path
            for path in choices
            if all(taken.get(one, name) == name for one in extras.files(path))
        )
        chosen[job] = replace(job, output_path=next(free, choices[-1]))
        taken |= dict.fromkeys(extras.files(chosen[job].output_path), name)
    return [chosen[job] for job in jobs]


def with_suffix_kept(job: "Job") -> Path:
    """``a.gif.png`` of ``a.gif``."""
    return job.output_path.with_name(job.input_path.name + job.output_path.suffix)


class _EarlierNames:
    """What the manifest of an output folder tells of names."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._last: dict[str, Line] = {}
        with suppress(OSError):  # which the run will tell
            self._last = {line["output"]: line for line in read_lines(folder)}

    def of(self, job: "Job") -> Path | None:
        """The name that the result of a photo has had, also where the photo was moved since."""
        found = [
            (path, line)
            for path in (job.output_path, with_suffix_kept(job))
            if (line := self._line(path))
        ]
        own = [path for path, line in found if is_same(line["file"], job.input_path)]
        own += [path for path, line in found if _is_moved(line, job)]
        return own[0] if own else None

    def free(self, job: "Job") -> Path:
        """The name of a result that is new: none that a photo beside this one has had."""
        line = self._line(job.output_path)
        if not line or not any(stamp_of(self.folder / name) for name in line["results"]):
            return job.output_path
        place = job.input_path.absolute().parent
        is_beside = is_same(str(Path(line["file"]).parent), place)
        return with_suffix_kept(job) if is_beside else job.output_path

    def _line(self, path: Path) -> Line | None:
        return self._last.get(path.relative_to(self.folder).as_posix())


def _is_moved(line: Line, job: "Job") -> bool:
    """Whether the photo of a line has gone, and this one is it."""
    return (
        Path(line["file"]).name == job.input_path.name
        and not is_there(line["file"])
        and (line["size"], line["mtime_ns"]) == stamp_of(job.input_path)
    )
