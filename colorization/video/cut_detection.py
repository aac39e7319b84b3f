"""Where a film cuts: luminance histograms of 4 x 4 blocks, each frame against the one before.

PySceneDetect would do this, too, but brings OpenCV, which is larger than the rest of this package.
"""

from collections import deque

import numpy as np
from PIL import Image

from colorization.video.options import FilmOptions
from colorization.video.yuv import Plane

SIDE, BLOCKS, BINS = 64, 4, 16
RECENT = 6  # frames that tell how much a scene moves
CUT = 0.4  # share of the histograms that changes at a cut
RISE = 2.5  # a cut changes so many times as much


class CutFinder:
    """Tells cuts, frame by frame.

    The change between two frames is the total variation distance of their histograms (16 bins,
    linear votes), mean over 4 x 4 blocks: 0 for equal frames, 1 for frames without a value in
    common. A cut is a change of CUT that is also RISE times the mean of the last
    RECENT changes: neither a pan nor the flicker of old film is one.
    """

    def __init__(self, options: FilmOptions = FilmOptions()) -> None:
        self.options = options
        self._last: np.ndarray | None = None
        self._recent: deque[float] = deque(maxlen=RECENT)
        self._length = 0

    def is_cut(self, gray: Plane) -> bool:
        """Whether a scene begins with this frame, given all frames so far; the first begins one."""
        shares = _block_histograms(gray)
        last, self._last = self._last, shares
        if last is None:
            self._length = 1
            return True
        change = float(np.abs(shares - last).sum(1).mean() / 2)
        usual = sum(self._recent) / len(self._recent) if self._recent else 0.0
        is_long_enough = self._length >= self.options.min_scene
        found = is_long_enough and change >= max(CUT, RISE * usual)
        self._length = 1 if found else self._length + 1
        if found:
            self._recent.clear()
        else:
            self._recent.append(change)
        return found


def _block_histograms(gray: Plane) -> np.ndarray:
    """(blocks, bins), each row sums to 1."""
    small = np.asarray(Image.fromarray(gray).resize((SIDE, SIDE), Image.Resampling.BOX), np.float64)
    step = SIDE // BLOCKS
    blocks = small.reshape(BLOCKS, step, BLOCKS, step).swapaxes(1, 2).reshape(BLOCKS * BLOCKS, -1)
    place = blocks / 255 * (BINS - 1)
    low = np.minimum(place.astype(np.int64), BINS - 2)
    rows = np.arange(len(blocks))[:, None] * BINS
    counts = np.zeros(len(blocks) * BINS)
    for side, share in ((0, 1 - (place - low)), (1, place - low)):
        counts += np.bincount((rows + low + side).ravel(), share.ravel(), len(counts))
    return counts.reshape(len(blocks), BINS) / blocks.shape[1]
