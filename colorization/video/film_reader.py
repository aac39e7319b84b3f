"""Read a film with PyAV: its frames upright, with the timestamps that they have."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition
from jaxtyping import UInt8

from colorization.video.frame_planes import (
    HDR,
    is_full_range,
    lies_on_its_side,
    luma_of_frame,
    matrix_of_display,
    small_rgb,
    upright,
)
from colorization.video.yuv import BT709, Coding, Plane, gray_of, matrix_of
from retrieval.photos.reader import Picture
from retrieval.typed_command import typed

SUFFIXES = {
    ".mp4": "libx264",
    ".m4v": "libx264",
    ".mov": "libx264",
    ".mkv": "libx264",
    ".webm": "libvpx-vp9",
}
# of the declared length, beyond which a file counts as truncated
MISSING_SHARE, MISSING_SECONDS = 0.05, 0.25
_SAYS_LENGTH = ("matroska", "webm", "mov", "mp4", "avi", "nut")
_COUNTS_FROM_0 = ("matroska", "webm", "nut")  # their length includes what is before the start
_DURATION = re.compile(r"(\d+):(\d+):(\d+\.?\d*)")  # of a stream, in Matroska
HDR_NOTE = "HDR ({}) became the range of a usual screen (BT.709), by a fixed tone curve"
CURE = "; --allow-damaged colors what can be read"
BACK_FRAMES = 10  # that timestamps may go back; where they go farther, another film begins


class FilmError(ValueError):
    """A file cannot be used as a film; the message, one line, names the file and the cause."""


@dataclass(frozen=True)
class Frame:
    """A frame of a film, or a picture of a folder.

    Attributes:
        luma: as the film stores it, upright.
        gray: the same as a gray picture, 0..255.
        pts: when it is shown, in units of the film's time base.
        duration: in the same units; 0 if the film does not say.
        picture: what was read, where it is a picture of a folder.
        small: gives its RGB in few pixels, where it is a frame of a film.
    """

    luma: Plane
    gray: Plane
    pts: int
    duration: int = 0
    picture: Picture | None = None
    small: Callable[[], np.ndarray] | None = None


class Film:
    """A film file; every call of frames reads it from its beginning.

    Attributes:
        path: of the file.
        coding: of its frames.
        time_base: seconds a unit of timestamps.
        rate: mean frames a second.
        aspect: width of a pixel by its height, upright.
        num_frames: about how many there are; 0 if the file does not say.
        allow_damaged: whether damage is a note instead of an error.
        notes: lines worth telling.

    Raises:
        FilmError: missing, empty, not a film, or without a frame that can be read.
    """

    def __init__(self, path: Path, allow_damaged: bool = False) -> None:
        self.path, self.allow_damaged, self.notes = path, allow_damaged, list[str]()
        with opened(path) as container:
            stream = _video_of(container, path)
            first = next(self._decoded(container, None), None)
            if first is None:
                raise FilmError(f"{path}: holds no frame that can be read")
            turned = lies_on_its_side(matrix_of_display(first))
            height = first.width if turned else first.height
            matrix = matrix_of(first.colorspace, height)
            self.primaries, self.transfer = first.color_primaries, first.color_trc
            if first.color_trc in HDR:
                matrix, self.primaries, self.transfer = BT709, BT709, BT709
                self.notes.append(HDR_NOTE.format(HDR[first.color_trc]))
            self.coding = Coding(matrix, is_full_range(first))
            self.time_base = Fraction(stream.time_base or Fraction(1, 1000))
            self.rate = Fraction(stream.average_rate or stream.guessed_rate or 25)
            aspect = Fraction(stream.sample_aspect_ratio or 1) or Fraction(1)
            self.aspect = 1 / aspect if turned else aspect
            seconds = (
                stream.duration * self.time_base
                if stream.duration
                else Fraction(container.duration or 0, av.time_base)
            )
            self.num_frames = stream.frames or round(seconds * self.rate)
            if first.format.components[0].bits > 8:
                self.notes.append(f"{first.format.components[0].bits} bits became 8")
            if first.interlaced_frame:
                self.notes.append(
                    "it is interlaced, which the result does not say: deinterlace it first, or"
                    " when it is shown"
                )

    def frames(self) -> Iterator[Frame]:
        """Decode.

        Raises:
            FilmError: the file is damaged or truncated, or its frames change their size.
        """
        with opened(self.path) as container:
            last, size = -(1 << 62), None
            for frame in self._decoded(
                container, lambda end, last: self._check_length(container, end, last)
            ):
                luma = np.ascontiguousarray(upright(luma_of_frame(frame), matrix_of_display(frame)))
                if size not in (None, luma.shape):
                    raise FilmError(
                        f"{self.path}: its frames change their size at {frame.time or 0:.1f} s;"
                        " this cannot be written"
                    )
                size = luma.shape
                step = max(1, round(1 / (self.rate * self.time_base)))
                pts = frame.pts if frame.pts is not None else max(0, last + step)
                if pts < last - BACK_FRAMES * step:
                    raise FilmError(
                        f"{self.path}: its time starts over after"
                        f" {float(last * self.time_base):.1f} s, as where films were joined byte by"
                        f" byte; write it anew first:"
                        f" {typed('ffmpeg', '-i', self.path, '-c', 'copy', 'joined.mkv')}"
                    )
                # timestamps that stand still or go back cannot be written
                last = max(pts, last + 1)
                gray = gray_of(luma, self.coding.full_range)
                small = partial(small_rgb, frame)
                yield Frame(luma, gray, last, frame.duration or 0, small=small)

    def rgb_frames(self) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
        """The frames as a screen shows them, 0..255."""
        with opened(self.path) as container:
            for frame in self._decoded(container, None):
                yield upright(frame.to_ndarray(format="rgb24"), matrix_of_display(frame))

    def _decoded(
        self, container: InputContainer, at_end: Callable[[float, float], None] | None
    ) -> Iterator[av.VideoFrame]:
        """Decode; ``at_end`` is told when the picture ends, and when all streams do, in seconds."""
        stream, end, last = _video_of(container, self.path), 0.0, 0.0
        stream.thread_type = "AUTO"
        packets = container.demux()
        while True:
            try:
                packet = next(packets)
                is_shown = packet.stream == stream
                if packet.pts is not None and packet.time_base:
                    last = max(last, _end_of(packet))
                    end = max(end, _end_of(packet) if is_shown else 0.0)
                frames: list[Any] = packet.decode() if is_shown else []
            except StopIteration:
                break
            except FFmpegError as error:
                self._damaged(end, _reason(error))
                continue  # where reading itself has failed, the next packet is the end
            for frame in frames:
                if frame.is_corrupt:
                    self._damaged(float(frame.time or 0), "parts of a frame are missing")
                yield frame
        if at_end:
            at_end(end, last)

    def _check_length(self, container: InputContainer, end: float, last: float) -> None:
        """Compare where the picture, and all streams, end with where the file says that they do."""
        announced = _announced_end(container, _video_of(container, self.path))
        if announced - end > max(MISSING_SECONDS, MISSING_SHARE * announced):
            self._damaged(end, f"it ends there, {announced:.1f} s were announced: truncated")
            return
        declared = (container.duration or 0) / av.time_base
        # some formats count it as part of the length
        start = max(0.0, (container.start_time or 0) / av.time_base)
        names = container.format.name.split(",")
        is_declared_from_0 = any(name in names for name in _COUNTS_FROM_0)
        last -= 0.0 if is_declared_from_0 else start
        if any(name in names for name in _SAYS_LENGTH) and declared - last > max(
            MISSING_SECONDS, MISSING_SHARE * (declared - is_declared_from_0 * start)
        ):
            self._damaged(last, f"it ends there, {declared:.1f} s were announced: truncated")

    def _damaged(self, seconds: float, cause: str) -> None:
        line = f"{self.path}: damaged at {seconds:.1f} s ({cause})"
        if not self.allow_damaged:
            raise FilmError(line + CURE)
        if line not in self.notes:
            self.notes.append(line)


@contextmanager
def opened(path: Path) -> Iterator[InputContainer]:
    """A film file, opened.

    Raises:
        FilmError: it is missing, empty, or nothing that FFmpeg can read.
    """
    try:
        if path.stat().st_size == 0:
            raise FilmError(f"{path}: the file is empty")
        # FFmpeg takes "a:b" alone for a protocol
        container = av.open(str(path.absolute()), metadata_errors="replace")
    except (FFmpegError, OSError) as error:
        raise FilmError(f"{path}: {_reason(error)}") from error
    with container:
        if container.format.name == "webp_pipe" and _is_animated_webp(path):
            raise FilmError(
                f"{path}: is an animated WebP, which FFmpeg cannot read; save it as a GIF, or its"
                " frames as pictures of a folder"
            )
        yield container


def _is_animated_webp(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(21)
    return head[12:16] == b"VP8X" and bool(head[20] & 2)  # a flag of its first chunk


def pictures_of(source: InputContainer) -> av.VideoStream | None:
    """The stream of moving pictures that players show; the cover of an album is none."""
    found = [
        stream
        for stream in source.streams.video
        if not stream.disposition & Disposition.attached_pic and stream.codec_context is not None
    ]
    by_default = (stream for stream in found if stream.disposition & Disposition.default)
    return next(by_default, found[0] if found else None)


def _video_of(container: InputContainer, path: Path) -> av.VideoStream:
    if (found := pictures_of(container)) is None:
        raise FilmError(f"{path}: holds no moving pictures")
    return found


def _end_of(packet: av.Packet) -> float:
    return float(((packet.pts or 0) + (packet.duration or 0)) * packet.time_base)


def _announced_end(container: InputContainer, stream: av.VideoStream) -> float:
    """When a stream ends, in seconds, as the header of the file says; 0 if it does not say."""
    names = container.format.name.split(",")
    time_base = Fraction(stream.time_base or 0)
    whole = (container.duration or 0) / av.time_base
    if "avi" in names:
        # FFmpeg shortens the duration of a file that is cut off; the header's count it leaves
        counted = float(stream.frames * time_base)
        return counted if counted > whole else 0.0
    if "mp4" in names:
        return float(((stream.start_time or 0) + (stream.duration or 0)) * time_base)
    told = _DURATION.match(stream.metadata.get("DURATION", "")) if "matroska" in names else None
    hours, minutes, seconds = map(float, told.groups()) if told else (0.0, 0.0, 0.0)
    return min(whole, 3600 * hours + 60 * minutes + seconds)


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, EOFError):
        return "it ends before its first frame: it holds no frame that can be read"
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()
