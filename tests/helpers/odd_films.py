"""Films as people have them: other sound, covers, timecodes, mirrored, HDR, several tracks."""

import io
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition
from PIL import Image

RATES = {"amr_nb": 8000, "g726": 8000}
PRIMARIES_2020, MATRIX_2020 = 9, 9


def odd_film(
    path: Path,
    lumas: Sequence[np.ndarray],
    codec: str = "libx264",
    sounds: Sequence[str] = (),
    seconds: float = 0.5,
    layout: str = "mono",
    cover: str = "",
    timecode: str = "",
    matrix: Sequence[int] = (),
    tracks: int = 1,
    transfer: int = 0,
    pix_fmt: str = "yuv420p",
    shown: int | None = None,
) -> Path:
    """Write luma planes as a film.

    Args:
        path: its suffix decides the container.
        lumas: (height, width); of 8 bits, or of 10 where ``transfer`` is given.
        codec: of the pictures.
        sounds: codecs of sound tracks.
        seconds: of sound.
        layout: of sound, "mono" or "stereo".
        cover: "mjpeg" or "png" adds a cover picture.
        timecode: of the first frame.
        matrix: nine numbers of FFmpeg's display matrix.
        tracks: of pictures.
        transfer: code of PQ or HLG makes a film of 10 bits in BT.2020.
        pix_fmt: of the pictures.
        shown: number of the track that players show; the others are marked as not meant.
    """
    options = {"write_tmcd": "1"} if path.suffix in (".mp4", ".mov") else {}
    with av.open(str(path), "w", options=options) as container:
        streams = [
            _video(container, codec, lumas[0].shape, transfer, pix_fmt) for _ in range(tracks)
        ]
        for number, stream in enumerate(streams if shown is not None else ()):
            stream.disposition = Disposition.default if number == shown else Disposition(0)
            stream.metadata["title"] = f"track {number}"
        if timecode:
            streams[0].metadata["timecode"] = timecode
        if matrix:
            streams[0].set_display_matrix(matrix)
        tones = [
            container.add_stream(one, rate=RATES.get(one, 44100), layout=layout) for one in sounds
        ]
        art = None
        if cover:
            art = container.add_stream(cover, rate=1)
            art.width = art.height = 16
            art.pix_fmt = "yuvj420p" if cover == "mjpeg" else "rgb24"
            art.disposition = Disposition.attached_pic
        packets = []
        for number, stream in enumerate(streams):
            for i, luma in enumerate(lumas):
                frame = _frame(np.roll(luma, number, 1), bool(transfer), stream.pix_fmt or "")
                frame.pts, frame.time_base = i, Fraction(1, 25)
                packets += stream.encode(frame)
            packets += stream.encode()
        for tone in tones:
            packets += _tone(tone, seconds)
        if art:
            packets.append(_cover(art, "JPEG" if cover == "mjpeg" else "PNG"))
        for packet in packets:
            container.mux(packet)
    return path


def _video(container, codec: str, shape: tuple[int, ...], transfer: int, pix_fmt: str):
    deep = {"libx264": "yuv420p10le", "libx265": "yuv420p10le"}.get(codec, "yuv420p10le")
    options = {"crf": "0", "qp": "0", "preset": "ultrafast"} if codec == "libx264" else {}
    if codec == "libx265":
        options = {"x265-params": "lossless=1:log-level=none", "preset": "ultrafast"}
    stream = container.add_stream(codec, rate=25, options=options)
    stream.width, stream.height = shape[1], shape[0]
    stream.pix_fmt = deep if transfer else pix_fmt
    context = stream.codec_context
    context.time_base = Fraction(1, 25)
    if transfer:
        context.color_primaries, context.color_trc = PRIMARIES_2020, transfer
        context.colorspace, context.color_range = MATRIX_2020, 1
    return stream


def _frame(luma: np.ndarray, is_deep: bool, pix_fmt: str) -> av.VideoFrame:
    height, width = luma.shape
    if not is_deep:
        gray = av.VideoFrame.from_ndarray(np.dstack([luma] * 3), format="rgb24")
        if pix_fmt != "yuv420p":
            return gray.reformat(format=pix_fmt)
        frame = av.VideoFrame(width, height, "yuv420p")
        planes: list[np.ndarray] = [luma, *[np.full((-(-height // 2), -(-width // 2)), 128)] * 2]
    else:
        frame = av.VideoFrame(width, height, "yuv420p10le")
        planes = [luma, *[np.full((-(-height // 2), -(-width // 2)), 512)] * 2]
    for plane, values in zip(frame.planes, planes, strict=True):
        size = 2 if is_deep else 1
        rows = np.zeros((plane.buffer_size // plane.line_size, plane.line_size // size))
        rows[: values.shape[0], : values.shape[1]] = values
        plane.update(rows.astype(np.uint16 if is_deep else np.uint8).tobytes())
    return frame


def _tone(stream, seconds: float) -> list[av.Packet]:
    """A tone of 440 Hz."""
    context = stream.codec_context
    rate = context.rate
    wave = (8000 * np.sin(2 * np.pi * 440 / rate * np.arange(int(seconds * rate)))).astype(np.int16)
    packets = []
    for start in range(0, len(wave), 1024):
        part = np.repeat(wave[start : start + 1024], context.layout.nb_channels)[None]
        samples = av.AudioFrame.from_ndarray(part, "s16", context.layout.name)
        samples.sample_rate, samples.pts = rate, start
        packets += stream.encode(samples)
    return [*packets, *stream.encode()]


def _cover(stream, format_: str) -> av.Packet:
    file = io.BytesIO()
    Image.new("RGB", (16, 16), (200, 30, 30)).save(file, format_)
    packet = av.Packet(file.getvalue())
    packet.stream, packet.pts, packet.dts, packet.is_keyframe = stream, 0, 0, True
    packet.time_base = Fraction(1, 25)
    return packet
