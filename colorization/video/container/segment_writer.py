"""Write a film in pieces: segments of colored frames that are whole or not there."""

from pathlib import Path

import av
import numpy as np

from colorization.video.film_reader import SUFFIXES, Film
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
