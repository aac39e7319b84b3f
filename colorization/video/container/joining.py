"""Put colored segments together: one file with the sound and all else that the original has."""

import heapq
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer, OutputContainer

from colorization.photo_files.provenance import appended
from colorization.video.container.beside import (
    KINDS,
    add_attachments,
    add_covers,
    add_streams,
    copied_packets,
    copy_tags,
)
from colorization.video.film_reader import Film, FilmError, opened
from colorization.video.frame_folder import PictureFilm

_OF_QUICKTIME = (".mp4", ".m4v", ".mov")


@dataclass(frozen=True)
class Timing:
    """When the frames of a whole film are shown, in units of its time base."""

    pts: Sequence[int]
    last_duration: int


def join(
    segments: Sequence[Path],
    film: Film | PictureFilm,
    timing: Timing,
    output: Path,
    comment: str,
    sound: Path | None = None,
    kinds: Sequence[str] = KINDS,
) -> None:
    """Put segments together, give the frames their timestamps, and copy what stands beside them.

    Args:
        segments: in order.
        film: the original.
        timing: of all frames.
        output: written as it is; not yet the final name.
        comment: goes into the film's metadata, after a comment of the original.
        sound: a file of the original's sound in another codec, instead of the original's own.
        kinds: of streams that are copied.

    Raises:
        FilmError: the segments are damaged.
        av.error.FFmpegError, ValueError: the container cannot hold what is copied.
    """
    suffix = output.suffix.lower()
    # else the first frame's time is rounded
    scale = {"movie_timescale": str(min(film.time_base.denominator, 1_000_000))}
    options = {**scale, "write_tmcd": "1"} if suffix in _OF_QUICKTIME else {}
    with ExitStack() as stack:
        source = stack.enter_context(opened(film.path)) if isinstance(film, Film) else None
        container = stack.enter_context(av.open(str(output.absolute()), "w", options=options))
        with opened(segments[0]) as first:
            stream = container.add_stream_from_template(first.streams.video[0])
        assert isinstance(stream, av.VideoStream)
        stream.time_base = film.time_base
        packets = [_colored(segments, stream, film.time_base, timing)]
        if source:
            for kind in [one for one in KINDS if one in kinds]:
                found = sound if sound and kind == "audio" else film.path
                own = stack.enter_context(opened(found))
                packets.append(copied_packets(own, add_streams(kind, source, own, container)))
            covers = stack.enter_context(opened(film.path))
            packets.append(iter(add_covers(covers, container, suffix)))
            add_attachments(source, container, suffix)
            copy_tags(source, container, stream)
        _tell(comment, source, container)
        for packet in heapq.merge(*packets, key=_decoded_at):
            container.mux(packet)


def _tell(comment: str, source: InputContainer | None, container: OutputContainer) -> None:
    # in Matroska COMMENT
    said = [v for k, v in source.metadata.items() if k.lower() == "comment"] if source else []
    container.metadata["comment"] = appended("; ".join(said), comment).decode()


def _decoded_at(packet: av.Packet) -> Fraction:
    return (packet.dts or 0) * packet.time_base


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
        f"the unfinished work in {segments[0].parent} is damaged: remove that folder and run the"
        " same command again"
    )
