"""What a film has beside pictures: sound, subtitles, cover, timecode, chapters, attachments."""

from collections.abc import Iterator, Mapping, Sequence

import av
from av.container import InputContainer, OutputContainer
from av.stream import Disposition, Stream

from colorization.video.film_reader import pictures_of

KINDS = ("audio", "subtitles")  # of streams that are copied
_COVER_TYPES = {"mjpeg": ("image/jpeg", "jpg"), "png": ("image/png", "png")}
_ATTACHING = ".mkv"  # holds fonts, and covers as attachments
_WITH_COVER_STREAM = (".mp4", ".mkv")
# of sound whose file says only how many channels it has, as AVI does: MP4 must know which
_LAYOUTS = {"1 channels": "mono", "2 channels": "stereo"}
_OF_THE_FILE = ("encoder", "major_brand", "minor_version", "compatible_brands", "comment")


def add_streams(
    kind: str, source: InputContainer, found: InputContainer, container: OutputContainer
) -> dict[int, Stream]:
    """Add streams like those of a kind.

    Args:
        kind: of KINDS.
        source: the original, which says their languages and which of them are played.
        found: where they are read: the original, or a file with as many in another codec.
        container: of the result.

    Returns:
        Streams of the result by their number in ``found``.
    """
    added: dict[int, Stream] = {}
    pairs = zip(getattr(source.streams, kind), getattr(found.streams, kind), strict=True)
    for stream, template in pairs:
        new = container.add_stream_from_template(template)
        layout = _LAYOUTS.get(template.layout.name) if kind == "audio" else None
        if layout:
            new.codec_context.layout = layout
        new.metadata.update(stream.metadata)
        new.disposition = stream.disposition  # which track is played, which subtitles are forced
        added[template.index] = new
    return added


def copied_packets(source: InputContainer, added: Mapping[int, Stream]) -> Iterator[av.Packet]:
    """Packets of streams for the result; times that stand still or go back cannot be written.

    Args:
        source: where they are read.
        added: streams of the result by their number there.
    """
    last: dict[int, int] = {}
    if not added:
        return
    for packet in source.demux([s for s in source.streams if s.index in added]):
        if packet.dts is None or not packet.size:
            continue
        number = packet.stream_index
        packet.dts = max(packet.dts, last.get(number, packet.dts - 1) + 1)
        packet.pts = packet.dts if packet.pts is None else max(packet.pts, packet.dts)
        last[number] = packet.dts
        packet.stream = added[number]
        yield packet


def covers_of(source: InputContainer) -> list[av.VideoStream]:
    """Its cover pictures."""
    return [s for s in source.streams.video if s.disposition & Disposition.attached_pic]


def add_covers(source: InputContainer, container: OutputContainer, suffix: str) -> list[av.Packet]:
    """Add cover pictures where the container holds some.

    Args:
        source: the original, opened for this alone.
        container: of the result.
        suffix: of its name.

    Returns:
        Packets that are to be written.
    """
    packets = []
    covers = {s.index: s for s in covers_of(source)} if suffix in _WITH_COVER_STREAM else {}
    for packet in source.demux(list(covers.values())) if covers else ():
        if not packet.size or packet.stream_index not in covers:
            continue
        cover = covers.pop(packet.stream_index)
        codec = cover.codec_context.name if cover.codec_context else ""
        mime, ending = _COVER_TYPES.get(codec, ("", ""))
        if suffix == _ATTACHING and mime:
            container.add_attachment(f"cover.{ending}", mime, bytes(packet))
        elif mime:
            stream = container.add_stream_from_template(cover)
            stream.disposition = Disposition.attached_pic
            packet.stream, packet.pts, packet.dts = stream, 0, 0
            packets.append(packet)
        if not covers:
            break
    return packets


def add_attachments(source: InputContainer, container: OutputContainer, suffix: str) -> None:
    """Add what is attached to the original, such as fonts of its subtitles, where that is possible.

    Args:
        source: the original.
        container: of the result.
        suffix: of its name.
    """
    for one in source.streams.attachments if suffix == _ATTACHING else ():
        container.add_attachment(
            one.name or "attachment", one.mimetype or "application/octet-stream", one.data
        )


def copy_tags(source: InputContainer, container: OutputContainer, stream: av.VideoStream) -> None:
    """Copy chapters, texts and the timecode of the first frame.

    Args:
        source: the original.
        container: of the result.
        stream: of its pictures.
    """
    if shown := pictures_of(source):
        own = {k: v for k, v in shown.metadata.items() if k.lower() in ("language", "title")}
        stream.metadata.update(own)
    if code := timecode_of(source):
        stream.metadata["timecode"] = code
    container.set_chapters(source.chapters())
    kept = {k: v for k, v in source.metadata.items() if k.lower() not in _OF_THE_FILE}
    container.metadata.update(kept)


def timecode_of(source: InputContainer) -> str:
    """The timecode of its first frame; empty without one."""
    tags = [*(s.metadata for s in source.streams), source.metadata]
    found = (v for some in tags for k, v in some.items() if k.lower() == "timecode")
    return next(found, "")


def what_is_missing(source: InputContainer, result: InputContainer, suffix: str) -> list[str]:
    """What a result does not hold of the original, in lines for a person.

    Args:
        source: the original.
        result: opened again after it was written.
        suffix: of its name.
    """
    lines = []
    tracks = len(source.streams.video) - len(covers_of(source)) - 1
    if tracks > 0:
        lines.append(f"{_count(tracks, 'more video track')} left out; one is colored")
    attached = [s.mimetype or "" for s in result.streams.attachments]
    covers = len(covers_of(result)) + sum(mime.startswith("image/") for mime in attached)
    if covers < len(covers_of(source)):
        lines.append(f"its cover picture is left out: {suffix} cannot hold it, .mkv and .mp4 can")
    if source.streams.attachments and suffix != _ATTACHING:
        lines.append("what is attached to it, such as fonts of subtitles, is kept in .mkv only")
    if len(result.chapters()) < len(source.chapters()):
        lines.append(f"its chapters are left out: {suffix} cannot hold them, .mkv and .mp4 can")
    if others := _data_tracks(source):
        names = ", ".join(dict.fromkeys(others))
        lines.append(f"{_count(len(others), 'track')} of other data left out: {names}")
    return lines


def _data_tracks(source: InputContainer) -> list[str]:
    """Names of tracks that are neither pictures, sound nor text; a timecode is kept as such."""
    return [
        stream.metadata.get("handler_name") or "without a name"
        for stream in source.streams
        if stream.type == "data" and "timecode" not in {k.lower() for k in stream.metadata}
    ]


def _count(number: int, what: str) -> str:
    return f"{number} {what}{' is' if number == 1 else 's are'}"


def streams_of(source: InputContainer, kinds: Sequence[str]) -> list[Stream]:
    """Its streams of some kinds.

    Args:
        source: a film.
        kinds: of KINDS.
    """
    return [stream for kind in KINDS if kind in kinds for stream in getattr(source.streams, kind)]
