"""Write a film in pieces: segments that are whole or not there, then one file with the sound of the original."""

import heapq
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError

from colorization.photo_files.provenance import appended
from colorization.video.film_reader import SUFFIXES, Film, FilmError, opened
from colorization.video.frame_folder import PictureFilm
from colorization.video.yuv import Plane, evened
from retrieval.safe_files import sync


class SegmentWriter:
    """Encodes frames of a film into a file of its own, under a temporary name until it is closed.

    No frame refers to a later one, so that segments follow each other without a gap whatever their
    timestamps are.
    """

    def __init__(self, path: Path, film: Film | PictureFilm, suffix: str, quality: int) -> None:
        self.path, self.film, self.codec, self.quality = path, film, SUFFIXES[suffix], quality
        self._temporary = path.with_name(f"{path.name}.part")
        self._container = av.open(str(self._temporary.absolute()), "w", format="nut")
        self._stream: av.VideoStream | None = None
        self._count = 0

    def pads(self, luma: Plane) -> bool:
        """Whether a plane is written with a row or column more: x264 takes even sizes only."""
        return self.codec == "libx264" and (luma.shape[0] % 2 or luma.shape[1] % 2) != 0

    def write(self, luma: Plane, chroma: tuple[Plane, Plane]) -> None:
        """Encode the next frame.

        Args:
            luma: as it was read.
            chroma: U and V on the halved grid.
        """
        luma = evened(luma) if self.pads(luma) else luma
        stream = self._stream = self._stream or self._open(*luma.shape)
        frame = av.VideoFrame(luma.shape[1], luma.shape[0], "yuv420p")
        for plane, values in zip(frame.planes, (luma, *chroma), strict=True):
            rows = np.zeros((plane.buffer_size // plane.line_size, plane.line_size), np.uint8)
            rows[: values.shape[0], : values.shape[1]] = values
            plane.update(rows.tobytes())
        # within segments they only number the frames
        frame.pts, frame.time_base = self._count, 1 / self.film.rate
        self._count += 1
        self._container.mux(stream.encode(frame))

    def close(self) -> None:
        """Give the finished file its name."""
        if self._stream:
            self._container.mux(self._stream.encode())
        self._container.close()
        sync(self._temporary)
        self._temporary.replace(self.path)

    def abort(self) -> None:
        """Leave nothing."""
        self._container.close()
        self._temporary.unlink(missing_ok=True)

    def _open(self, height: int, width: int) -> av.VideoStream:
        options = {"crf": str(self.quality), "preset": "medium"}
        if self.codec == "libvpx-vp9":
            lossless = (
                {"lossless": "1"} if self.quality == 0 else {"crf": str(self.quality), "b:v": "0"}
            )
            options = lossless | {"cpu-used": "4", "auto-alt-ref": "0", "lag-in-frames": "0"}
        stream = self._container.add_stream(self.codec, rate=self.film.rate, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        context = stream.codec_context
        context.time_base, context.max_b_frames = 1 / self.film.rate, 0
        context.sample_aspect_ratio = self.film.aspect
        context.color_range, context.colorspace = (
            2 if self.film.coding.full_range else 1,
            self.film.coding.matrix,
        )
        context.color_primaries, context.color_trc = self.film.primaries, self.film.transfer
        return stream


@dataclass(frozen=True)
class Timing:
    """When the frames of a whole film are shown, in units of its time base."""

    pts: Sequence[int]
    last_duration: int


def check_container(film: Film | PictureFilm, output: Path, folder: Path) -> None:
    """Refuse a container that cannot hold the film's sound before any work is done.

    Args:
        film: its sound and subtitles will be copied.
        output: the result's name.
        folder: for a file that is written as a trial.

    Raises:
        FilmError: it cannot.
    """
    suffix = output.suffix.lower()
    reason = _refusal(film, suffix, folder)
    if reason is not None:
        others = [
            s
            for s in dict.fromkeys((film.path.suffix.lower(), ".mkv", ".mp4"))
            if s in SUFFIXES and s != suffix
        ]
        fit = [other for other in others if _refusal(film, other, folder) is None]
        cure = (
            f"choose {' or '.join(fit)}"
            if fit
            else "no format can that is written here: take a copy of the film without them"
        )
        raise FilmError(
            f"{output}: {suffix} cannot hold the sound or subtitles of {film.path}; {cure}"
        ) from reason


def _refusal(film: Film | PictureFilm, suffix: str, folder: Path) -> Exception | None:
    """Why a kind of container cannot hold what is copied from a film, if so, by a trial."""
    trial = folder / f"trial{suffix}"
    try:
        with ExitStack() as stack:
            source = stack.enter_context(opened(film.path)) if isinstance(film, Film) else None
            container = stack.enter_context(av.open(str(trial.absolute()), "w"))
            stream = container.add_stream(SUFFIXES[suffix], rate=25)
            assert isinstance(stream, av.VideoStream)
            stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
            _copied_streams(source, container)
            container.start_encoding()
    except (FFmpegError, ValueError) as error:
        if isinstance(error, FilmError):
            raise
        return error
    finally:
        trial.unlink(missing_ok=True)
    return None


def join(
    segments: Sequence[Path], film: Film | PictureFilm, timing: Timing, output: Path, comment: str
) -> None:
    """Put segments together, give the frames their timestamps, and copy sound, subtitles and attachments.

    Args:
        segments: in order.
        film: the original.
        timing: of all frames.
        output: written as it is; not yet the final name.
        comment: goes into the film's metadata, after a comment of the original.
    """
    # else the first frame's time is rounded
    scale = {"movie_timescale": str(min(film.time_base.denominator, 1_000_000))}
    options = scale if output.suffix in (".mp4", ".m4v", ".mov") else {}
    with ExitStack() as stack:
        source = stack.enter_context(opened(film.path)) if isinstance(film, Film) else None
        container = stack.enter_context(av.open(str(output.absolute()), "w", options=options))
        with opened(segments[0]) as first:
            stream = container.add_stream_from_template(first.streams.video[0])
        stream.time_base = film.time_base
        copies = _copied_streams(source, container)
        if source and output.suffix.lower() == ".mkv":
            for one in source.streams.attachments:
                container.add_attachment(
                    one.name or "attachment", one.mimetype or "application/octet-stream", one.data
                )
        elif source and source.streams.attachments:
            film.notes.append(
                "what is attached to it, such as fonts of subtitles, is kept in .mkv only"
            )
        if source:
            own = source.streams.video[0].metadata
            stream.metadata.update(
                {k: v for k, v in own.items() if k.lower() in ("language", "title")}
            )
            container.set_chapters(source.chapters())
            kept = {
                k: v
                for k, v in source.metadata.items()
                if k.lower() not in ("encoder", "major_brand", "comment")
            }
            container.metadata.update(kept)
        # in Matroska COMMENT
        said = [v for k, v in source.metadata.items() if k.lower() == "comment"] if source else []
        container.metadata["comment"] = appended("; ".join(said), comment).decode()
        colored = _colored(segments, stream, film.time_base, timing)
        copied = _copied(source, copies) if source and copies else iter(())
        for packet in heapq.merge(colored, copied, key=_decoded_at):
            container.mux(packet)


def _decoded_at(packet: av.Packet) -> Fraction:
    return (packet.dts or 0) * packet.time_base


def _copied_streams(
    source: InputContainer | None, container: OutputContainer
) -> dict[int, av.stream.Stream]:
    """Streams of the result for the sound and subtitles of the original, by their number there."""
    found: dict[int, av.stream.Stream] = {}
    for stream in (*source.streams.audio, *source.streams.subtitles) if source else ():
        found[stream.index] = container.add_stream_from_template(stream)
        found[stream.index].metadata.update(stream.metadata)
        # which track is played, which subtitles are forced
        found[stream.index].disposition = stream.disposition
    return found


def _colored(
    segments: Sequence[Path], stream: av.VideoStream, base: Fraction, timing: Timing
) -> Iterator[av.Packet]:
    ends = [*timing.pts[1:], timing.pts[-1] + max(1, timing.last_duration)]
    numbers = iter(range(len(timing.pts)))
    for path in segments:
        with opened(path) as container:
            for packet in container.demux(container.streams.video[0]):
                if packet.pts is None or not packet.size:  # at low rates the first one has no dts
                    continue
                i = next(numbers, None)
                if i is None:
                    raise _damaged(segments)
                packet.stream, packet.time_base = stream, base
                packet.pts = packet.dts = timing.pts[i]
                packet.duration = ends[i] - timing.pts[i]
                yield packet
    if next(numbers, None) is not None:
        raise _damaged(segments)


def _damaged(segments: Sequence[Path]) -> FilmError:
    return FilmError(
        f"the unfinished work in {segments[0].parent} is damaged: remove that folder and run the same command again"
    )


def _copied(source: InputContainer, copies: dict[int, av.stream.Stream]) -> Iterator[av.Packet]:
    wanted = [stream for stream in source.streams if stream.index in copies]
    for packet in source.demux(wanted):
        if packet.dts is not None and packet.size:
            packet.stream = copies[packet.stream_index]
            yield packet
