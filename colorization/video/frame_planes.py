"""The luma of a decoded frame: upright, of 8 bits, in the range of a usual screen."""

from collections.abc import Mapping
from functools import lru_cache
from typing import cast

import av
import numpy as np
from av.buffer import Buffer
from av.sidedata.sidedata import Type
from jaxtyping import Shaped, UInt8

from retrieval.photos.color.hdr_curves import HLG, PQ, to_light, tone_mapped

FULL_RANGE = 2  # of FFmpeg's color ranges
HDR = {PQ: "PQ", HLG: "HLG"}
# a usual screen's, by which linear light becomes the signal of BT.709 (ITU-R BT.1886)
SCREEN_GAMMA = 2.4
_SMALL = 224  # pixels of a picture that tells whether there are colors
# planes of 8 bits that hold luma alone
_PLANAR = ("yuv4", "yuvj4", "yuva4", "nv12", "nv16", "nv21", "nv24")
_IDENTITY = (1, 0, 0, 1)


def matrix_of_display(frame: av.VideoFrame) -> tuple[int, int, int, int]:
    """How the stored picture is to be turned: where its right side and its lower side point.

    Args:
        frame: as it was decoded.

    Returns:
        The first two numbers of the first two lines of FFmpeg's display matrix.
    """
    found = cast("Mapping[Type, Buffer]", frame.side_data)  # its stub takes it for a TypedDict
    if Type.DISPLAYMATRIX not in found:
        return _IDENTITY
    values = np.frombuffer(bytes(found[Type.DISPLAYMATRIX]), "=i4")
    return int(values[0]), int(values[1]), int(values[3]), int(values[4])


def lies_on_its_side(matrix: tuple[int, int, int, int]) -> bool:
    """Whether width and height change places."""
    a, b, c, d = map(abs, matrix)
    return b + c > a + d


def upright(
    plane: Shaped[np.ndarray, "height width ..."], matrix: tuple[int, int, int, int]
) -> Shaped[np.ndarray, "_height _width ..."]:
    """Turn and mirror a plane as it is shown.

    Args:
        plane: as it is stored.
        matrix: from matrix_of_display; the nearest of the eight ways is taken.
    """
    across, down = matrix[0], matrix[3]
    if lies_on_its_side(matrix):
        plane = plane.swapaxes(0, 1)
        across, down = matrix[2], matrix[1]
    plane = plane[:, ::-1] if across < 0 else plane
    return plane[::-1] if down < 0 else plane


def is_full_range(frame: av.VideoFrame) -> bool:
    """Whether black is 0 and white 255."""
    name = frame.format.name
    return (
        frame.color_range == FULL_RANGE
        or name.startswith("yuvj")
        or (name.startswith("gray") and frame.color_range == 0)
    )


def luma_of_frame(frame: av.VideoFrame) -> UInt8[np.ndarray, "height width"]:
    """Luma as it is stored, where it has 8 bits and a plane of its own; HDR by the tone curve.

    Args:
        frame: as it was decoded; it is not turned.
    """
    is_full = is_full_range(frame)
    if frame.color_trc in HDR:
        deep = _plane(_converted(frame, "yuv444p16le", is_full), np.uint16)
        return np.asarray(_curve(frame.color_trc, is_full)[deep])
    layout = frame.format
    alone = layout.name == "gray" or layout.name.startswith(_PLANAR)
    if not alone or layout.components[0].bits != 8:
        frame = _converted(frame, "yuv444p", is_full)
    return _plane(frame, np.uint8)


def small_rgb(frame: av.VideoFrame) -> UInt8[np.ndarray, "height width 3"]:
    """The frame in few pixels, which tell whether it has colors."""
    small = frame.reformat(width=_SMALL, height=_SMALL, format="rgb24")
    return np.asarray(small.to_ndarray())


def _converted(frame: av.VideoFrame, format_: str, is_full: bool) -> av.VideoFrame:
    kind = FULL_RANGE if is_full else 1
    return frame.reformat(format=format_, src_color_range=kind, dst_color_range=kind)


def _plane(frame: av.VideoFrame, dtype: type) -> np.ndarray:
    plane = frame.planes[0]
    values: np.ndarray = np.frombuffer(plane, dtype)  # type: ignore[call-overload]
    width = plane.line_size // values.itemsize
    return values.reshape(-1, width)[: frame.height, : frame.width]


@lru_cache(maxsize=4)
def _curve(transfer: int, is_full: bool) -> UInt8[np.ndarray, "65536"]:
    """Luma of BT.709 for each luma of HDR, both in the same range."""
    stored = np.arange(1 << 16) / 256
    signal = stored * 256 / 65535 if is_full else (stored - 16) / 219
    shown = tone_mapped(to_light(signal, transfer)) ** (1 / SCREEN_GAMMA)
    values = shown * 255 if is_full else 16 + 219 * shown
    return np.clip(values.round(), 0, 255).astype(np.uint8)
