"""What was done with the photos of a folder run: one JSON line a file, in the output folder.

A line is on the disk before the results that it tells of get their names. So a file is finished if
its line is there and its results are as the line says, whenever a run is killed.
"""

import json
import os
import threading
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from colorization.batch.jobs import Extras, Job
from colorization.batch.manifest_lines import (
    MANIFEST,
    Line,
    Stamp,
    is_same,
    is_there,
    read_lines,
    stamp_of,
)
from colorization.photo_files.staged_files import remove_leftovers
from retrieval.safe_files import locked

_LOCK = ".rechroma.lock"


@dataclass(frozen=True)
class Todo:
    """What is left of a folder run.

    Attributes:
        jobs: to be done.
        finished: were finished by an earlier run with the same settings.
        foreign: have a result that no run wrote, or that was changed afterwards: it stays.
        failed: could not be read by an earlier run and have not changed since, with the reason.
    """

    jobs: list[Job] = field(default_factory=list)
    finished: list[Job] = field(default_factory=list)
    foreign: list[Job] = field(default_factory=list)
    failed: list[tuple[Job, str]] = field(default_factory=list)


class RunManifest:
    """The manifest of an output folder."""

    def __init__(self, folder: Path, settings: str) -> None:
        self.folder, self.settings = folder, settings
        self._last: dict[str, Line] = {}
        self._written: set[tuple[str, Stamp]] = set()
        self._adding = threading.Lock()  # several photos may be done at once
        for line in read_lines(folder):
            self._remember(line)

    def sort_out(
        self,
        jobs: Sequence[Job],
        extras: Extras,
        overwrite: bool,
        recolor: bool = False,
        allow_damaged: bool = False,
    ) -> Todo:
        """Tell what is to be done from what is.

        Args:
            jobs: of all photos.
            extras: what each may write.
            overwrite: do everything.
            recolor: do what was passed over, as it has colors.
            allow_damaged: try again what could not be read.
        """
        todo = Todo()
        inputs = {_source(job) for job in jobs}
        for job in jobs:
            if job.output_path.is_dir():
                error = f"{job.input_path}: {job.output_path} is a folder; choose another --output"
                todo.failed.append((job, error))
                continue
            if overwrite:
                todo.jobs.append(job)
                continue
            line, other = self._valid(job), self._other(job)
            if line is not None and (
                (recolor and line.get("passed")) or (allow_damaged and line["error"])
            ):
                line = None
            if other and other not in inputs and (is_there(other) or not self._is_same_photo(job)):
                error = (
                    f"{job.input_path}: {job.output_path} is the result of {other};"
                    " choose another --output"
                )
                todo.failed.append((job, error))
            elif line is not None and line["error"]:
                todo.failed.append((job, line["error"]))
            elif line is not None and all(
                stamp_of(self.folder / name) == tuple(own) for name, own in line["results"].items()
            ):
                todo.finished.append(job)
            elif any(self.is_foreign(path) for path in extras.files(job.output_path)):
                todo.foreign.append(job)
            else:
                todo.jobs.append(job)
        return todo

    def last_line(self, job: Job) -> Line:
        """The last line of a finished job: references, seconds, notes, and names of its results."""
        return self._last[self._name(job.output_path)]

    def add(
        self,
        job: Job,
        seen: Stamp | None,
        outcome: Mapping[str, Any],
        results: Mapping[Path, os.stat_result],
        lasting: bool = True,
    ) -> None:
        """Append a line, and wait until it is on the disk.

        Args:
            job: see Job.
            seen: stamp of the input before it was read: it may have changed meanwhile.
            outcome: references, seconds, error, notes, and why the file was passed over.
            results: what is going to be written; nothing if there was an error.
            lasting: False for an error that another try may not meet.
        """
        names = {
            self._name(path): (found.st_size, found.st_mtime_ns) for path, found in results.items()
        }
        size, changed = seen or (None, None)
        line = {
            "file": _source(job), "output": self._name(job.output_path), **outcome,
            "results": names, "size": size, "mtime_ns": changed, "settings": self.settings,
            "lasting": lasting,
        }  # fmt: skip
        with self._adding, (self.folder / MANIFEST).open("a+b") as file:
            if file.tell() and not _ends_with_newline(file):
                file.write(b"\n")  # the last run was killed while it wrote a line
            file.write(json.dumps(line).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self._remember(line)

    def outdated(self, job: Job, results: Container[Path]) -> list[Path]:
        """What the last run wrote for a job beside what is going to be written.

        Args:
            job: see Job.
            results: files that are going to be written.

        Returns:
            Files that are still as that run wrote them.
        """
        written = self._last.get(self._name(job.output_path), {"results": {}})["results"]
        own = [
            self.folder / name
            for name, stamp in written.items()
            if stamp_of(self.folder / name) == tuple(stamp)
        ]
        return [path for path in own if path not in results]

    def _remember(self, line: Line) -> None:
        self._last[line["output"]] = line
        self._written |= {(name, tuple(stamp)) for name, stamp in line["results"].items()}

    def _valid(self, job: Job) -> Line | None:
        """The line of a job, if it still holds."""
        line = self._last.get(self._name(job.output_path))
        if line is None or line["settings"] != self.settings or not line["lasting"]:
            return None
        return line if (line["size"], line["mtime_ns"]) == stamp_of(job.input_path) else None

    def _other(self, job: Job) -> str | None:
        """The input whose result lies where a job wants to write, if it is another one."""
        line = self._last.get(self._name(job.output_path))
        if not line or is_same(line["file"], job.input_path):
            return None
        return line["file"] if any(stamp_of(self.folder / n) for n in line["results"]) else None

    def _is_same_photo(self, job: Job) -> bool:
        """Whether the input is that of its last line: what was copied keeps its size.

        Where its time is another, it is colorized anew, unless its result was changed since.
        """
        found = stamp_of(job.input_path)
        return found is not None and found[0] == self._last[self._name(job.output_path)]["size"]

    def is_foreign(self, path: Path) -> bool:
        """Whether there is something that no run wrote, or that was changed afterwards."""
        stamp = stamp_of(path)
        return stamp is not None and (self._name(path), stamp) not in self._written

    def _name(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()


@contextmanager
def alone(folder: Path, jobs: Sequence[Job]) -> Iterator[None]:
    """Hold an output folder for one run; the system releases it when the run dies.

    What a killed run has left is removed.

    Args:
        folder: of all results; made if needed.
        jobs: of the run; what is left is looked for where their results go.

    Raises:
        ValueError: another run is writing there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / _LOCK, f"{folder}: another run is writing here; wait until it has ended"):
        for place in {job.output_path.parent for job in jobs}:
            remove_leftovers(place)
        yield


def _source(job: Job) -> str:
    return str(job.input_path.absolute())


def _ends_with_newline(file: Any) -> bool:
    file.seek(-1, os.SEEK_END)
    return bool(file.read(1) == b"\n")
