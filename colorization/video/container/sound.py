"""Sound in another codec, for containers that do not hold the original's."""

from collections.abc import Iterator
from pathlib import Path

import av
from av.audio.resampler import AudioResampler
from av.error import FFmpegError

from colorization.video.film_reader import FilmError, opened

# name: encoder, its sample rates, bits a second for each channel
CODECS = {"aac": ("aac", (), 96_000), "opus": ("libopus", (48_000,), 64_000)}
COPY = "copy"
_AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 88200, 96000)
_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}  # by channels; others become two


def convert_sound(source_path: Path, target: Path, name: str, seconds: float | None = None) -> int:
    """Encode all sound of a film anew, whole or not at all.

    Args:
        source_path: of the film.
        target: an .mp4 with the same sound tracks and nothing else.
        name: of CODECS.
        seconds: how much of it; None takes all.

    Returns:
        Packets that were damaged and are left out.

    Raises:
        FilmError: a track cannot be decoded.
    """
    part = target.with_name(f"part-{target.name}")
    try:
        damaged = _convert(source_path, part, name, seconds)
        if not part.exists():  # a container is made with its first packet
            raise FilmError(f"{source_path}: its sound cannot be decoded")
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return damaged


def _convert(source_path: Path, part: Path, name: str, seconds: float | None) -> int:
    """See convert_sound."""
    with (
        opened(source_path) as source,
        av.open(
            str(part.absolute()), "w", format="mp4", options={"movie_timescale": "48000"}
        ) as out,
    ):
        tracks = {s.index: _Track(s, out, name, source_path) for s in source.streams.audio}
        damaged = 0
        for packet in source.demux(source.streams.audio):
            if packet.dts is not None and seconds is not None:
                start = source.start_time or 0
                if packet.dts * packet.time_base - start / av.time_base > seconds:
                    break
            track = tracks[packet.stream.index]  # packets at the end have no number of their own
            try:
                frames = packet.decode()
            except FFmpegError:
                damaged += 1
                continue
            for encoded in track.encoded(frames):
                out.mux(encoded)
        for track in tracks.values():
            for encoded in track.rest():
                out.mux(encoded)
    return damaged


class _Track:
    """One sound track on its way."""

    def __init__(
        self, stream: av.AudioStream, out: av.container.OutputContainer, name: str, path: Path
    ) -> None:
        if stream.codec_context is None:
            raise FilmError(f"{path}: a sound track is of a kind that cannot be decoded")
        encoder, rates, bits = CODECS[name]
        own = stream.codec_context
        rate = next(r for r in (*(rates or _AAC_RATES), 0) if r >= own.rate or not r) or 48_000
        layout = _LAYOUTS.get(own.channels, "stereo")
        added = out.add_stream(encoder, rate=rate)
        assert isinstance(added, av.AudioStream)
        self._stream = added
        self._stream.codec_context.layout = layout
        self._stream.bit_rate = bits * self._stream.codec_context.channels
        self._format, self._layout, self._rate = self._stream.codec_context.format, layout, rate
        self._resampler: AudioResampler | None = None
        self._kind: tuple[object, ...] = ()
        self._end = -(1 << 62)

    def encoded(self, frames: list[av.AudioFrame]) -> Iterator[av.Packet]:
        """Packets of decoded frames, whose kind may change on the way."""
        for frame in frames:
            kind = (frame.format.name, frame.layout.name, frame.rate)
            if kind != self._kind:
                yield from self._through(None)
                self._resampler = AudioResampler(self._format, self._layout, self._rate)
                self._kind = kind
            yield from self._through(frame)

    def rest(self) -> Iterator[av.Packet]:
        """What is still on the way at the end."""
        yield from self._through(None)
        yield from self._stream.encode(None)

    def _through(self, frame: av.AudioFrame | None) -> Iterator[av.Packet]:
        if self._resampler is None:
            return
        for one in self._resampler.resample(frame):
            if one.pts is not None and one.pts < self._end:  # the original's time goes back
                one.pts = self._end
            self._end = (one.pts or 0) + one.samples
            yield from self._stream.encode(one)
