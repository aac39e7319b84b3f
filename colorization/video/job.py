"""What is asked for: a film and where its result goes; refused where something would be lost."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from colorization.photo_files.writer import check_writable
from colorization.video.film_reader import SUFFIXES, Film
from colorization.video.frame_folder import PictureFilm, frame_paths, result_name
from colorization.video.options import FilmOptions
from colorization.video.unfinished_work import has_moved


@dataclass(frozen=True)
class FilmJob:
    """What is asked for.

    Attributes:
        input_path: a film, or a folder of pictures.
        output_path: a film, or a folder for pictures.
        references: color pictures for all scenes; none takes recommended ones for each scene, or
            none without an index.
        overwrite: replace an existing result, and drop unfinished work that was begun otherwise.
    """

    input_path: Path
    output_path: Path
    references: Sequence[Path] = ()
    overwrite: bool = False


def open_source(path: Path, options: FilmOptions, one_size: bool = False) -> Film | PictureFilm:
    """A film file, or a folder of pictures.

    Args:
        path: of either.
        options: frame_rate, allow_damaged.
        one_size: see PictureFilm.

    Raises:
        FilmError: it cannot be used as a film.
    """
    return (
        PictureFilm(path, options.frame_rate, one_size, options.allow_damaged)
        if path.is_dir()
        else Film(path, options.allow_damaged)
    )


def result_paths(job: FilmJob) -> list[Path]:
    """The pictures that a folder becomes, in order."""
    return [job.output_path / result_name(path) for path in frame_paths(job.input_path)]


def check_job(job: FilmJob) -> None:
    """Refuse what would lose something, before any model is loaded.

    Raises:
        ValueError: the result exists, would replace what was given, or cannot be written like that.
    """
    output = job.output_path
    is_film = output.suffix.lower() in SUFFIXES
    if not is_film and (output.suffix or not job.input_path.is_dir()) and not output.is_dir():
        as_folder = "; for a folder of frames make that folder first, or leave out the dot"
        raise ValueError(
            f"{output}: cannot write {output.suffix or 'a film without suffix'};"
            f" use {', '.join(SUFFIXES)}{as_folder if job.input_path.is_dir() else ''}"
        )
    if not is_film and not job.input_path.is_dir():
        raise ValueError(
            f"{output}: is a folder; a film is written to a file: use {', '.join(SUFFIXES)}"
        )
    given = {path.resolve() for path in (job.input_path, *job.references)}
    for path in (output, *([] if is_film else result_paths(job))):
        if path.resolve() in given:
            raise ValueError(
                f"{path}: the result would replace what was given; choose another --output"
            )
    if is_film and output.is_dir():
        raise ValueError(f"{output}: is a folder; choose another --output")
    if not is_film and output.exists() and not output.is_dir():
        raise ValueError(f"{output}: is a file; frames are written into a folder")
    existing = [output] if is_film and output.exists() else []
    existing += [] if is_film else _existing(job)
    if existing and not job.overwrite:
        raise ValueError(f"{existing[0]}: exists already; replace it with --overwrite")
    check_writable(output / "frame" if output.is_dir() else output)


def _existing(job: FilmJob) -> Iterator[Path]:
    """Pictures that would be replaced.

    Those of unfinished work do not count: it is refused later if it is of another job.
    """
    return (
        path
        for path in result_paths(job)
        if path.exists() and not has_moved(job.output_path, path.name)
    )
