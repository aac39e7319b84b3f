"""A corpus packed for training: one HDF5 file of small JPEGs with each photo's references, within a byte budget.

Packed, a corpus travels as one file, and reading it costs a few milliseconds of decoding a photo.
Stored pixels were the other choice: sixteen times the bytes, which no longer travel.
"""

import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from colorization.network.color_bins import NUM_BINS, histogram
from retrieval.photos.reader import PictureError, read_small_rgb
from retrieval.search.photo_index import PhotoIndex
from retrieval.search.training_pairs import neighbours
from similarity.color.lab import as_tensor, rgb_to_lab

TRIALS = (
    (200, 92),
    (200, 85),
    (176, 80),
    (160, 75),
    (144, 70),
    (128, 65),
    (112, 60),
    (96, 50),
    (80, 40),
    (64, 30),
)
PROBE = 64  # photos from which the size of a pack is estimated
SAFETY = 0.97  # of the budget that the estimate may fill


def pack(
    index: PhotoIndex,
    out: Path,
    budget_bytes: int | None = None,
    log: Callable[[str], None] = print,
) -> Path:
    """Pack the color photos of an index, at the best quality that fits a budget.

    Args:
        index: the corpus; each photo's references are ranked in it.
        out: HDF5 file, written under a temporary name, then renamed.
        budget_bytes: largest size; None packs at the best quality.
        log: receives a line for each photo that cannot be read.

    Returns:
        ``out``.

    Raises:
        ValueError: the budget is too small for the corpus, or no photo can be read.
    """
    side, quality = _choose(index, budget_bytes)
    log(f"packing {len(index)} photos at short side {side}, JPEG quality {quality}")
    blobs, rows = [], []
    for row in range(len(index)):
        try:
            blobs.append(_encode(_shrink(read_small_rgb(index.path(row), side), side), quality))
            rows.append(row)
        except PictureError as error:
            log(f"skipped {error}")
    if not rows:
        raise ValueError(f"{index.index_dir}: no photo of the index can be read")
    place = np.full(len(index) + 1, -1, np.int32)  # the last stands for "no reference"
    place[rows] = np.arange(len(rows))
    sample = [
        rgb_to_lab(as_tensor(decode(blob)))[1:] for blob in blobs[:: max(1, len(blobs) // 1000)]
    ]
    prior = torch.stack([histogram(ab[None, :, ::4, ::4])[0] for ab in sample]).mean(0)
    temporary = out.with_suffix(".tmp")
    out.parent.mkdir(parents=True, exist_ok=True)
    references = place[neighbours(index)[rows]]
    try:
        with h5py.File(temporary, "w") as file:
            file["bytes"] = np.frombuffer(b"".join(blobs), np.uint8)
            file["offsets"] = np.cumsum([0, *(len(blob) for blob in blobs)])
            file["references"], file["prior"] = references, prior.numpy()
            file.attrs.update(side=side, quality=quality, weights_hash=index.manifest.weights_hash)
        temporary.replace(out)
    finally:
        temporary.unlink(missing_ok=True)
    return out


class Pack:
    """A packed corpus, memory-mapped."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such file; make it with scripts/train pack")
        try:
            with h5py.File(path, "r") as file:
                self.offsets: np.ndarray = file["offsets"][:]
                self.references: np.ndarray = file["references"][:]
                self.prior: Float[Tensor, " bins"] = torch.from_numpy(file["prior"][:])
                start = file["bytes"].id.get_offset()
                self.side = int(file.attrs["side"])
        except (OSError, KeyError) as error:
            raise ValueError(f"{path}: not a packed corpus ({error})") from error
        if start is None or self.prior.shape != (NUM_BINS,):
            raise ValueError(f"{path}: not a packed corpus")
        digest = hashlib.sha256(
            self.offsets.tobytes() + self.references.tobytes() + self.prior.numpy().tobytes()
        )
        self.key = digest.hexdigest()[:16]  # tells packs apart
        self._bytes = np.memmap(path, np.uint8, "r", start, (int(self.offsets[-1]),))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def rgb(self, row: int) -> UInt8[np.ndarray, "height width 3"]:
        """Decode a photo."""
        return decode(self._bytes[self.offsets[row] : self.offsets[row + 1]].tobytes())


def decode(blob: bytes) -> UInt8[np.ndarray, "height width 3"]:
    """RGB of a JPEG."""
    return np.asarray(Image.open(io.BytesIO(blob)).convert("RGB"))


def _choose(index: PhotoIndex, budget_bytes: int | None) -> tuple[int, int]:
    if budget_bytes is None:
        return TRIALS[0]
    fixed = len(index) * 64 + 65536  # offsets, references and HDF5's own
    pictures = []
    for row in np.linspace(0, len(index) - 1, min(PROBE, len(index))).astype(int):
        try:
            pictures.append(read_small_rgb(index.path(int(row)), TRIALS[0][0]))
        except PictureError:
            continue
    needed = 0
    for side, quality in TRIALS:
        mean = (
            np.mean([len(_encode(_shrink(p, side), quality)) for p in pictures]) if pictures else 0
        )
        needed = int(mean * len(index) + fixed)
        if needed <= budget_bytes * SAFETY:
            return side, quality
    raise ValueError(
        f"{len(index)} photos need {needed / 1e6:.1f} MB at the least, the budget is {budget_bytes / 1e6:.1f} MB"
    )


def _shrink(rgb: np.ndarray, side: int) -> Image.Image:
    picture = Image.fromarray(rgb)
    scale = side / min(picture.size)
    if scale >= 1:
        return picture
    return picture.resize(
        (max(1, round(picture.width * scale)), max(1, round(picture.height * scale))),
        Image.Resampling.BOX,
    )


def _encode(picture: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality, subsampling=2)
    return buffer.getvalue()
