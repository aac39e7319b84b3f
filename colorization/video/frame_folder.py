"""A folder of pictures as a film."""

import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from colorization.inference.pictures.luminance import luminance_of
from colorization.photo_files.writer import output_suffix
from colorization.video.film_reader import CURE, FilmError, Frame
from colorization.video.yuv import UNSPECIFIED, Coding, luma_of
from retrieval.photos.listing import has_picture_name
from retrieval.photos.reader import DamagedPictureError, Picture, read_picture, to_uint8


class PictureFilm:
    """The pictures of a folder, in the order of the numbers in their names.

    Attributes are those of Film.

    Args:
        path: of the folder.
        frame_rate: pictures a second.
        one_size: refuse pictures of several sizes, which a film file cannot hold.
        allow_damaged: whether damage of a picture is a note instead of an error.

    Raises:
        FilmError: the folder holds no pictures.
    """

    def __init__(
        self, path: Path, frame_rate: float, one_size: bool = False, allow_damaged: bool = False
    ) -> None:
        self.path, self.one_size, self.notes = path, one_size, list[str]()
        self.allow_damaged = allow_damaged
        self.coding, self.primaries, self.transfer = Coding(), UNSPECIFIED, UNSPECIFIED
        self.rate = Fraction(frame_rate).limit_denominator(1001)
        self.time_base, self.aspect = 1 / self.rate, Fraction(1)
        self.paths = frame_paths(path)
        if not self.paths:
            raise FilmError(f"{path}: holds no pictures")
        self.num_frames = len(self.paths)

    def frames(self) -> Iterator[Frame]:
        """Read.

        Raises:
            PictureError: a picture cannot be read.
            FilmError: pictures have several sizes, and may not.
        """
        size = None
        for i, path in enumerate(self.paths):
            picture = self._read(path)
            size = size or picture.rgb.shape
            if self.one_size and picture.rgb.shape != size:
                raise FilmError(
                    f"{path}: is {_size(picture.rgb.shape)} pixels,"
                    f" the pictures before {_size(size)}; a film has one size"
                )
            gray = luminance_of(to_uint8(picture.rgb))[..., 0]
            yield Frame(luma_of(gray), gray, i, 1, picture)

    def rgb_frames(self) -> Iterator[np.ndarray]:
        """The pictures, 0..255."""
        return (to_uint8(self._read(path).rgb) for path in self.paths)

    def _read(self, path: Path) -> Picture:
        try:
            return read_picture(path)
        except DamagedPictureError as error:
            if not self.allow_damaged:
                raise DamagedPictureError(f"{error}{CURE}") from error
        picture = read_picture(path, allow_damaged=True)
        lines = (f"{path}: {note}" for note in picture.notes)
        self.notes += [line for line in lines if line not in self.notes]
        return picture


def frame_paths(folder: Path) -> list[Path]:
    """The pictures of a folder, in the order of the numbers in their names."""
    return sorted(
        (path for path in folder.iterdir() if has_picture_name(path.name) and path.is_file()),
        key=_numbers,
    )


def result_name(path: Path) -> str:
    """The name of what a picture becomes."""
    return path.with_suffix(output_suffix(path.suffix)).name


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}x{shape[0]}"


def _numbers(path: Path) -> list[tuple[int, str]]:
    """frame_2 before frame_10."""
    return [
        (int(part), "") if part.isdecimal() else (-1, part)
        for part in re.split(r"(\d+)", path.name)
    ]
