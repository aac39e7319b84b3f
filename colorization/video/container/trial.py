"""Whether a container can hold what stands beside a film's pictures, by a trial before any work.

The result is really written, with one gray frame: header, all sound and subtitles, trailer. What
fails at the end of an hour of coloring fails here.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from av.error import FFmpegError

from colorization.video.container.beside import KINDS, streams_of, what_is_missing
from colorization.video.container.joining import Timing, join
from colorization.video.container.segment_writer import SegmentWriter
from colorization.video.container.sound import CODECS, COPY, convert_sound
from colorization.video.film_reader import SUFFIXES, Film, FilmError, opened
from colorization.video.frame_folder import PictureFilm
from colorization.video.yuv import Plane

_SEGMENT = "trial-segment.nut"
_SAMPLE = 3.0  # seconds of sound that tell whether another codec helps
_NAMES = {"audio": "sound", "subtitles": "subtitles"}


def check_container(
    film: Film | PictureFilm, output: Path, folder: Path, sound: Path | None = None
) -> list[str]:
    """Refuse a container that cannot hold the film's sound before any work is done.

    Args:
        film: its sound and subtitles will be copied.
        output: the result's name.
        folder: for files that are written as a trial.
        sound: see join.

    Returns:
        What the result will not hold, in lines for a person.

    Raises:
        FilmError: it cannot; the line says what can.
    """
    suffix = output.suffix.lower()
    first = next(iter(film.frames()), None)
    if first is None:
        raise FilmError(f"{film.path}: holds no frame that can be read")
    trial = _Trial(film, folder, first.luma, Timing([first.pts], first.duration))
    try:
        lines = trial.run(suffix, sound)
        if not isinstance(lines, Exception):
            return lines
        if isinstance(film, PictureFilm) or not trial.has_any():
            reason = getattr(lines, "strerror", None) or str(lines)
            raise FilmError(f"{output}: cannot be written ({reason})") from lines
        said = trial.kind_that_fails(suffix, sound)
        raise FilmError(
            f"{output}: {suffix} cannot hold the {said} of {film.path};"
            f" {trial.cure(suffix, said, sound)}"
        ) from lines
    finally:
        trial.tidy()


class _Trial:
    """Trials with one frame of a film."""

    def __init__(self, film: Film | PictureFilm, folder: Path, luma: Plane, timing: Timing) -> None:
        self.film, self.folder, self.luma, self.timing = film, folder, luma, timing
        self.sample = folder / "trial-sound.mp4"

    def run(
        self, suffix: str, sound: Path | None = None, kinds: Sequence[str] = KINDS
    ) -> list[str] | Exception:
        """What such a container does not hold, or why it cannot be written."""
        trial, segment = self.folder / f"trial{suffix}", self.folder / _SEGMENT
        try:
            writer = SegmentWriter(segment, self.film, suffix, 30)
            half = tuple(-(-side // 2) for side in self.luma.shape)
            gray = np.full(half, 128, np.uint8)
            try:
                writer.write(self.luma, (gray, gray))
            except BaseException:
                writer.abort()
                raise
            writer.close()
            join([segment], self.film, self.timing, trial, "", sound, kinds)
            return self._missing(trial, suffix)
        except (FFmpegError, ValueError) as error:
            if isinstance(error, FilmError):
                raise
            return error
        finally:
            trial.unlink(missing_ok=True)
            segment.unlink(missing_ok=True)

    def has_any(self) -> bool:
        """Whether there is something beside the pictures."""
        with opened(self.film.path) as source:
            return bool(streams_of(source, KINDS))

    def kind_that_fails(self, suffix: str, sound: Path | None) -> str:
        """The name of what does not fit."""
        for kind in KINDS:
            others = [one for one in KINDS if one != kind]
            if not isinstance(self.run(suffix, sound, others), Exception):
                return _NAMES[kind]
        return "sound or subtitles"

    def cure(self, suffix: str, said: str, sound: Path | None) -> str:
        """What helps."""
        own = self.film.path.suffix.lower()
        others = [s for s in dict.fromkeys((own, ".mkv", ".mp4", *SUFFIXES)) if s in SUFFIXES]
        fit = [s for s in others if s != suffix and self._fits(s, sound)]
        codecs = [n for n in CODECS if self._fits_with(suffix, n)] if said == "sound" else []
        by_sound = f"--sound {codecs[0]} converts the sound" if codecs else ""
        if not fit and not codecs and said == "sound":
            codecs = [n for n in CODECS if self._fits_with(".mkv", n)]
            by_sound = f"choose .mkv with --sound {codecs[0]}" if codecs else ""
        choice = f"choose {' or '.join(fit[:2])}" if fit else ""
        nothing = "no format can that is written here: take a copy of the film without them"
        return ", or ".join(filter(None, (choice, by_sound))) or nothing

    def tidy(self) -> None:
        """Leave nothing."""
        self.sample.unlink(missing_ok=True)

    def _fits(self, suffix: str, sound: Path | None) -> bool:
        return not isinstance(self.run(suffix, sound), Exception)

    def _fits_with(self, suffix: str, codec: str) -> bool:
        try:
            convert_sound(self.film.path, self.sample, codec, _SAMPLE)
        except (FFmpegError, ValueError):
            return False
        return self._fits(suffix, self.sample)

    def _missing(self, trial: Path, suffix: str) -> list[str]:
        if isinstance(self.film, PictureFilm):
            return []
        with opened(self.film.path) as source, opened(trial) as result:
            return what_is_missing(source, result, suffix)


def prepared_sound(film: Film | PictureFilm, folder: Path, codec: str) -> Path | None:
    """The film's sound in another codec, made once; None where it is copied, or there is none.

    Args:
        film: the original.
        folder: of the work.
        codec: COPY, or one of CODECS.

    Raises:
        FilmError: the sound cannot be decoded.
    """
    if codec == COPY or isinstance(film, PictureFilm):
        return None
    with opened(film.path) as source:
        if not source.streams.audio:
            return None
    path = folder / f"sound-{codec}.mp4"
    if not path.exists():
        try:
            damaged = convert_sound(film.path, path, codec)
        except FFmpegError as error:
            reason = error.strerror or error
            raise FilmError(f"{film.path}: its sound cannot be converted ({reason})") from error
        if damaged:
            film.notes.append(f"{damaged} damaged packets of its sound are left out")
    return path
