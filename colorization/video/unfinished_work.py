"""The folder of an unfinished film, beside its result; a stopped run is taken up from there."""

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

import av

from colorization import __version__
from colorization.options import ColorizeOptions
from colorization.photo_files.staged_files import staging
from colorization.pipeline import ColorizationPipeline
from colorization.video.frame_folder import frame_paths
from colorization.video.options import FilmOptions
from retrieval.safe_files import file_sha256, locked
from similarity.backbone.weight_files import hash_tensors

JOB, PLAN, LOCK = "job.json", "plan.json", "lock"
PICTURES = "pictures"  # folder of the colored pictures of a folder
MOVING = "moving"  # it is there once all are colored and take their names

_CHANGED = "before the film changed"
_WORDS = {
    "input": "for another film",
    "references": "with other references",
    "index": "with another --index",
    "weights": "with other networks",
    "encoder": "with another version of FFmpeg",
    "version": "with another version of Rechroma",
}
_LOST = {_CHANGED, _WORDS["encoder"], _WORDS["version"]}  # what cannot be had again


def work_folder(output: Path) -> Path:
    """Where the work on a result lies: hidden, beside it, so that it takes its name at once."""
    return output.parent / f".{output.name}.rechroma"


def carry_path(folder: Path, number: int) -> Path:
    """What a segment hands on to the next one; it is there once the segment is finished.

    Args:
        folder: of the work on the film.
        number: of the segment, from 0 over all scenes.
    """
    return folder / f"segment-{number:06d}.npz"


def has_moved(output: Path, name: str) -> bool:
    """Whether a run may have moved a picture to the output folder before it was stopped.

    Args:
        output: the folder.
        name: of the picture.
    """
    folder = work_folder(output)
    return (
        (folder / JOB).exists()
        and (folder / MOVING).exists()
        and not (folder / PICTURES / name).exists()
    )


def describe_job(
    input_path: Path,
    references: Sequence[Path],
    pipeline: ColorizationPipeline,
    options: ColorizeOptions,
    film_options: FilmOptions,
) -> dict[str, object]:
    """All that a film's colors depend on; unfinished work is taken up only if it is the same.

    Args:
        input_path: a film, or a folder of pictures; counts by path, names, sizes and times.
        references: given ones, which count by content; without them, the place of the index counts.
        pipeline: its weights and its index.
        options: all of them count.
        film_options: all of them count.

    Returns:
        As it comes back from JSON, to be compared with what is stored.

    Raises:
        OSError: the input or a reference cannot be read.
    """
    files = frame_paths(input_path) if input_path.is_dir() else [input_path]
    stats = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    index = pipeline.index
    described = {
        "version": __version__,
        "input": [str(input_path.resolve()), hashlib.sha256(repr(stats).encode()).hexdigest()],
        "references": [file_sha256(path) for path in references],
        "index": str(index.index_dir.resolve()) if index is not None and not references else None,
        "options": asdict(options),
        "film": asdict(film_options),
        "weights": [
            pipeline.backbone.weights_hash,
            hash_tensors(pipeline.network.state_dict()) if pipeline.network else None,
        ],
        "encoder": {name: list(version) for name, version in av.library_versions.items()},
    }
    found: dict[str, object] = json.loads(json.dumps(described))
    return found


@contextmanager
def working(output: Path, job: dict[str, object], overwrite: bool) -> Iterator[Path]:
    """Yield the folder of the work on a result, kept from other runs.

    It is removed when the block ends without an error, or with one before any work is finished.

    Args:
        output: the result.
        job: from describe_job.
        overwrite: drop unfinished work of another job, instead of refusing.

    Raises:
        ValueError: another run is at it, or has left unfinished work of another job.
    """
    folder = work_folder(output)
    folder.mkdir(parents=True, exist_ok=True)
    is_over = False
    try:
        with locked(folder / LOCK, f"{output}: another run is writing it"):
            try:
                _claim(folder, output, job, overwrite)
                yield folder
                is_over = True
            except BaseException:
                is_over = not _has_work(folder)
                raise
            finally:
                if is_over:  # while no other run can take what is left for finished work
                    with suppress(OSError):
                        _clear(folder)
    finally:
        if is_over:
            with suppress(OSError):  # another run may have begun there by now: its work stays
                (folder / LOCK).unlink(missing_ok=True)
                folder.rmdir()


def _claim(folder: Path, output: Path, job: dict[str, object], overwrite: bool) -> None:
    path = folder / JOB
    stored = _stored_job(path)
    differing = [key for key in job if stored.get(key) != job[key]]
    if stored and differing and not overwrite:
        how = [_difference(key, stored.get(key), job[key]) for key in differing]
        is_lost = not _LOST.isdisjoint(how)
        cure = "" if is_lost else "finish it as it was begun, or "
        raise ValueError(
            f"{output}: unfinished work in {folder} was begun {', '.join(how)};"
            f" {cure}begin anew with --overwrite"
        )
    if differing:
        _clear(folder)
    with staging() as files:
        files.add(path).write_text(json.dumps(job, indent=1))


def _difference(key: str, then: object, now: object) -> str:
    """How unfinished work was begun otherwise, in words that follow "was begun".

    Args:
        key: of describe_job.
        then: what it was.
        now: what it is.
    """
    if key not in _WORDS and isinstance(then, dict) and isinstance(now, dict):  # options
        names = [name for name in {**then, **now} if then.get(name) != now.get(name)]
        return "with another " + ", ".join(f"--{name.replace('_', '-')}" for name in names)
    if key == "input" and isinstance(then, list) and isinstance(now, list):
        return _CHANGED if then[:1] == now[:1] else f"for another film, {then[0]}"
    return _WORDS.get(key, f"with another {key}")


def _stored_job(path: Path) -> dict[str, object]:
    """Whose work lies in a folder; empty if nothing tells."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _clear(folder: Path) -> None:
    """Remove all work; what tells whose it is goes last, in case this is stopped on the way."""
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name == JOB):
        if entry.is_dir():
            shutil.rmtree(entry)
        elif entry.name != LOCK:
            entry.unlink()


def _has_work(folder: Path) -> bool:
    """Whether a plan or a segment is finished."""
    return (folder / PLAN).exists() or any(folder.glob("segment-*.npz"))
