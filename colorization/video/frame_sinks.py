"""Where colored frames go: segments of a film, or pictures of a folder."""

import errno
import shutil
from collections.abc import Sequence
from contextlib import suppress
from copy import copy
from pathlib import Path

from jaxtyping import Float
from torch import Tensor

from colorization.inference.pictures.full_resolution import render
from colorization.inference.pictures.picture_arrays import as_rgb
from colorization.options import ColorizeOptions
from colorization.photo_files.provenance import Sources, statement
from colorization.photo_files.results import write_result
from colorization.photo_files.staged_files import staging
from colorization.video.container.joining import join
from colorization.video.container.segment_writer import SegmentWriter
from colorization.video.container.trial import check_container, prepared_sound
from colorization.video.film_reader import SUFFIXES, Film, FilmError, Frame
from colorization.video.frame_folder import PictureFilm, result_name
from colorization.video.options import FilmOptions
from colorization.video.scene_plan import Plan
from colorization.video.unfinished_work import MOVING, PICTURES
from colorization.video.yuv import chroma_planes, halved
from retrieval.safe_files import sync

ODD = "its size is odd, which H.264 cannot hold: the last row or column is shown twice"


class FilmSink:
    """Writes a film: luma as it was read, chroma beside it.

    Attributes:
        lent: see PictureSink; the whole film tells those of all scenes.
    """

    def __init__(
        self,
        film: Film | PictureFilm,
        output: Path,
        folder: Path,
        options: ColorizeOptions,
        film_options: FilmOptions,
    ) -> None:
        self._sound = prepared_sound(film, folder, film_options.sound)
        film.notes += check_container(film, output, folder, self._sound)
        self.film, self.output, self.folder = film, output, folder
        self.options, self.film_options = options, film_options
        self.lent: Sequence[str] = ()
        self._writer: SegmentWriter | None = None

    def begin(self, number: int) -> None:
        """Begin a segment; what an interrupted run has left of it is replaced."""
        self._writer = SegmentWriter(
            self._segment(number), self.film, self.output.suffix.lower(), self.film_options.quality
        )

    def write(
        self, frame: Frame, luminance: Tensor, half_ab: Float[Tensor, "2 height width"]
    ) -> None:
        """Add a frame.

        Args:
            frame: as it was read; its luma is written as it is.
            luminance: its L at the working size, (1, 1, height, width), 0..100.
            half_ab: its chroma at half the working size, raw Lab units; the saturation asked for is
                applied here.
        """
        assert self._writer is not None
        if self._writer.pads(frame.luma) and ODD not in self.film.notes:
            self.film.notes.append(ODD)
        rgb = render(
            as_rgb(halved(frame.gray)),
            luminance,
            half_ab * self.options.saturation,
        )
        self._writer.write(frame.luma, chroma_planes(rgb, self.film.coding))

    def end(self) -> None:
        """Finish the segment."""
        assert self._writer is not None
        self._writer.close()
        self._writer = None

    def abort(self) -> None:
        """Drop the segment."""
        if self._writer:
            self._writer.abort()

    def finish(self, plan: Plan, lent: Sequence[str]) -> Film:
        """Put the segments together.

        Args:
            plan: when the frames are shown.
            lent: file names of the references of all scenes, which the film tells.

        Returns:
            The whole result, which has its name once it is published.
        """
        join(
            sorted(self.folder.glob("segment-*.nut")),
            self.film,
            plan.timing,
            self._joined,
            statement(_sources(lent)),
            self._sound,
        )
        sync(self._joined)
        return Film(self._joined, self.film_options.allow_damaged)

    def publish(self) -> None:
        """Give the whole result its name."""
        self._joined.replace(self.output)

    @property
    def _joined(self) -> Path:
        return self.folder / f"joined{self.output.suffix.lower()}"

    def _segment(self, number: int) -> Path:
        return self.folder / f"segment-{number:06d}.nut"


class PictureSink:
    """Writes a folder of pictures with the names, depth and metadata of those that were read.

    Attributes:
        lent: file names of the references of the frames that are written, told in each picture.
        names: of the pictures of the result, in order.
    """

    def __init__(
        self, film: PictureFilm, output: Path, folder: Path, options: ColorizeOptions
    ) -> None:
        self.film, self.output, self.options = film, output, options
        self.pictures, self.moving = folder / PICTURES, folder / MOVING
        self.lent: Sequence[str] = ()
        self.names = [result_name(path) for path in film.paths]
        first = dict(zip(reversed(self.names), reversed(film.paths), strict=True))
        for path, name in zip(film.paths, self.names, strict=True):
            if first[name] != path:
                raise FilmError(
                    f"{first[name]} and {path} would both be written to {output / name}"
                )

    def begin(self, number: int) -> None:
        """Begin a segment; what an interrupted run has left of it is replaced."""
        self.pictures.mkdir(exist_ok=True)

    def write(
        self, frame: Frame, luminance: Tensor, half_ab: Float[Tensor, "2 height width"]
    ) -> None:
        """Add a frame.

        Args:
            frame: with the picture that was read, and with its number in the folder as pts.
            luminance: of the frame at the working size, (1, 1, height, width).
            half_ab: its chroma at half the working size, raw Lab units.
        """
        assert frame.picture is not None
        rgb = render(
            frame.picture.rgb,
            luminance,
            half_ab * self.options.saturation,
        )
        path, found = self.pictures / self.names[frame.pts], _sources(self.lent)
        for line in write_result(path, rgb, frame.picture, found):
            if line not in self.film.notes:
                self.film.notes.append(line)

    def end(self) -> None:
        """Finish the segment."""

    def abort(self) -> None:
        """Drop the segment."""

    def finish(self, plan: Plan, lent: Sequence[str]) -> PictureFilm:
        """Nothing is left to be put together.

        Args:
            plan: not needed, as pictures are not timed.
            lent: not needed, as each picture tells its own references.

        Returns:
            The whole result, wherever its pictures lie: a stopped run may have published some.
        """
        whole = copy(self.film)
        moved = ((self.pictures / name, self.output / name) for name in self.names)
        whole.paths = [here if here.exists() else there for here, there in moved]
        return whole

    def publish(self) -> None:
        """Give the pictures their names."""
        self.output.mkdir(parents=True, exist_ok=True)
        self.moving.touch()
        for name in self.names:
            with suppress(FileNotFoundError):  # a run that was stopped right here has moved it
                _move(self.pictures / name, self.output / name)


def _sources(lent: Sequence[str]) -> Sources:
    """Of all frames together; what share each reference has is not counted."""
    return Sources([(name, 1.0) for name in lent])


def _move(source: Path, target: Path) -> None:
    """Give a finished file its name, on another disk too: the output folder may be a link there."""
    try:
        source.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with staging() as files:
            shutil.copyfile(source, files.add(target))
        source.unlink()


def sink_of(
    film: Film | PictureFilm,
    output: Path,
    folder: Path,
    options: ColorizeOptions,
    film_options: FilmOptions,
) -> FilmSink | PictureSink:
    """What writes ``output``: a film if it has the suffix of one, else a folder of pictures.

    Args:
        film: what is colored.
        output: the result.
        folder: for unfinished work.
        options: saturation.
        film_options: quality.

    Raises:
        FilmError: the container cannot hold the film's sound, or two pictures would get one name.
    """
    if output.suffix.lower() in SUFFIXES:
        return FilmSink(film, output, folder, options, film_options)
    assert isinstance(film, PictureFilm)
    return PictureSink(film, output, folder, options)
