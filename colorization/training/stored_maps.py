"""Crops of photos with the frozen encoder's maps, written once and read at random while training.

The encoder costs more than the network that is trained, and never changes: a step that reads its
maps costs only matching, network and losses. Crops, mirroring and the tones of prints are drawn
when the maps are written, several a photo.

A folder holds ``crops.bin``, one record of fixed size a crop; ``photos.bin``, the number of the
photo that each few crops are of; and ``store.npz``, written last: which photos resemble which.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from colorization.network.color_bins import NUM_BINS, histogram
from colorization.network.colorization_network import ENCODER_MAPS
from colorization.training.aged_prints import aged, on_film
from colorization.training.resemblance import resembling
from retrieval.photos.reader import PictureError, read_small_rgb
from retrieval.safe_files import replacing
from similarity.backbone.backbone import Backbone
from similarity.backbone.precision import inference
from similarity.color.tones import spread_tones
from similarity.training.crops import random_square

AB_STRIDE = 2  # of the stored chroma
SHORT_SIDE = 256  # photos are read at this short side or up to twice as large
AGED_SHARE = 0.75  # of the crops whose luminance is that of an old print
BATCH, AHEAD = 16, 2  # photos that are described together; batches that are decoded ahead
PRIOR_CROPS = 2000  # crops from which the frequencies of colors are counted


@dataclass(frozen=True)
class StoreOptions:
    """What is stored of each photo.

    Attributes:
        side: of the crops in pixels, a multiple of 32.
        crops: of each photo.
        cover: smallest share of the photo's short side in a crop.
        seed: of what is drawn.

    Raises:
        ValueError: a value is out of range.
    """

    side: int = 192
    crops: int = 3
    cover: float = 0.62
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the values."""
        if self.side < 64 or self.side % 32:
            raise ValueError(f"side must be a multiple of 32 from 64, not {self.side}")
        if self.crops < 1 or not 0 < self.cover <= 1:
            values = f"{self.crops} and {self.cover:g}"
            raise ValueError(f"crops must be positive and cover within 0..1, not {values}")

    @property
    def record(self) -> np.dtype:
        """The layout of a crop in the file."""
        maps = [
            (name, np.float16, (self.side // int(name.removeprefix("stride")),) * 2 + (channels,))
            for name, channels in ENCODER_MAPS.items()
        ]
        cells = self.side // AB_STRIDE
        planes = [("luminance", np.uint8, (self.side,) * 2), ("ab", np.int8, (cells, cells, 2))]
        return np.dtype([*maps, *planes])


@dataclass(frozen=True)
class Crops:
    """Crops that were read.

    Attributes:
        maps: the encoder's standardised maps, by name.
        luminance: L, 0..100, with its tones spread.
        ab: chroma at stride 2, raw Lab units.
    """

    maps: dict[str, Float[Tensor, "batch _channels _height _width"]]
    luminance: Float[Tensor, "batch 1 side side"]
    ab: Float[Tensor, "batch 2 cells cells"]


def write_store(
    paths: Sequence[Path],
    out: Path,
    encoder: Backbone,
    options: StoreOptions = StoreOptions(),
    workers: int = 2,
) -> Iterator[int]:
    """Write the crops of photos, or go on where an earlier call was stopped.

    Args:
        paths: color photos, in an order that does not change from call to call.
        out: folder of the store.
        encoder: what describes them.
        options: what is stored.
        workers: threads that decode.

    Yields:
        How many photos have been looked at, each time that some more have. Photos that cannot be
        read are left out.

    Raises:
        ValueError: the folder holds a store of other photos or options, or no photo can be read.
    """
    out.mkdir(parents=True, exist_ok=True)
    plan = {
        "encoder": encoder.weights_hash,
        **asdict(options),
        "photos": hashlib.sha256("\n".join(map(str, paths)).encode()).hexdigest(),
    }
    plan_path = out / "plan.json"
    if not plan_path.exists():
        with replacing(plan_path, out / "plan.tmp"):
            (out / "plan.tmp").write_text(json.dumps(plan) + "\n")
    elif json.loads(plan_path.read_text()) != plan:
        raise ValueError(f"{out}: holds crops of other photos or options; choose another folder")
    unit = options.record.itemsize * options.crops
    crops_path, photos_path = out / "crops.bin", out / "photos.bin"
    for path in (crops_path, photos_path):
        path.touch()
    done = min(crops_path.stat().st_size // unit, photos_path.stat().st_size // 4)
    os.truncate(crops_path, done * unit)
    os.truncate(photos_path, done * 4)
    kept = np.fromfile(photos_path, np.int32)
    first = int(kept[-1]) + 1 if len(kept) else 0
    starts = range(first, len(paths), BATCH)
    with (
        crops_path.open("ab") as crops,
        photos_path.open("ab") as photos,
        ThreadPoolExecutor(workers) as pool,
    ):

        def drawn(start: int) -> list[Future[list[Tensor]]]:
            rows = range(start, min(start + BATCH, len(paths)))
            return [pool.submit(crops_of, paths[row], row, options) for row in rows]

        ahead = [drawn(start) for start in starts[:AHEAD]]
        for start in starts:
            if start + AHEAD * BATCH < len(paths):
                ahead.append(drawn(start + AHEAD * BATCH))
            found = [future.result() for future in ahead.pop(0)]
            there = [start + i for i, one in enumerate(found) if one]
            if there:
                labs = torch.stack([lab for one in found for lab in one])
                crops.write(_records(labs, encoder, options).tobytes())
                photos.write(np.array(there, np.int32).tobytes())
                crops.flush()
                photos.flush()
            yield start + len(found)
    if not photos_path.stat().st_size:
        raise ValueError("none of the photos can be read")
    _finish(out, options)


def crops_of(path: Path, row: int, options: StoreOptions) -> list[Float[Tensor, "3 side side"]]:
    """Draw the crops of a photo.

    Args:
        path: of the photo.
        row: its number, from which and from the seed all that is random follows.
        options: side, number and cover of the crops.

    Returns:
        Lab of each crop, with the luminance that the networks see; none if it cannot be read.
    """
    try:
        rgb = read_small_rgb(path, SHORT_SIDE)
    except PictureError:
        return []
    found = []
    for number in range(options.crops):
        rng = np.random.default_rng((options.seed, row, number))
        lab = on_film(random_square(rgb, rng, options.cover, options.side), rng)
        if rng.random() < AGED_SHARE:
            lab = aged(lab, rng)
        found.append(spread_tones(lab[None])[0])
    return found


def _records(labs: Tensor, encoder: Backbone, options: StoreOptions) -> np.ndarray:
    records = np.zeros(len(labs), options.record)
    levels = (labs[:, :1] * 2.55).round().clamp(0, 255)
    with inference():
        for name, values in encoder.standardised_maps(levels / 2.55, tuple(ENCODER_MAPS)).items():
            records[name] = values.permute(0, 2, 3, 1).cpu().numpy().astype(np.float16)
    ab = F.avg_pool2d(labs[:, 1:], AB_STRIDE).round().clamp(-127, 127)
    records["luminance"] = levels[:, 0].numpy().astype(np.uint8)
    records["ab"] = ab.permute(0, 2, 3, 1).numpy().astype(np.int8)
    return records


def _finish(out: Path, options: StoreOptions) -> None:
    """Write which photos resemble which, and how frequent each color is."""
    crops = np.memmap(out / "crops.bin", options.record, "r").reshape(-1, options.crops)
    whole = np.concatenate(
        [
            crops[i : i + 256, 0]["stride32"].astype(np.float32).mean((1, 2))
            for i in range(0, len(crops), 256)
        ]
    )
    step = max(1, len(crops) // PRIOR_CROPS)
    ab = torch.from_numpy(crops[::step, 0]["ab"].astype(np.float32)).permute(0, 3, 1, 2)
    prior = histogram(F.avg_pool2d(ab, 4)).mean(0)
    temporary = out / "store.tmp.npz"
    with replacing(out / "store.npz", temporary):
        np.savez(temporary, like=resembling(torch.from_numpy(whole)), prior=prior.numpy())


class MapStore:
    """A finished store, read at random.

    Attributes:
        options: what is stored of each photo.
        like: the photos that resemble each, best first.
        prior: share of each color bin.
        key: tells stores apart.
    """

    def __init__(self, folder: Path) -> None:
        """Open a store.

        Args:
            folder: of write_store.

        Raises:
            FileNotFoundError: there is none, or it is not finished.
            ValueError: its files do not belong together.
        """
        if not (folder / "store.npz").is_file():
            raise FileNotFoundError(
                f"{folder}: no finished store; write it with scripts/train store"
            )
        plan = json.loads((folder / "plan.json").read_text())
        self.encoder_hash: str = plan["encoder"]
        self.options = StoreOptions(**{k: plan[k] for k in ("side", "crops", "cover", "seed")})
        with np.load(folder / "store.npz") as arrays:
            self.like: Int[np.ndarray, "photos count"] = arrays["like"]
            self.prior: Float[Tensor, " bins"] = torch.from_numpy(arrays["prior"])
        self._record = self.options.record
        self._file = os.open(folder / "crops.bin", os.O_RDONLY)
        size = os.fstat(self._file).st_size
        if size != len(self) * self.options.crops * self._record.itemsize:
            raise ValueError(f"{folder}: crops.bin and store.npz do not belong together")
        if self.prior.shape != (NUM_BINS,):
            raise ValueError(f"{folder}: counts {len(self.prior)} colors, not {NUM_BINS}")
        self.key = hashlib.sha256(json.dumps(plan).encode() + self.like.tobytes()).hexdigest()[:16]

    def __len__(self) -> int:
        """How many photos."""
        return len(self.like)

    def __del__(self) -> None:
        """Close the file."""
        if hasattr(self, "_file"):
            os.close(self._file)

    def read(self, rows: Int[np.ndarray, " batch"], dtype: torch.dtype = torch.float32) -> Crops:
        """Read crops.

        Args:
            rows: numbers of crops; those of photo i are from ``i * options.crops`` on.
            dtype: of the maps.
        """
        records = np.empty(len(rows), self._record)
        size = self._record.itemsize
        view = records.view(np.uint8).reshape(len(rows), size)
        for place, row in enumerate(rows):
            os.preadv(self._file, [view[place].data], int(row) * size)
        maps = {
            name: torch.from_numpy(records[name]).to(dtype).permute(0, 3, 1, 2)
            for name in ENCODER_MAPS
        }
        luminance = torch.from_numpy(records["luminance"]).float()[:, None] / 2.55
        return Crops(maps, luminance, torch.from_numpy(records["ab"]).float().permute(0, 3, 1, 2))
